"""What is listed: the arrays of a table, pinned, and the search in them. Part of `_compiled`; answers like `table`."""

cdef struct Band:
    int kind  # its bit, or -1 for exceptions
    int length
    int bits
    int shift
    const void* base
    Py_ssize_t count
    const uint32_t* guide
    Py_ssize_t slots
    const void* added
    Py_ssize_t adds
    const void* gone
    Py_ssize_t gones

cdef struct Bands:
    uint32_t serial
    Py_ssize_t count[2]  # IPv4, IPv6
    Band* band[2]


cdef class Loaded:
    """The arrays of a table, pinned. `bands` are those of `Table.bands`; kinds that no zone knows are left out."""

    cdef Bands found
    cdef list blocks
    cdef Py_buffer* buffers
    cdef Py_ssize_t held

    def __cinit__(self, Plan plan, bands, uint32_t serial):
        cdef Band* band
        cdef int version
        cdef Py_ssize_t at, n
        bands = list(bands)
        bits = {name: bit for bit, name in enumerate(plan.kinds)}
        wanted = [[s for s in bands if s.where.version == v and (not s.where.kind or s.where.kind in bits)]
                  for v in (4, 6)]
        self.buffers = <Py_buffer*>calloc(max(1, 4 * (len(wanted[0]) + len(wanted[1]))), sizeof(Py_buffer))
        if self.buffers == NULL:
            raise MemoryError()
        self.found.serial = serial
        self.blocks = []
        for version in range(2):
            n = len(wanted[version])
            block = _Block(max(1, n) * sizeof(Band))
            self.blocks.append(block)
            self.found.band[version] = <Band*>(<_Block>block).data
            self.found.count[version] = n
            for at in range(n):
                given = wanted[version][at]
                band = &self.found.band[version][at]
                band.kind = bits[given.where.kind] if given.where.kind else -1
                band.length = given.where.length
                band.bits = given.where.bits
                band.shift = given.shift
                band.base = self.pin(given.base, band.bits // 8, &band.count)
                band.guide = <const uint32_t*>self.pin(given.guide, 4, &band.slots)
                band.added = self.pin(given.added, band.bits // 8, &band.adds)
                band.gone = self.pin(given.gone, band.bits // 8, &band.gones)

    cdef const void* pin(self, object array, Py_ssize_t size, Py_ssize_t* count) except? NULL:
        cdef Py_buffer* buffer = &self.buffers[self.held]
        PyObject_GetBuffer(array, buffer, PyBUF_SIMPLE)
        self.held += 1
        count[0] = buffer.len // size
        return buffer.buf

    def __dealloc__(self):
        cdef Py_ssize_t n
        for n in range(self.held):
            PyBuffer_Release(&self.buffers[n])
        free(self.buffers)


cdef inline u128 number_at(const void* base, int bits, Py_ssize_t at) noexcept nogil:
    if bits == 32:
        return (<const uint32_t*>base)[at]
    if bits == 64:
        return (<const uint64_t*>base)[at]
    return (<u128>(<const uint64_t*>base)[2 * at] << 64) | (<const uint64_t*>base)[2 * at + 1]


cdef inline Py_ssize_t place(
    const void* base, int bits, Py_ssize_t low, Py_ssize_t high, u128 number
) noexcept nogil:
    """Of the numbers from low to high - 1, where this one is or would be; 0 <= low, high <= their count."""
    cdef Py_ssize_t middle
    cdef uint32_t small
    cdef const uint32_t* numbers
    if bits == 32:
        if number > 0xFFFFFFFFU:
            return high
        small = <uint32_t>number
        numbers = <const uint32_t*>base
        while low < high:
            middle = low + (high - low) // 2
            if numbers[middle] < small:
                low = middle + 1
            else:
                high = middle
        return low
    while low < high:
        middle = low + (high - low) // 2
        if number_at(base, bits, middle) < number:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline Py_ssize_t place_in_base(const Band* band, u128 number) noexcept nogil:
    cdef u128 origin
    cdef u128 slot
    cdef Py_ssize_t low, high
    if band.slots < 2 or band.count == 0:
        return place(band.base, band.bits, 0, band.count, number)
    origin = number_at(band.base, band.bits, 0)
    if number <= origin:
        return 0
    if band.bits == 128:
        origin = (origin >> 64) << 64
    slot = (number - origin) >> band.shift
    if slot >= <u128>(band.slots - 1):
        return band.count
    low = band.guide[<Py_ssize_t>slot]
    high = band.guide[<Py_ssize_t>slot + 1]
    if high > band.count:
        high = band.count
    return place(band.base, band.bits, low, high, number)


cdef inline bint has(const void* base, int bits, Py_ssize_t count, u128 number) noexcept nogil:
    cdef Py_ssize_t at
    if count == 0:
        return False
    at = place(base, bits, 0, count, number)
    return at < count and number_at(base, bits, at) == number


cdef bint contains(const Band* band, u128 number) noexcept nogil:
    cdef Py_ssize_t at = place_in_base(band, number)
    if at < band.count and number_at(band.base, band.bits, at) == number:
        return not has(band.gone, band.bits, band.gones, number)
    return has(band.added, band.bits, band.adds, number)


cdef bint any_between(const Band* band, u128 first, u128 last) noexcept nogil:
    cdef Py_ssize_t at = place(band.added, band.bits, 0, band.adds, first)
    cdef Py_ssize_t gone
    cdef u128 number
    if at < band.adds and number_at(band.added, band.bits, at) <= last:
        return True
    at = place_in_base(band, first)
    gone = place(band.gone, band.bits, 0, band.gones, first)
    while at < band.count:
        number = number_at(band.base, band.bits, at)
        if number > last:
            return False
        if gone >= band.gones or number_at(band.gone, band.bits, gone) != number:
            return True
        at += 1
        gone += 1
    return False


cdef int nearest_exception(const Bands* table, int family, u128 number, int length) noexcept nogil:
    cdef Py_ssize_t n
    cdef const Band* band
    cdef int nearest = -1
    for n in range(table.count[family]):
        band = &table.band[family][n]
        if band.kind >= 0:
            break  # exceptions come first, the widest before the others
        if band.length <= length and contains(band, number >> (length - band.length)):
            nearest = band.length
    return nearest


cdef inline u128 cut(u128 number, int by) noexcept nogil:
    return number >> by if by < 128 else 0


cdef uint64_t kinds_of(const Bands* table, int family, u128 number, uint64_t mask) noexcept nogil:
    """The bits of the kinds, of those in mask, under which an address is listed."""
    cdef int width = 32 if family == 0 else 128
    cdef int nearest = -1
    cdef Py_ssize_t n
    cdef const Band* band
    cdef uint64_t found = 0
    cdef uint64_t bit
    for n in range(table.count[family]):
        band = &table.band[family][n]
        if band.kind < 0:
            if contains(band, cut(number, width - band.length)):
                nearest = band.length
            continue
        bit = <uint64_t>1 << band.kind
        if mask & bit and not found & bit and band.length >= nearest:
            if contains(band, cut(number, width - band.length)):
                found |= bit
    return found


cdef bint under(const Bands* table, int family, u128 number, int length, uint64_t mask) noexcept nogil:
    """Whether an address of a network is listed under one of the kinds in mask."""
    cdef int nearest = nearest_exception(table, family, number, length)
    cdef Py_ssize_t n
    cdef const Band* band
    for n in range(table.count[family]):
        band = &table.band[family][n]
        if band.kind < 0 or not mask & (<uint64_t>1 << band.kind):
            continue
        if band.length <= length:
            if band.length >= nearest and contains(band, cut(number, length - band.length)):
                return True
        elif any_between(
            band,
            number << (band.length - length) if band.length - length < 128 else 0,
            ((number + 1) << (band.length - length)) - 1 if band.length - length < 128 else ~<u128>0,
        ):
            return True
    return False
