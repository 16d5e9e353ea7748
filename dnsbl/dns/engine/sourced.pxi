"""The look-ups in what sources hold; answers like `sourced`. Part of `_compiled`."""


cdef inline u128 start_of(const Set* one, Py_ssize_t at) noexcept nogil:
    if one.version == 4:
        return (<const uint32_t*>one.starts)[at]
    return (<u128>(<const uint64_t*>one.starts)[2 * at] << 64) | (<const uint64_t*>one.starts)[2 * at + 1]


cdef Py_ssize_t stretch_before(const Set* one, u128 number) noexcept nogil:
    """The last stretch that begins at this number or before it, or -1."""
    cdef Py_ssize_t low = 0, high = one.stretches, middle
    cdef const uint32_t* numbers
    cdef uint32_t small
    if one.version == 4:
        small = <uint32_t>number
        numbers = <const uint32_t*>one.starts
        if one.guides:
            low, high = one.guide[small >> 16], one.guide[(small >> 16) + 1]
            if high > one.stretches or low > high:
                return -1
        while low < high:
            middle = low + (high - low) // 2
            if numbers[middle] <= small:
                low = middle + 1
            else:
                high = middle
        return low - 1
    if one.guides:
        if number < start_of(one, 0):
            return -1
        if number >= start_of(one, high - 1):
            return high - 1
        small = <uint32_t>(number >> one.shift) & 0xFFFF
        low, high = one.guide[small], one.guide[small + 1]
        if high > one.stretches or low > high:
            return -1
    while low < high:
        middle = low + (high - low) // 2
        if start_of(one, middle) <= number:
            low = middle + 1
        else:
            high = middle
    return low - 1


cdef bint any_stretch(const Set* one, u128 first, u128 last) noexcept nogil:
    cdef Py_ssize_t at = stretch_before(one, first)
    if at >= 0 and one.says[at]:
        return True
    at += 1
    while at < one.stretches and start_of(one, at) <= last:
        if one.says[at]:
            return True
        at += 1
    return False


cdef inline uint32_t said_at(const Set* one, uint32_t at, int side) noexcept nogil:
    cdef const uint8_t* data = one.blob.data + at - 1 + side
    return data[0] | data[1] << 8 | data[2] << 16 | <uint32_t>data[3] << 24


cdef uint32_t find_name(const Set* one, const uint8_t* name, Py_ssize_t size, uint64_t found) noexcept nogil:
    """Where the name is in the blob, from 1 on, or 0."""
    cdef Py_ssize_t slot, tries
    cdef uint32_t at
    if one.slot_count == 0:
        return 0
    slot = <Py_ssize_t>((found >> 32) * <uint64_t>one.slot_count >> 32)
    for tries in range(one.slot_count):
        at = one.slots[slot]
        if at == 0 or <Py_ssize_t>at - 1 + HEAD_OF_NAME + size > one.blob.size:
            if at == 0:
                return 0
        elif one.blob.data[at - 1 + HEAD_OF_NAME - 1] == size:
            if memcmp(one.blob.data + at - 1 + HEAD_OF_NAME, name, size) == 0:
                return at
        slot = slot + 1 if slot + 1 < one.slot_count else 0
    return 0


cdef bint is_parent(const Set* one, uint64_t found) noexcept nogil:
    cdef Py_ssize_t slot, tries
    if one.parent_count == 0:
        return False
    slot = <Py_ssize_t>((found >> 32) * <uint64_t>one.parent_count >> 32)
    for tries in range(one.parent_count):
        if one.parents[slot] == 0:
            return False
        if one.parents[slot] == found:
            return True
        slot = slot + 1 if slot + 1 < one.parent_count else 0
    return False


cdef inline uint64_t spread(uint64_t state) noexcept nogil:
    state ^= state >> 29
    state *= 0xBF58476D1CE4E5B9U
    state ^= state >> 32
    return state if state else 1


cdef inline bint has_text(const Set* one, uint32_t value) noexcept nogil:
    """Whether a value comes with a TXT record."""
    cdef Bytes template = template_of(one, value)
    if template.size == 0:
        return one.base.size > 0
    return template.size > 1 or template.data[0] != 61


