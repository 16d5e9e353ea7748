"""Arrays that grow, and become buffers without being copied. Part of `_swift`."""


cdef class Block:
    """Memory that Python sees as bytes."""

    cdef void* data
    cdef Py_ssize_t size

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.data if self.size else <void*>b"", self.size, 1, flags)

    def __dealloc__(self):
        free(self.data)


cdef struct Vector:
    uint8_t* data
    Py_ssize_t size  # bytes
    Py_ssize_t room


cdef inline bint reserve(Vector* into, Py_ssize_t more) noexcept nogil:
    """Whether there is room for so many bytes behind what is there."""
    cdef Py_ssize_t room
    cdef void* grown
    if into.data != NULL and into.size + more <= into.room:
        return True
    room = into.room * 2 if into.room else 4096
    while room < into.size + more:
        room *= 2
    grown = realloc(into.data, room)
    if grown == NULL:
        return False
    into.data, into.room = <uint8_t*>grown, room
    return True


cdef inline bint push(Vector* into, const void* data, Py_ssize_t size) noexcept nogil:
    if not reserve(into, size):
        return False
    memcpy(into.data + into.size, data, size)
    into.size += size
    return True


cdef inline bint push32(Vector* into, uint32_t value) noexcept nogil:
    return push(into, &value, 4)


cdef inline bint push64(Vector* into, uint64_t value) noexcept nogil:
    return push(into, &value, 8)


cdef inline void dropped(Vector* one) noexcept nogil:
    free(one.data)
    memset(one, 0, sizeof(Vector))


cdef object given(Vector* one):
    """The bytes as a memoryview; the vector is empty afterwards."""
    cdef Block block = Block()
    cdef void* fitting
    if one.size:
        fitting = realloc(one.data, one.size)
        block.data = fitting if fitting != NULL else one.data
        block.size = one.size
        memset(one, 0, sizeof(Vector))
    else:
        dropped(one)
    return memoryview(block)


cdef tuple grouped(dict groups):
    """(where each group ends, the members of all)."""
    ends, members = array("I"), array("I")
    for group in groups:
        members.extend(group)
        ends.append(len(members))
    return memoryview(ends), memoryview(members)
