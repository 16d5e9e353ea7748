"""The distinct values of a dataset. Part of `_swift`."""

cdef struct Known:
    uint32_t tag
    uint32_t number  # 0 is free


cdef inline uint64_t tagged(const uint8_t* data, Py_ssize_t size, uint64_t state) noexcept nogil:
    """A hash of these bytes; eight at a time, since texts are long."""
    cdef uint64_t word
    while size >= 8:
        memcpy(&word, data, 8)
        state = (state ^ word) * 0x9E3779B97F4A7C15U
        state ^= state >> 32
        data += 8
        size -= 8
    word = 0
    memcpy(&word, data, size)
    state = (state ^ word ^ <uint64_t>size << 56) * 0xBF58476D1CE4E5B9U
    return state ^ state >> 29


cdef class SwiftValues:
    """As `values.Values`."""

    cdef Vector addresses
    cdef Vector ends
    cdef Vector templates
    cdef Known* known
    cdef Py_ssize_t room
    cdef uint32_t last  # the number that was asked for last: lines alike follow one another

    def __len__(self):
        return self.ends.size // 4

    def number(self, value):
        """Where this value is, from 1 on."""
        cdef bytes address = value[0], template = value[1]
        cdef uint32_t found = self.add(<const uint8_t*>address, <const uint8_t*>template, len(template))
        if found == 0:
            raise MemoryError()
        return found

    cdef inline bint same(
        self, uint32_t number, const uint8_t* address, const uint8_t* template, Py_ssize_t size
    ) noexcept nogil:
        cdef const uint32_t* ends = <const uint32_t*>self.ends.data
        cdef uint32_t begin = ends[number - 2] if number > 1 else 0
        if <Py_ssize_t>(ends[number - 1] - begin) != size:
            return False
        if memcmp(self.addresses.data + 4 * (<Py_ssize_t>number - 1), address, 4) != 0:
            return False
        return size == 0 or memcmp(self.templates.data + begin, template, size) == 0

    cdef uint32_t add(self, const uint8_t* address, const uint8_t* template, Py_ssize_t size) noexcept nogil:
        """The number of a value; 0 when there is no memory."""
        cdef uint32_t first, tag, number
        cdef Py_ssize_t slot
        if self.last and self.same(self.last, address, template, size):
            return self.last
        if self.ends.size >= 3 * self.room and self.room < 2 * MOST_KNOWN and not self.grow():  # three of four are taken
            return 0
        memcpy(&first, address, 4)
        tag = <uint32_t>tagged(template, size, first)
        slot = <Py_ssize_t>(<uint64_t>tag * <uint64_t>self.room >> 32)
        while self.known[slot].number:
            number = self.known[slot].number
            if self.known[slot].tag == tag and self.same(number, address, template, size):
                self.last = number
                return number
            slot = slot + 1 if slot + 1 < self.room else 0
        number = <uint32_t>(self.ends.size // 4)
        if number and self.same(number, address, template, size):
            self.last = number
            return number
        if self.templates.size + size > 0xFFFFFFFFU or not push(&self.templates, template, size):
            return 0
        if not push(&self.addresses, address, 4):
            self.templates.size -= size
            return 0
        if not push32(&self.ends, <uint32_t>self.templates.size):
            self.templates.size -= size
            self.addresses.size -= 4
            return 0
        self.last = <uint32_t>(self.ends.size // 4)
        if self.last <= MOST_KNOWN:
            self.known[slot].tag, self.known[slot].number = tag, self.last
        return self.last

    cdef bint grow(self) noexcept nogil:
        cdef Py_ssize_t room = self.room * 2 if self.room else 64, n, slot
        cdef Known* fresh = <Known*>calloc(room, sizeof(Known))
        if fresh == NULL:
            return False
        for n in range(self.room):
            if self.known[n].number:
                slot = <Py_ssize_t>(<uint64_t>self.known[n].tag * <uint64_t>room >> 32)
                while fresh[slot].number:
                    slot = slot + 1 if slot + 1 < room else 0
                fresh[slot] = self.known[n]
        free(self.known)
        self.known, self.room = fresh, room
        return True

    def packed(self):
        """(addresses, where the template of each ends, the templates). No value is taken afterwards."""
        free(self.known)
        self.known, self.room, self.last = NULL, 0, 0
        return given(&self.addresses), given(&self.ends).cast("I"), given(&self.templates)

    def __dealloc__(self):
        free(self.known)
        free(self.addresses.data)
        free(self.ends.data)
        free(self.templates.data)