cdef inline Bytes template_of(const Set* one, uint32_t value) noexcept nogil:
    cdef Bytes found
    cdef uint32_t begin = one.ends[value - 1] if value else 0
    cdef uint32_t end = one.ends[value]
    found.data, found.size = NULL, 0
    if begin <= end <= one.templates.size:
        found.data, found.size = one.templates.data + begin, end - begin
    return found


cdef bint hit(Decision* said, const Set* one, uint32_t spoken, int family, u128 number, Py_ssize_t entry) noexcept nogil:
    """Add the values that a number at a place stands for; False when there are too many."""
    cdef Py_ssize_t at, begin, end
    if spoken <= one.values:
        return one_hit(said, one, spoken - 1, family, number, entry)
    at = <Py_ssize_t>spoken - one.values - 1
    if at >= one.group_count:
        return False
    begin = one.group_ends[at - 1] if at else 0
    end = one.group_ends[at]
    if end > one.members:
        return False
    for at in range(begin, end):
        if not one_hit(said, one, one.groups[at], family, number, entry):
            return False
    return True


cdef inline bint one_hit(Decision* said, const Set* one, uint32_t value, int family, u128 number, Py_ssize_t entry) noexcept nogil:
    cdef Hit* found
    if said.hits == MOST_HITS or value >= one.values:
        return False
    found = &said.hit[said.hits]
    found.set, found.value, found.family, found.number, found.entry = one, value, <uint8_t>family, number, entry
    said.hits += 1
    return True


cdef bint consult(
    const Sublist* sublist, const Question* asked, Py_ssize_t size, Decision* said, bint* exists
) noexcept nogil:
    """Ask each dataset about the first `size` labels; False when the reference is to be asked."""
    cdef const Set* one
    cdef u128 number = 0, four = 0
    cdef bint octets, nibbles
    cdef int bits4 = 0, bits6 = 0, bits
    cdef Py_ssize_t n, end = asked.start[size]
    cdef uint64_t hashes[MOST_LABELS]
    cdef bint hashed = False
    octets = as_octets(asked, size, &four)
    bits4 = <int>(8 * size)
    nibbles = as_nibbles(asked, size, &number)
    bits6 = <int>(4 * size)
    for n in range(sublist.sets):
        one = sublist.set[n]
        if one.version == 0:
            if not hashed:
                hash_labels(asked, size, end, hashes)
                hashed = True
            if not consult_names(one, asked, size, end, hashes, said, exists):
                return False
            continue
        if one.version == 4:
            if octets and not consult_networks(one, four, 32, bits4, 0, said, exists):
                return False
            if nibbles and bits6 >= 96 and number >> (bits6 - 96) == 0xFFFF:
                if not consult_networks(
                    one, number & ((<u128>1 << (bits6 - 96)) - 1), 32, bits6 - 96, 0, said, exists
                ):
                    return False
            elif nibbles and bits6 >= 16 and number >> (bits6 - 16) == 0x2002:
                bits = bits6 - 16 if bits6 < 48 else 32
                if not consult_networks(
                    one, (number >> (bits6 - 16 - bits)) & ((<u128>1 << bits) - 1), 32, bits, 0, said, exists
                ):
                    return False
        elif nibbles and not (sublist.maps and bits6 >= 96 and number >> (bits6 - 96) == 0xFFFF):
            if not consult_networks(one, number, 128, bits6, 1, said, exists):
                return False
    return True


cdef inline bint consult_networks(
    const Set* one, u128 number, int width, int bits, int family, Decision* said, bint* exists
) noexcept nogil:
    cdef Py_ssize_t at
    cdef u128 first, last
    if bits < width:
        if not exists[0]:
            first = number << (width - bits) if bits else 0
            last = first | ((<u128>1 << (width - bits)) - 1) if bits else ~<u128>0 >> (128 - width)
            exists[0] = any_stretch(one, first, last)
        return True
    at = stretch_before(one, number)
    if at < 0 or one.says[at] == 0:
        return True
    return hit(said, one, one.says[at], family, number, 0)


