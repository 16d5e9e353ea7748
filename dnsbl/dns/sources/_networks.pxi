"""Blocks of addresses, sorted and cut into stretches. Part of `_swift`."""

cdef enum:
    DIGIT = 2048  # blocks are sorted by eleven bits at a time
    DEEPEST = 130  # blocks around one another, one of each length


cdef struct Block4:
    uint64_t key  # first address << 6 | prefix length
    uint32_t value
    uint32_t line

cdef struct Block6:
    uint64_t high
    uint64_t low
    uint32_t length
    uint32_t value
    uint32_t line

cdef struct Around:
    u128 last
    uint32_t said


cdef class SwiftEntries:
    """As `networks.Entries`."""

    cdef readonly int version
    cdef bint first_wins
    cdef Vector entries

    def __init__(self, int version, *, bint first_wins):
        self.version, self.first_wins = version, first_wins

    def add(self, first, uint32_t length, uint32_t value, uint32_t line):
        """Take this block: the value's number, or 0 when it is excluded."""
        cdef bint kept
        if self.version == 4:
            kept = self.add4(first, length, value, line)
        else:
            kept = self.add6(first >> 64, first & 0xFFFFFFFFFFFFFFFF, length, value, line)
        if not kept:
            raise MemoryError()

    cdef inline bint add4(self, uint32_t first, uint32_t length, uint32_t value, uint32_t line) noexcept nogil:
        cdef Block4* one
        if not reserve(&self.entries, sizeof(Block4)):
            return False
        one = <Block4*>(self.entries.data + self.entries.size)
        one.key, one.value, one.line = <uint64_t>first << 6 | length, value, line
        self.entries.size += sizeof(Block4)
        return True

    cdef inline bint add6(
        self, uint64_t high, uint64_t low, uint32_t length, uint32_t value, uint32_t line
    ) noexcept nogil:
        cdef Block6* one
        if not reserve(&self.entries, sizeof(Block6)):
            return False
        one = <Block6*>(self.entries.data + self.entries.size)
        one.high, one.low, one.length, one.value, one.line = high, low, length, value, line
        self.entries.size += sizeof(Block6)
        return True

    def packed(self, uint32_t values):
        """(starts, says, where groups end, groups, lines that say what an earlier one has said) for so many values.

        No block is taken afterwards."""
        cdef Vector starts, says, twice
        cdef bint done
        cdef dict groups = {}
        memset(&starts, 0, sizeof(Vector))
        memset(&says, 0, sizeof(Vector))
        memset(&twice, 0, sizeof(Vector))
        with nogil:
            done = sort4(&self.entries) if self.version == 4 else sort6(&self.entries)
            done = done and sweep(
                &self.entries, self.version, self.first_wins, values, &starts, &says, &twice, <void*>groups
            )
            dropped(&self.entries)
        found = given(&starts).cast("I" if self.version == 4 else "Q"), given(&says).cast("I")
        lines = sorted(given(&twice).cast("I"))
        if not done:
            raise MemoryError()
        return *found, *grouped(groups), lines

    def __dealloc__(self):
        free(self.entries.data)


def guide(starts, int version):
    """As `networks.guide`."""
    cdef const uint8_t[::1] data = starts.cast("B")
    cdef Py_ssize_t width = 4 if version == 4 else 16, count = data.shape[0] // width, at = 0
    cdef const uint32_t* four = NULL
    cdef const uint64_t* six = NULL
    cdef Vector slots
    cdef uint32_t slot
    cdef u128 differ
    cdef int shift = 16
    memset(&slots, 0, sizeof(Vector))
    if count < NEEDS_GUIDE:
        return given(&slots).cast("I")
    if not reserve(&slots, 4 * 65537):
        raise MemoryError()
    four, six = <const uint32_t*>&data[0], <const uint64_t*>&data[0]
    with nogil:
        if version == 6:
            differ = number6(six, 0) ^ number6(six, count - 1)
            shift = 0
            while differ >> shift >> 16:
                shift += 1
        for slot in range(65536):
            if version == 4:
                while at < count and four[at] >> 16 < slot:
                    at += 1
            else:
                while at < count and <uint32_t>(number6(six, at) >> shift & 0xFFFF) < slot:
                    at += 1
            push32(&slots, <uint32_t>at)
        push32(&slots, <uint32_t>count)
    return given(&slots).cast("I")


cdef inline u128 number6(const uint64_t* starts, Py_ssize_t at) noexcept nogil:
    cdef u128 number = starts[2 * at]
    number <<= 64
    number |= starts[2 * at + 1]
    return number


cdef bint sort4(Vector* entries) noexcept nogil:
    """By key, those of one key as they came."""
    cdef Py_ssize_t count = entries.size // <Py_ssize_t>sizeof(Block4), n, total, held
    cdef Block4* source = <Block4*>entries.data
    cdef Block4* target
    cdef Block4* other
    cdef Py_ssize_t places[DIGIT]
    cdef uint64_t differ = 0, digit
    cdef bint sorted_ = True
    cdef int shift = 0
    for n in range(1, count):
        differ |= source[n].key ^ source[0].key
        if source[n].key < source[n - 1].key:
            sorted_ = False
    if sorted_:
        return True
    while not differ >> shift & 1:  # bits that are alike in all of them need no turn
        shift += 1
    other = target = <Block4*>malloc(count * sizeof(Block4))
    if other == NULL:
        return False
    while differ >> shift:
        if differ >> shift & (DIGIT - 1):
            memset(places, 0, sizeof(places))
            for n in range(count):
                places[source[n].key >> shift & (DIGIT - 1)] += 1
            total = 0
            for n in range(DIGIT):
                held = places[n]
                places[n] = total
                total += held
            for n in range(count):
                digit = source[n].key >> shift & (DIGIT - 1)
                target[places[digit]] = source[n]
                places[digit] += 1
            source, target = target, source
        shift += 11
    return settled(entries, <uint8_t*>source, <uint8_t*>target, count * <Py_ssize_t>sizeof(Block4))


