"""What is said to one question, as `respond` and `answer` say it, or that they are to be asked. Part of `_compiled`."""

cdef struct Decision:
    int sections  # NO_RECORDS, LISTED, NOTHING or APEX
    int rcode
    int ede  # -1: none
    bint authoritative
    bint keyed  # the name has a known key
    bint names_itself
    bint cookie
    uint8_t fresh[24]
    uint64_t kinds  # of a listed address
    int family
    u128 number
    Py_ssize_t zone  # index + 1; 0 is none of ours
    bint slip


cdef struct World:
    const Zone* zones
    Py_ssize_t count
    const Bands* table  # NULL before the first one
    const Guarding* guard
    uint64_t* replies  # of the plan


cdef inline bint same(const Bytes* label, const uint8_t* data, Py_ssize_t size) noexcept nogil:
    return label.size == size and memcmp(label.data, data, size) == 0


cdef inline int octet_of(const uint8_t* label, Py_ssize_t size) noexcept nogil:
    """The value of a label that is an octet without leading zeros, or -1."""
    cdef int value = 0
    cdef Py_ssize_t n
    if size < 1 or size > 3 or (size > 1 and label[0] == 48):
        return -1
    for n in range(size):
        if label[n] < 48 or label[n] > 57:
            return -1
        value = 10 * value + label[n] - 48
    return value if value < 256 else -1


cdef inline int nibble_of(uint8_t c) noexcept nogil:
    if 48 <= c <= 57:
        return c - 48
    if 97 <= c <= 102:
        return c - 87
    return -1


cdef inline bint look4(
    const Bands* table, const View* view, uint64_t number, int length, uint64_t* kinds, bint* exists
) noexcept nogil:
    """One IPv4 network: whether it is a listed address, and under which kinds; or whether it is a prefix of one."""
    cdef Py_ssize_t n
    cdef bint point = False
    for n in range(view.tests):
        if <uint64_t>view.test[n].address >> (32 - length) == number:
            if length == 32:
                kinds[0] = <uint64_t>1 << view.test[n].kind
                return True
            point = True
    if length >= 24 and number >> (length - 24) == 0x7F0000:  # test points and nothing else
        exists[0] = exists[0] or point
        return False
    if length == 32:
        kinds[0] = kinds_of(table, 0, number, view.mask)
        return kinds[0] != 0
    exists[0] = exists[0] or point or under(table, 0, number, length, view.mask)
    return False


cdef inline Py_ssize_t zone_of(const World* world, const Question* asked) noexcept nogil:
    """The index of the zone that the name lies in, or -1."""
    cdef Py_ssize_t n, below
    for n in range(world.count):
        below = asked.labels - world.zones[n].labels
        if below < 0 or world.zones[n].labels <= 0:
            continue
        if world.zones[n].name.size != asked.end - asked.start[below]:
            continue
        if memcmp(world.zones[n].name.data, asked.lower + asked.start[below], world.zones[n].name.size) == 0:
            return n
    return -1


cdef inline bint names_a_view(const Zone* zone, const uint8_t* label, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t n
    for n in range(1, zone.views):
        if same(&zone.view[n].label, label, size):
            return True
    return False


cdef inline bint leads_to_static(const Zone* zone, const uint8_t* label, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t n
    for n in range(zone.statics):
        if same(&zone.static_label[n], label, size):
            return True
    return False


cdef bint decide(
    const World* world, const Question* asked, int rule, double now, double seen, Decision* said
) noexcept nogil:
    """As `respond._reply` and `answer`; False when the reference is to be asked."""
    cdef Py_ssize_t n, below
    cdef const Zone* zone = NULL
    cdef const View* view
    cdef const uint8_t* label = NULL
    cdef Py_ssize_t size = 0
    cdef bint octets, nibbles, exists = False, listed = False
    cdef int value, bits
    cdef u128 number = 0
    if rule == OTHERWISE or has_bit(world.guard.types, asked.qtype):
        return False
    n = zone_of(world, asked)
    if n >= 0:
        zone = &world.zones[n]
        if not zone.known:
            return False
        said.zone = n + 1
        below = asked.labels - zone.labels
        if below == 0:
            if world.table == NULL or asked.qtype != SOA:
                return False
            said.authoritative, said.sections, said.rcode = True, APEX, NOERROR
            return True
        label = asked.lower + asked.start[below - 1] + 1
        size = asked.lower[asked.start[below - 1]]
        if leads_to_static(zone, label, size):
            return False
    said.sections, said.rcode = NO_RECORDS, REFUSED
    if zone != NULL and world.guard.keys.used and like_a_key(label, size) and not names_a_view(zone, label, size):
        if not knows_key(&world.guard.keys, label, size):
            said.ede = PROHIBITED
            return True
        said.keyed = True
        below -= 1
        if below:
            label = asked.lower + asked.start[below - 1] + 1
            size = asked.lower[asked.start[below - 1]]
            if leads_to_static(zone, label, size):
                return False
    elif rule == REFUSE:
        said.ede = PROHIBITED
        return True
    if zone == NULL:
        said.ede = NOT_AUTHORITATIVE
        return True
    if world.table == NULL:
        return False
    said.authoritative = True
    view = &zone.view[0]
    if below:
        for n in range(1, zone.views):
            if same(&zone.view[n].label, label, size):
                view = &zone.view[n]
                below -= 1
                break
    exists = below == 0
    # octets, the last label first
    octets = 0 < below <= 4
    n = below
    while octets and n > 0:
        n -= 1
        value = octet_of(asked.lower + asked.start[n] + 1, asked.lower[asked.start[n]])
        octets = value >= 0
        number = number << 8 | <u128>(value & 255)
    if octets:
        said.family = 0
        listed = look4(world.table, view, <uint64_t>number, <int>(8 * below), &said.kinds, &exists)
    if not listed:
        nibbles = 0 < below <= 32
        number = 0
        n = below
        while nibbles and n > 0:
            n -= 1
            value = nibble_of(asked.lower[asked.start[n] + 1]) if asked.lower[asked.start[n]] == 1 else -1
            nibbles = value >= 0
            number = number << 4 | <u128>(value & 15)
        if nibbles:
            bits = <int>(4 * below)
            if bits >= 96 and number >> (bits - 96) == 0xFFFF:
                number &= (<u128>1 << (bits - 96)) - 1
                said.family = 0
                listed = look4(world.table, view, <uint64_t>number, bits - 96, &said.kinds, &exists)
            else:
                said.family = 1
                if bits == 128:
                    said.kinds = kinds_of(world.table, 1, number, view.mask)
                    listed = said.kinds != 0
                elif bits <= 96 and number == <u128>0xFFFF >> (96 - bits):
                    exists = True
                else:
                    exists = exists or under(world.table, 1, number, bits, view.mask)
    said.number = number
    said.rcode = NOERROR if listed or exists else NXDOMAIN
    said.sections = LISTED if listed and (asked.qtype == A or asked.qtype == TXT) else NOTHING
    if now - seen > world.guard.stale_after:
        said.ede = STALE_NXDOMAIN if said.rcode == NXDOMAIN else STALE
    return True