cdef void hash_labels(const Question* asked, Py_ssize_t size, Py_ssize_t end, uint64_t* hashes) noexcept nogil:
    """The hash of what begins at each label, and of nothing."""
    cdef uint64_t state = 0xCBF29CE484222325U
    cdef Py_ssize_t n = size, at = end
    hashes[size] = spread(state)
    while n > 0:
        n -= 1
        while at > asked.start[n]:
            at -= 1
            state = (state ^ asked.lower[at]) * 0x100000001B3U
        hashes[n] = spread(state)


cdef bint consult_names(
    const Set* one, const Question* asked, Py_ssize_t size, Py_ssize_t end, const uint64_t* hashes, Decision* said,
    bint* exists,
) noexcept nogil:
    cdef Py_ssize_t n, begin
    cdef uint32_t at, spoken, whole
    cdef const uint8_t* name = asked.lower
    whole = find_name(one, name, end, hashes[0])
    if whole:
        if said_at(one, whole, 4) != 0 and said_at(one, whole, 4) != EXCLUDED:
            exists[0] = True
        spoken = said_at(one, whole, 0)
        if spoken:
            exists[0] = exists[0] or is_parent(one, hashes[0])
            return spoken == EXCLUDED or hit(said, one, spoken, 2, 0, 0)
    exists[0] = exists[0] or is_parent(one, hashes[0])
    for n in range(1, size):
        begin = asked.start[n]
        at = find_name(one, name + begin, end - begin, hashes[n])
        if at:
            spoken = said_at(one, at, 4)
            if spoken:
                return spoken == EXCLUDED or hit(said, one, spoken, 2, 0, begin)
    return True


cdef inline bint has_type(const Hit* found, int qtype) noexcept nogil:
    """Whether this value has a record of the type."""
    cdef Bytes template
    if not found.set.records:
        return qtype == A or (qtype == TXT and has_text(found.set, found.value))
    template = template_of(found.set, found.value)
    return template.size >= 6 and (template.data[0] << 8 | template.data[1]) == qtype


cdef bint decide_sourced(
    const Zone* zone, const Held* held, const Question* asked, const Own* own, Py_ssize_t below, int action,
    Decision* said,
) noexcept nogil:
    """As `sourced`; False when the reference is to be asked."""
    cdef Py_ssize_t n, size
    cdef const Sublist* sublist = NULL
    cdef bint exists
    if held == NULL or not held.there:
        said.rcode, said.ede = SERVFAIL, NOT_READY
        return True
    if action != PASS or (below == 0 and own == NULL):
        return False
    said.authoritative = True
    said.held = held
    said.sections, said.rcode = NOTHING, NOERROR
    if own != NULL and below:
        for n in range(own.sets):
            if own.set[n].qtype == asked.qtype:
                said.sections, said.records = OWN, &own.set[n]
        return True
    if own != NULL:
        for n in range(held.sets):
            if held.set[n].qtype == asked.qtype:
                said.sections, said.records = OWN, &held.set[n]
        return True
    for n in range(held.sublists):
        size = below - held.sublist[n].labels
        if size < 0 or asked.start[below] - asked.start[size] != held.sublist[n].name.size:
            continue
        if memcmp(asked.lower + asked.start[size], held.sublist[n].name.data, held.sublist[n].name.size) == 0:
            sublist = &held.sublist[n]
            break
    if sublist == NULL:
        return False
    said.asked_end = asked.start[size]
    exists = size == 0
    for n in range(held.ways):
        if same(&held.way[n], asked.lower, asked.start[below]):
            exists = True
    if size == 0:
        for n in range(sublist.sets):
            if sublist.set[n].version == 0:
                return False  # what stands at the sublist's own name
        return True
    if not consult(sublist, asked, size, said, &exists):
        return False
    if said.hits == 0:
        said.rcode = NOERROR if exists else NXDOMAIN
        return True
    if asked.qtype == ANY:
        said.sections = SOURCED
        return True
    for n in range(said.hits):
        if has_type(&said.hit[n], asked.qtype):
            said.sections = SOURCED
    return True


