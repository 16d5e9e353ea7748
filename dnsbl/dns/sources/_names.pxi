"""Names, found by hash, in one blob. Part of `_swift`."""

cdef struct Place:
    uint32_t tag
    uint32_t at  # in the blob, from 1 on; 0 is free

cdef struct More:
    uint32_t at
    uint32_t side
    uint32_t value

cdef enum:
    MOST_LABELS = 128
    FNV_BASIS = 0xCBF29CE484222325U
    FNV_PRIME = 0x100000001B3U


cdef inline uint64_t mixed(uint64_t state) noexcept nogil:
    """As `dataset.mixed`."""
    state ^= state >> 29
    state *= 0xBF58476D1CE4E5B9U
    state ^= state >> 32
    return state if state else 1


cdef class SwiftNames:
    """As `names.NameEntries`."""

    cdef Vector blob
    cdef Vector tags  # of each name, in order: the higher half of its hash
    cdef Vector more  # what else was said at a place
    cdef Place* places
    cdef Py_ssize_t room
    cdef Py_ssize_t count

    def add(self, bytes name, uint32_t value, *, bint itself, bint below):
        """Take this name for itself, for all that is below it, or both: the value's number, or EXCLUDED."""
        if not self.put(<const uint8_t*>name, len(name), value, itself, below):
            raise MemoryError()

    cdef bint grow(self) noexcept nogil:
        cdef Py_ssize_t room = self.room * 2 if self.room else 64, n, slot
        cdef Place* fresh = <Place*>calloc(room, sizeof(Place))
        if fresh == NULL:
            return False
        for n in range(self.room):
            if self.places[n].at:
                slot = <Py_ssize_t>(<uint64_t>self.places[n].tag * <uint64_t>room >> 32)
                while fresh[slot].at:
                    slot = slot + 1 if slot + 1 < room else 0
                fresh[slot] = self.places[n]
        free(self.places)
        self.places, self.room = fresh, room
        return True

    cdef bint put(self, const uint8_t* name, Py_ssize_t size, uint32_t value, bint itself, bint below) noexcept nogil:
        cdef uint64_t state = FNV_BASIS
        cdef Py_ssize_t n = size, slot
        cdef uint32_t tag, at
        cdef uint32_t sides[2]
        cdef uint8_t length = <uint8_t>size
        if self.count * 4 >= self.room * 3 and not self.grow():
            return False
        while n > 0:
            n -= 1
            state = (state ^ name[n]) * FNV_PRIME
        tag = <uint32_t>(mixed(state) >> 32)
        slot = <Py_ssize_t>(<uint64_t>tag * <uint64_t>self.room >> 32)
        while self.places[slot].at:
            at = self.places[slot].at
            if self.places[slot].tag == tag and self.blob.data[at - 1 + HEAD - 1] == length:
                if memcmp(self.blob.data + at - 1 + HEAD, name, size) == 0:
                    return (not itself or self.said(at, 0, value)) and (not below or self.said(at, 4, value))
            slot = slot + 1 if slot + 1 < self.room else 0
        at = <uint32_t>self.blob.size + 1
        sides[0], sides[1] = value if itself else 0, value if below else 0
        if self.blob.size + HEAD + size >= 0xFFFFFFFFU or not reserve(&self.blob, HEAD + size):
            return False
        if not push32(&self.tags, tag):
            return False
        push(&self.blob, sides, 8)
        push(&self.blob, &length, 1)
        push(&self.blob, name, size)
        self.places[slot].tag, self.places[slot].at = tag, at
        self.count += 1
        return True

    cdef bint said(self, uint32_t at, uint32_t side, uint32_t value) noexcept nogil:
        """Of a name that is there already."""
        cdef uint32_t before
        cdef More other
        memcpy(&before, self.blob.data + at - 1 + side, 4)
        if before == value or before == EXCLUDED:
            return True
        if before == 0 or value == EXCLUDED:
            memcpy(self.blob.data + at - 1 + side, &value, 4)
            return True
        other.at, other.side, other.value = at, side, value
        return push(&self.more, &other, sizeof(More))

    def packed(self, uint32_t values):
        """(blob, slots, parents, where groups end, groups) for so many values. No name is taken afterwards."""
        cdef Vector slots, parents
        cdef bint done
        free(self.places)
        self.places, self.room = NULL, 0
        groups = self.groups(values)
        memset(&slots, 0, sizeof(Vector))
        memset(&parents, 0, sizeof(Vector))
        with nogil:
            done = self.lay(&slots) and self.lay_parents(&parents)
            dropped(&self.tags)
            dropped(&self.more)
        found = given(&self.blob), given(&slots).cast("I"), given(&parents).cast("Q")
        if not done:
            raise MemoryError()
        return *found, *grouped(groups)

    cdef dict groups(self, uint32_t values):
        """What places of several values have; their numbers are put there."""
        cdef const More* other = <const More*>self.more.data
        cdef uint32_t before, said
        cdef Py_ssize_t n, place
        cdef dict several = {}, found = {}
        for n in range(self.more.size // <Py_ssize_t>sizeof(More)):
            several.setdefault((other[n].at, other[n].side), []).append(other[n].value)
        for (at, side), others in sorted(several.items()):
            place = at - 1 + side
            memcpy(&before, self.blob.data + place, 4)
            if before != EXCLUDED:
                key = tuple([number - 1 for number in dict.fromkeys([before, *others])])
                said = values + <uint32_t>found.setdefault(key, len(found) + 1)
                memcpy(self.blob.data + place, &said, 4)
        return found

    cdef bint lay(self, Vector* slots) noexcept nogil:
        """Where each name is, by its hash."""
        cdef Py_ssize_t room = self.count + self.count // 3 + 1 if self.count else 0, n, slot
        cdef const uint32_t* tags = <const uint32_t*>self.tags.data
        cdef uint32_t at = 1
        cdef uint32_t* into
        if not room:
            return True
        into = <uint32_t*>calloc(room, 4)
        if into == NULL:
            return False
        slots.data, slots.size, slots.room = <uint8_t*>into, 4 * room, 4 * room
        for n in range(self.count):
            slot = <Py_ssize_t>(<uint64_t>tags[n] * <uint64_t>room >> 32)
            while into[slot]:
                slot = slot + 1 if slot + 1 < room else 0
            into[slot] = at
            at += HEAD + self.blob.data[at - 1 + HEAD - 1]
        return True

    cdef bint lay_parents(self, Vector* laid) noexcept nogil:
        """The hashes of the names above those at which something stands."""
        cdef Hashes known
        cdef uint64_t hashes[MOST_LABELS]
        cdef Py_ssize_t at = 0, size, labels, n
        cdef uint64_t near = 0
        cdef uint32_t sides[2]
        cdef bint good
        memset(&known, 0, sizeof(Hashes))
        good = more_hashes(&known)
        while at < self.blob.size and good:
            memcpy(sides, self.blob.data + at, 8)
            size = self.blob.data[at + HEAD - 1]
            at += HEAD + size
            if (sides[0] == 0 or sides[0] == EXCLUDED) and (sides[1] == 0 or sides[1] == EXCLUDED):
                continue
            labels = hashes_above(self.blob.data + at - size, size, hashes)
            for n in range(labels):
                if n == labels - 1 and hashes[n] == near:  # most names lie below one of a few
                    continue
                good = good and keep_hash(&known, hashes[n])
            if labels:
                near = hashes[labels - 1]
        good = good and laid_hashes(&known.order, laid)
        free(known.slots)
        free(known.order.data)
        return good

    def __dealloc__(self):
        free(self.places)
        free(self.blob.data)
        free(self.tags.data)
        free(self.more.data)


cdef Py_ssize_t hashes_above(const uint8_t* name, Py_ssize_t size, uint64_t* hashes) noexcept nogil:
    """The hashes of the names above this one, the longest first; how many they are."""
    cdef Py_ssize_t begins[MOST_LABELS]
    cdef Py_ssize_t labels = 0, n = 0, m, end = size
    cdef uint64_t state = FNV_BASIS
    while n < size and labels < MOST_LABELS:
        begins[labels] = n
        labels += 1
        n += name[n] + 1
    for m in range(labels - 1, 0, -1):
        n = end
        while n > begins[m]:
            n -= 1
            state = (state ^ name[n]) * FNV_PRIME
        end = begins[m]
        hashes[m - 1] = mixed(state)
    return labels - 1 if labels else 0


cdef struct Hashes:
    uint64_t* slots  # 0 is free
    Py_ssize_t room
    Py_ssize_t count
    Vector order  # as they came


cdef bint more_hashes(Hashes* known) noexcept nogil:
    cdef Py_ssize_t room = known.room * 2 if known.room else 64, n, slot
    cdef uint64_t* fresh = <uint64_t*>calloc(room, 8)
    if fresh == NULL:
        return False
    for n in range(known.room):
        if known.slots[n]:
            slot = <Py_ssize_t>((known.slots[n] >> 32) * <uint64_t>room >> 32)
            while fresh[slot]:
                slot = slot + 1 if slot + 1 < room else 0
            fresh[slot] = known.slots[n]
    free(known.slots)
    known.slots, known.room = fresh, room
    return True


cdef inline bint keep_hash(Hashes* known, uint64_t found) noexcept nogil:
    cdef Py_ssize_t slot = <Py_ssize_t>((found >> 32) * <uint64_t>known.room >> 32)
    while known.slots[slot]:
        if known.slots[slot] == found:
            return True
        slot = slot + 1 if slot + 1 < known.room else 0
    known.slots[slot] = found
    known.count += 1
    return push64(&known.order, found) and (known.count * 4 < known.room * 3 or more_hashes(known))


cdef bint laid_hashes(const Vector* order, Vector* laid) noexcept nogil:
    """As `dataset.laid`."""
    cdef Py_ssize_t count = order.size // 8, room = count + count // 3 + 1, n, slot
    cdef const uint64_t* hashes = <const uint64_t*>order.data
    cdef uint64_t* into
    if not count:
        return True
    into = <uint64_t*>calloc(room, 8)
    if into == NULL:
        return False
    laid.data, laid.size, laid.room = <uint8_t*>into, 8 * room, 8 * room
    for n in range(count):
        slot = <Py_ssize_t>((hashes[n] >> 32) * <uint64_t>room >> 32)
        while into[slot]:
            slot = slot + 1 if slot + 1 < room else 0
        into[slot] = hashes[n]
    return True