cdef inline bint settled(Vector* entries, uint8_t* source, uint8_t* target, Py_ssize_t size) noexcept nogil:
    """Keep the one that is sorted, let go of the other one."""
    entries.data, entries.size, entries.room = source, size, size
    free(target)
    return True


cdef inline uint32_t digit6(const Block6* one, int digit) noexcept nogil:
    if digit == 0:
        return one.length
    if digit < 7:
        return <uint32_t>(one.low >> (11 * (digit - 1)) & (DIGIT - 1))
    return <uint32_t>(one.high >> (11 * (digit - 7)) & (DIGIT - 1))


cdef bint sort6(Vector* entries) noexcept nogil:
    cdef Py_ssize_t count = entries.size // <Py_ssize_t>sizeof(Block6), n, total, held
    cdef Block6* source = <Block6*>entries.data
    cdef Block6* target
    cdef Py_ssize_t places[DIGIT]
    cdef int digit
    cdef uint32_t at
    if count < 2:
        return True
    target = <Block6*>malloc(count * sizeof(Block6))
    if target == NULL:
        return False
    for digit in range(13):
        memset(places, 0, sizeof(places))
        for n in range(count):
            places[digit6(&source[n], digit)] += 1
        if places[digit6(&source[0], digit)] == count:
            continue
        total = 0
        for n in range(DIGIT):
            held = places[n]
            places[n] = total
            total += held
        for n in range(count):
            at = digit6(&source[n], digit)
            target[places[at]] = source[n]
            places[at] += 1
        source, target = target, source
    return settled(entries, <uint8_t*>source, <uint8_t*>target, count * <Py_ssize_t>sizeof(Block6))


cdef inline bint stretch(Vector* starts, Vector* says, int version, u128 start, uint32_t said) noexcept nogil:
    """Let this be said from here on."""
    cdef Py_ssize_t count = says.size // 4, width = 4 if version == 4 else 16
    cdef uint64_t halves[2]
    cdef uint32_t single = <uint32_t>start
    cdef const void* packed = halves
    if version == 4:
        packed = &single
    halves[0], halves[1] = <uint64_t>(start >> 64), <uint64_t>start
    if count and memcmp(starts.data + width * (count - 1), packed, width) == 0:
        starts.size -= width
        says.size -= 4
        count -= 1
    if said == ((<uint32_t*>says.data)[count - 1] if count else 0):
        return True
    return push(starts, packed, width) and push32(says, said)


cdef bint sweep(
    Vector* entries, int version, bint first_wins, uint32_t values, Vector* starts, Vector* says, Vector* twice,
    void* groups,
) noexcept nogil:
    """The blocks, which are in order, as stretches; `groups` is a dict."""
    cdef Py_ssize_t count = entries.size // <Py_ssize_t>(sizeof(Block4) if version == 4 else sizeof(Block6)), at = 0, end
    cdef const Block4* four = <const Block4*>entries.data
    cdef const Block6* six = <const Block6*>entries.data
    cdef Around around[DEEPEST]
    cdef int depth = 0, length
    cdef u128 first, last
    cdef uint32_t said, value
    cdef bint good = True, several
    while at < count and good:
        if version == 4:
            first, length, said = four[at].key >> 6, <int>(four[at].key & 63), four[at].value
            last = first | (0xFFFFFFFFU >> length if length < 32 else 0)
        else:
            first = <u128>six[at].high << 64
            first |= six[at].low
            length, said = <int>six[at].length, six[at].value
            last = first | ((<u128>1 << (128 - length)) - 1 if length else ~<u128>0)
        end = at + 1
        several = False
        while end < count:
            if version == 4:
                if four[end].key != four[at].key:
                    break
                value = four[end].value
            else:
                if six[end].high != six[at].high or six[end].low != six[at].low or six[end].length != six[at].length:
                    break
                value = six[end].value
            if first_wins:
                good = good and push32(twice, four[end].line if version == 4 else six[end].line)
            elif value == 0 or said == 0:
                said = 0
            elif value != said:
                several = True
            end += 1
        if several and said:
            with gil:
                said = values + group_of(<dict>groups, entries, version, at, end)
        at = end
        while depth and around[depth - 1].last < first:
            depth -= 1
            good = good and stretch(
                starts, says, version, around[depth].last + 1, around[depth - 1].said if depth else 0
            )
        around[depth].last, around[depth].said = last, said
        depth += 1
        good = good and stretch(starts, says, version, first, said)
    last = 0xFFFFFFFFU if version == 4 else ~<u128>0
    while good and depth and around[depth - 1].last < last:
        depth -= 1
        good = stretch(starts, says, version, around[depth].last + 1, around[depth - 1].said if depth else 0)
    return good


cdef uint32_t group_of(dict groups, Vector* entries, int version, Py_ssize_t at, Py_ssize_t end):
    """The number of the group of the values of these blocks, from 1 on."""
    cdef Py_ssize_t n
    cdef dict found = {}
    for n in range(at, end):
        value = (<Block4*>entries.data)[n].value if version == 4 else (<Block6*>entries.data)[n].value
        found[value - 1] = None
    return groups.setdefault(tuple(found), len(groups) + 1)