cdef void put_filled(Out* out, const Hit* found, const Question* asked, Py_ssize_t end) noexcept nogil:
    """The text of a value, at most 255 bytes, as `values.filled`."""
    cdef const Set* one = found.set
    cdef Bytes own = template_of(one, found.value), template
    cdef Py_ssize_t at, began = out.size
    cdef uint8_t c
    if own.size and own.data[0] == 61:
        own.data, own.size = own.data + 1, own.size - 1
        template = own
    else:
        template = one.base if one.base.size else own
    at = 0
    while at < template.size and out.size - began <= 255 and not out.full:
        c = template.data[at]
        at += 1
        if c != 36:
            put8(out, c)
            continue
        c = template.data[at] if at < template.size else 0
        if 48 <= c <= 57:
            at += 1
            if one.variable[c - 48].size:
                put(out, one.variable[c - 48].data, one.variable[c - 48].size)
            else:
                put8(out, 36)
                put8(out, c)
        elif c == 61 and at < template.size:
            at += 1
            if own.size:
                put(out, own.data, own.size)
            else:
                put_asked(out, found, asked, end)
        elif c == 36 and at < template.size:
            at += 1
            put8(out, 36)
        else:
            put_asked(out, found, asked, end)
    if out.size - began > 255:
        out.size = began + 255


cdef void put_asked(Out* out, const Hit* found, const Question* asked, Py_ssize_t end) noexcept nogil:
    """What was asked: an address, or the name of the entry as `names.shown` shows it."""
    cdef Py_ssize_t at = found.entry, stop
    cdef uint8_t c
    if found.family < 2:
        put_address(out, found.family, found.number)
        return
    while at < end:
        if at > found.entry:
            put8(out, 46)
        stop = at + 1 + asked.lower[at]
        at += 1
        while at < stop and at < end:
            c = asked.lower[at]
            at += 1
            if c == 34 or c == 36 or c == 46 or c == 59 or c == 64 or c == 92:
                put8(out, 92)
                put8(out, c)
            elif 33 <= c <= 126:
                put8(out, c)
            else:
                put8(out, 92)
                put8(out, 48 + c // 100)
                put8(out, 48 + c // 10 % 10)
                put8(out, 48 + c % 10)


cdef void put_sourced(Out* out, const Zone* zone, const Decision* said, const Question* asked, int* answers) noexcept nogil:
    """The records of the type that all values have, equal ones once, with the smallest TTL among them."""
    cdef Py_ssize_t n, m, began, size, end
    cdef Py_ssize_t where[MOST_HITS]
    cdef uint32_t ttl = 0xFFFFFFFFU, other
    cdef Bytes template
    cdef const Hit* found
    cdef bint twice
    for n in range(said.hits):
        found = &said.hit[n]
        other = found.set.ttl
        if found.set.records:
            if asked.qtype == ANY:
                continue
            template = template_of(found.set, found.value)
            if template.size >= 6:
                other = <uint32_t>template.data[2] << 24 | template.data[3] << 16 | template.data[4] << 8 | template.data[5]
        if (asked.qtype == ANY or has_type(found, asked.qtype)) and other < ttl:
            ttl = other
    if asked.qtype == ANY:
        answers[0] = 1
        put_minimal_any(out, zone.ttl if ttl == 0xFFFFFFFFU else ttl)
        return
    end = said.asked_end
    for n in range(said.hits):
        found = &said.hit[n]
        if not has_type(found, asked.qtype) or out.full:
            continue
        began = out.size
        put_record(out, 0xC00C, <uint16_t>asked.qtype, ttl, 0)
        if found.set.records:
            template = template_of(found.set, found.value)
            put(out, template.data + 6, template.size - 6)
        elif asked.qtype == A:
            put(out, found.set.addresses + 4 * <Py_ssize_t>found.value, 4)
        else:
            put8(out, 0)
            put_filled(out, found, asked, end)
            if not out.full:
                out.data[began + 12] = <uint8_t>(out.size - began - 13)
        if out.full:
            return
        size = out.size - began - 12
        out.data[began + 10], out.data[began + 11] = <uint8_t>(size >> 8), <uint8_t>size
        twice = False
        for m in range(answers[0]):
            if memcmp(out.data + where[m] + 10, out.data + began + 10, size + 2) == 0:
                twice = True
                break
        if twice:
            out.size = began
            continue
        where[answers[0]] = began
        answers[0] += 1
