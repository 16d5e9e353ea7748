"""What sources hold: the arrays of datasets, pinned. Part of `_compiled`."""

cdef enum:
    MOST_HITS = 32  # values in one answer; what has more is left to the reference
    HEAD_OF_NAME = 9
    EXCLUDED = 0xFFFFFFFFU

cdef struct Set:
    int version  # 0 for names
    bint records  # the templates are type, TTL and data
    uint32_t ttl
    Bytes base
    Bytes variable[10]
    const uint8_t* addresses
    const uint32_t* ends
    Bytes templates
    Py_ssize_t values
    const uint32_t* group_ends
    Py_ssize_t group_count
    const uint32_t* groups
    Py_ssize_t members
    const void* starts
    const uint32_t* says
    Py_ssize_t stretches
    const uint32_t* guide
    Py_ssize_t guides
    int shift  # of an IPv6 address, to be a slot of the guide
    const uint32_t* slots
    Py_ssize_t slot_count
    Bytes blob
    const uint64_t* parents
    Py_ssize_t parent_count

cdef struct Sublist:
    Bytes name  # packed, lower case; empty for the origin's
    Py_ssize_t labels
    Py_ssize_t sets
    const Set** set
    bint maps  # a dataset of IPv4 is there, in which mapped addresses are looked up

cdef struct Held:
    bint there
    Py_ssize_t sublists
    Sublist* sublist  # those with more labels first
    Py_ssize_t ways
    Bytes* way  # names that lead to a sublist
    Py_ssize_t sets
    Records* set  # the origin's own
    Bytes negative  # the SOA of negative answers, behind its owner

cdef struct Hit:
    const Set* set
    uint32_t value
    uint8_t family
    Py_ssize_t entry  # of a name: where it begins in the question
    u128 number


cdef class Sourcing:
    """What the sources of each zone of a plan hold, pinned; None where nothing is in service."""

    cdef list keep
    cdef list blocks
    cdef Held* held
    cdef Set* sets
    cdef Py_buffer* buffers
    cdef Py_ssize_t pinned

    def __cinit__(self, list datasets, list zones):
        cdef Set* one
        cdef Held* held
        cdef Sublist* sublist
        cdef Py_ssize_t n, m, k, size
        cdef const void* at
        self.keep, self.blocks = [datasets], []
        self.buffers = <Py_buffer*>calloc(max(1, 12 * len(datasets)), sizeof(Py_buffer))
        if self.buffers == NULL:
            raise MemoryError()
        self.sets = <Set*>self.block(len(datasets), sizeof(Set))
        for n, given in enumerate(datasets):
            one = &self.sets[n]
            one.version, one.records, one.ttl = given.version, given.records, given.ttl
            one.base = self.hold(given.base)
            for m in range(10):
                one.variable[m] = self.hold(given.variables[m])
            one.addresses = <const uint8_t*>self.pin(given.addresses, 4, &size)
            one.ends = <const uint32_t*>self.pin(given.ends, 4, &one.values)
            if size < one.values:
                raise ValueError("values without addresses")
            one.templates.data = <const uint8_t*>self.pin(given.templates, 1, &one.templates.size)
            one.group_ends = <const uint32_t*>self.pin(given.group_ends, 4, &one.group_count)
            one.groups = <const uint32_t*>self.pin(given.groups, 4, &one.members)
            one.says = <const uint32_t*>self.pin(given.says, 4, &one.stretches)
            one.starts = self.pin(given.starts, 4 if one.version == 4 else 16, &size)
            if size < one.stretches:
                raise ValueError("stretches without a start")
            one.guide = <const uint32_t*>self.pin(given.guide, 4, &one.guides)
            if one.guides not in (0, 65537):
                raise ValueError("a guide out of place")
            one.shift = 0
            if one.guides and one.version == 6:
                if one.stretches == 0:
                    raise ValueError("a guide to nothing")
                while (start_of(one, 0) ^ start_of(one, one.stretches - 1)) >> one.shift >> 16:
                    one.shift += 1
            one.slots = <const uint32_t*>self.pin(given.slots, 4, &one.slot_count)
            one.blob.data = <const uint8_t*>self.pin(given.blob, 1, &one.blob.size)
            one.parents = <const uint64_t*>self.pin(given.parents, 8, &one.parent_count)
        self.held = <Held*>self.block(len(zones), sizeof(Held))
        for n, found in enumerate(zones):
            if found is None:
                continue
            held = &self.held[n]
            held.there = True
            held.negative = self.hold(found["negative"])
            held.sublists = len(found["views"])
            held.sublist = <Sublist*>self.block(held.sublists, sizeof(Sublist))
            for m, (name, labels, indices) in enumerate(found["views"]):
                sublist = &held.sublist[m]
                sublist.name, sublist.labels, sublist.sets = self.hold(name), labels, len(indices)
                sublist.set = <const Set**>self.block(sublist.sets, sizeof(Set*))
                for k, index in enumerate(indices):
                    if not 0 <= index < len(datasets):
                        raise ValueError("a dataset out of place")
                    sublist.set[k] = &self.sets[<Py_ssize_t>index]
                    sublist.maps = sublist.maps or sublist.set[k].version == 4
            held.ways = len(found["ways"])
            held.way = <Bytes*>self.block(held.ways, sizeof(Bytes))
            for m, name in enumerate(found["ways"]):
                held.way[m] = self.hold(name)
            held.sets = len(found["own"])
            held.set = <Records*>self.block(held.sets, sizeof(Records))
            for m, (qtype, answers, body, extras, extra) in enumerate(found["own"]):
                held.set[m].qtype, held.set[m].answers, held.set[m].extras = qtype, answers, extras
                held.set[m].body, held.set[m].extra = self.hold(body), self.hold(extra)

    cdef Bytes hold(self, bytes data):
        cdef Bytes held
        self.keep.append(data)
        held.data = <const uint8_t*><const char*>data
        held.size = len(data)
        return held

    cdef void* block(self, Py_ssize_t count, size_t size) except NULL:
        cdef _Block block = _Block(max(1, count) * size)
        self.blocks.append(block)
        return block.data

    cdef const void* pin(self, object array, Py_ssize_t size, Py_ssize_t* count) except? NULL:
        cdef Py_buffer* buffer = &self.buffers[self.pinned]
        PyObject_GetBuffer(array, buffer, PyBUF_SIMPLE)
        self.pinned += 1
        count[0] = buffer.len // size
        return buffer.buf

    def __dealloc__(self):
        cdef Py_ssize_t n
        for n in range(self.pinned):
            PyBuffer_Release(&self.buffers[n])
        free(self.buffers)
