"""What is said to one question, as `respond` and `answer` say it, or that they are to be asked. Part of `_compiled`."""

cdef struct Decision:
    int sections
    int rcode
    int ede  # -1: none
    bint authoritative
    bint keyed  # the name has a known key, which is good here
    Py_ssize_t key  # its index, or -1
    bint elsewhere  # it is not at home
    bint names_itself
    bint expires  # `left` is told
    bint version
    uint32_t left  # seconds
    bint cookie
    uint8_t fresh[24]
    uint64_t kinds  # of a listed address
    int family
    u128 number
    const Records* records  # of the zone's own
    int code  # the last byte, in place of the truth
    const Held* held  # what a zone's sources hold
    Py_ssize_t asked_end  # of the name without the zone and the sublist, in the question
    int hits
    Hit hit[MOST_HITS]
    Py_ssize_t zone  # index + 1; 0 is none of ours
    bint slip


cdef struct World:
    const Zone* zones
    Py_ssize_t count
    const Bands* table  # NULL before the first one
    const Held* held  # what the sources of each zone hold; NULL without any
    const Guarding* guard
    uint64_t* replies  # of the plan, as the next two
    uint64_t* hits
    uint64_t* nodata


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
    """The index of the zone that the name lies in, or -1; those with more labels come first."""
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


cdef inline const Own* own_of(const Zone* zone, const Question* asked, Py_ssize_t below) noexcept nogil:
    """Of the zone's own names the one that these labels spell, or NULL."""
    cdef Py_ssize_t n, size = asked.start[below]
    for n in range(zone.owns):
        if same(&zone.own[n].name, asked.lower, size):
            return &zone.own[n]
    return NULL


cdef inline bint as_octets(const Question* asked, Py_ssize_t below, u128* number) noexcept nogil:
    """Whether these labels, the last one first, are octets of an address."""
    cdef Py_ssize_t n = below
    cdef int value
    number[0] = 0
    if not 0 < below <= 4:
        return False
    while n > 0:
        n -= 1
        value = octet_of(asked.lower + asked.start[n] + 1, asked.lower[asked.start[n]])
        if value < 0:
            return False
        number[0] = number[0] << 8 | <u128>value
    return True


cdef inline bint as_nibbles(const Question* asked, Py_ssize_t below, u128* number) noexcept nogil:
    """The same for nibbles."""
    cdef Py_ssize_t n = below
    cdef int value
    number[0] = 0
    if not 0 < below <= 32:
        return False
    while n > 0:
        n -= 1
        value = nibble_of(asked.lower[asked.start[n] + 1]) if asked.lower[asked.start[n]] == 1 else -1
        if value < 0:
            return False
        number[0] = number[0] << 4 | <u128>value
    return True


cdef inline bint has_records(int qtype) noexcept nogil:
    """Whether a listed address has records of this type."""
    return qtype == A or qtype == TXT or qtype == ANY


cdef bint decide(
    const World* world, const Question* asked, const Client* client, int rule, double now, double seen, Decision* said
) noexcept nogil:
    """As `respond._reply` and `answer`; False when the reference is to be asked."""
    cdef Py_ssize_t n, below = 0
    cdef const Zone* zone = NULL
    cdef const Own* own = NULL
    cdef const View* view
    cdef const uint8_t* label = NULL
    cdef Py_ssize_t size = 0
    cdef bint octets, leads, exists, listed = False
    cdef int bits, action = rule & 255
    cdef u128 number = 0
    if action == OTHERWISE or has_bit(world.guard.types, asked.qtype):
        return False
    said.sections, said.rcode = NO_RECORDS, REFUSED
    n = zone_of(world, asked)
    if n >= 0:
        zone = &world.zones[n]
        if not zone.known:
            return False
        said.zone = n + 1
        below = asked.labels - zone.labels
        if below:
            label = asked.lower + asked.start[below - 1] + 1
            size = asked.lower[asked.start[below - 1]]
        leads = below == 0 or leads_to_static(zone, label, size)
        if leads:
            own = own_of(zone, asked, below)
        elif world.guard.keys.used and like_a_key(label, size) and not names_a_view(zone, label, size):
            said.key = key_of(&world.guard.keys, label, size)
            if said.key >= 0 and world.guard.keys.bound[said.key]:
                said.elsewhere = not value_of(&world.guard.keys.homes[2 * said.key + client.family], client.number)
            if said.key < 0 or (said.elsewhere and world.guard.keys.stay):
                said.ede = PROHIBITED
                return True
            said.keyed = True
            action = PASS
            below -= 1
            if below:
                label = asked.lower + asked.start[below - 1] + 1
                size = asked.lower[asked.start[below - 1]]
                if leads_to_static(zone, label, size):
                    own = own_of(zone, asked, below)
    if zone != NULL and zone.watched:
        if said.key >= 0 or value_of(&world.guard.askers[client.family], client.number):
            return False
    if action == REFUSE and own == NULL:
        said.ede = PROHIBITED
        return True
    if zone == NULL:
        said.ede = NOT_AUTHORITATIVE
        return True
    if zone.sourced:
        return decide_sourced(
            zone, NULL if world.held == NULL else &world.held[said.zone - 1], asked, own, below, action, said
        )
    if world.table == NULL:
        said.rcode, said.ede = SERVFAIL, NOT_READY
        return True
    said.authoritative = True
    if own != NULL:
        said.sections, said.rcode = NOTHING, NOERROR
        if own.name.size == 0 and asked.qtype == SOA:
            said.sections = APEX
        for n in range(own.sets):
            if own.set[n].qtype == asked.qtype:
                said.sections, said.records = OWN, &own.set[n]
        return True
    view = &zone.view[0]
    if below:
        for n in range(1, zone.views):
            if same(&zone.view[n].label, label, size):
                view = &zone.view[n]
                below -= 1
                break
    exists = below == 0
    octets = as_octets(asked, below, &number)
    if below and (action == EMPTY or action == CODE):
        said.sections, said.rcode, said.ede = NOTHING, NXDOMAIN, BLOCKED
        if action == CODE and (octets or as_nibbles(asked, below, &number)):
            said.rcode = NOERROR
            if has_records(asked.qtype) and below == (4 if octets else 32):
                said.sections, said.code, said.ede = IN_PLACE, rule >> 8, FORGED
        return True
    if octets:
        said.family = 0
        listed = look4(world.table, view, <uint64_t>number, <int>(8 * below), &said.kinds, &exists)
    if not listed and as_nibbles(asked, below, &number):
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
    said.sections = LISTED if listed and has_records(asked.qtype) else NOTHING
    if now - seen > world.guard.stale_after:
        said.ede = STALE_NXDOMAIN if said.rcode == NXDOMAIN else STALE
    return True
