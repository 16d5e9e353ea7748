"""The reply, with the very bytes of `wire.assemble`. Part of `_compiled`; every write is behind a check of the room."""

cdef struct Out:
    uint8_t* data
    Py_ssize_t size
    Py_ssize_t room
    bint full


cdef inline void put(Out* out, const void* data, Py_ssize_t size) noexcept nogil:
    if size > out.room - out.size:
        out.full = True
    else:
        memcpy(out.data + out.size, data, size)
        out.size += size


cdef inline void put8(Out* out, uint8_t value) noexcept nogil:
    put(out, &value, 1)


cdef inline void put16(Out* out, uint16_t value) noexcept nogil:
    cdef uint8_t raw[2]
    raw[0] = value >> 8
    raw[1] = value & 255
    put(out, raw, 2)


cdef inline void put32(Out* out, uint32_t value) noexcept nogil:
    put16(out, <uint16_t>(value >> 16))
    put16(out, <uint16_t>(value & 0xFFFF))


cdef inline void put_record(Out* out, uint16_t owner, uint16_t rtype, uint32_t ttl, uint16_t size) noexcept nogil:
    put16(out, owner)
    put16(out, rtype)
    put16(out, 1)
    put32(out, ttl)
    put16(out, size)


cdef void put_soa(Out* out, const Zone* zone, uint16_t owner, uint32_t ttl, uint32_t serial) noexcept nogil:
    put_record(out, owner, SOA, ttl, <uint16_t>(zone.soa_names.size + 4 + zone.soa_timers.size))
    put(out, zone.soa_names.data, zone.soa_names.size)
    put32(out, serial)
    put(out, zone.soa_timers.data, zone.soa_timers.size)


cdef void put_number(Out* out, unsigned int value, unsigned int base) noexcept nogil:
    cdef uint8_t digits[8]
    cdef int n = 8
    while True:
        n -= 1
        digits[n] = <uint8_t>(48 + value % base if value % base < 10 else 87 + value % base)
        value = value // base
        if value == 0 or n == 0:
            break
    put(out, digits + n, 8 - n)


cdef void put_address(Out* out, int family, u128 number) noexcept nogil:
    """As `str` shows it: the first of the longest runs of two or more zero groups is `::` (RFC 5952 4.2)."""
    cdef int n, best = -1, best_size = 1, start = -1
    cdef unsigned int groups[8]
    if family == 0:
        for n in range(4):
            if n:
                put8(out, 46)
            put_number(out, <unsigned int>(number >> (24 - 8 * n)) & 255, 10)
        return
    for n in range(8):
        groups[n] = <unsigned int>(number >> (112 - 16 * n)) & 0xFFFF
        if groups[n]:
            start = -1
            continue
        if start < 0:
            start = n
        if n - start + 1 > best_size:
            best, best_size = start, n - start + 1
    n = 0
    while n < 8:
        if n == best:
            put8(out, 58)
            put8(out, 58)
            n += best_size
            continue
        if n and n != best + best_size or n and best < 0:
            put8(out, 58)
        put_number(out, groups[n], 16)
        n += 1


cdef inline void put_minimal_any(Out* out, uint32_t ttl) noexcept nogil:
    """One HINFO record (RFC 8482 4.2)."""
    put_record(out, 0xC00C, HINFO, ttl, 9)
    put(out, <const char*>b"\x07RFC8482\x00", 9)


cdef void put_in_place(Out* out, const Zone* zone, int qtype, int code) noexcept nogil:
    """What clients with the rule `code` are told."""
    cdef uint8_t address[4]
    if qtype == ANY:
        put_minimal_any(out, zone.negative_ttl)
    elif qtype == TXT:
        put_record(out, 0xC00C, TXT, zone.negative_ttl, <uint16_t>zone.blocked.size)
        put(out, zone.blocked.data, zone.blocked.size)
    else:
        address[0], address[1], address[2], address[3] = 127, 255, 255, <uint8_t>code
        put_record(out, 0xC00C, A, zone.negative_ttl, 4)
        put(out, address, 4)


cdef void put_listed(
    Out* out, const Zone* zone, uint64_t kinds, int qtype, int family, u128 number, int* answers
) noexcept nogil:
    cdef uint32_t ttl = 0xFFFFFFFFU
    cdef uint8_t codes[4]
    cdef uint64_t left = kinds
    cdef Py_ssize_t part, began
    cdef int n
    cdef const Kind* kind
    memset(codes, 0, 4)
    while left:
        kind = &zone.kind[lowest_bit(left)]
        left &= left - 1
        ttl = kind.ttl if kind.ttl < ttl else ttl
        for n in range(4):
            codes[n] |= kind.code[n]
    if qtype == ANY:
        answers[0] = 1
        put_minimal_any(out, ttl)
        return
    if qtype == A and zone.bitmask:
        answers[0] = 1
        put_record(out, 0xC00C, A, ttl, 4)
        put(out, codes, 4)
        return
    while kinds:
        kind = &zone.kind[lowest_bit(kinds)]
        kinds &= kinds - 1
        answers[0] += 1
        put_record(out, 0xC00C, qtype, ttl, 4)
        if qtype == A:
            put(out, kind.code, 4)
            continue
        put8(out, 0)
        began = out.size
        for part in range(kind.parts):
            if part:
                put_address(out, family, number)
            put(out, kind.text[part].data, kind.text[part].size)
        if out.size - began > 255:
            out.full = True
        if not out.full:
            out.data[began - 2] = <uint8_t>(out.size - began + 1)
            out.data[began - 3] = <uint8_t>((out.size - began + 1) >> 8)
            out.data[began - 1] = <uint8_t>(out.size - began)


cdef inline void put_option(Out* out, uint16_t code, const void* data, Py_ssize_t size) noexcept nogil:
    put16(out, code)
    put16(out, <uint16_t>size)
    put(out, data, size)


cdef inline uint32_t of_soa(const Held* held, Py_ssize_t before) noexcept nogil:
    """The number that begins so many bytes before the end of the SOA of a zone with sources."""
    cdef const uint8_t* at = held.negative.data + held.negative.size - before
    if held.negative.size < before:
        return 0
    return <uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3]


cdef inline uint32_t left_of(const Zone* zone, const Decision* said, double now, double seen) noexcept nogil:
    """Seconds until the zone expires, as `respond.left`."""
    cdef const uint8_t* at = zone.soa_timers.data + 8
    cdef double until
    if said.held != NULL:
        return of_soa(said.held, 8)
    if zone.soa_timers.size < 12:
        return 0
    until = <double>(<uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3])
    if now > seen:
        until -= now - seen
    return <uint32_t>until if until > 0 else 0


cdef inline Py_ssize_t size_of_options(const Guarding* guard, const Decision* said) noexcept nogil:
    cdef Py_ssize_t size = 0
    if said.names_itself:
        size += 4 + guard.nsid.size
    if said.cookie:
        size += 4 + 24
    if said.expires:
        size += 4 + 4
    if said.version:
        size += 4 + 6
    if said.ede >= 0:
        size += 4 + 2
    return size


cdef void put_opt(Out* out, const World* world, const Question* asked, const Decision* said) noexcept nogil:
    """The OPT record (RFC 6891 6.1.2), with the options that `respond` gives, in its order."""
    cdef const Guarding* guard = world.guard
    cdef uint8_t error[2]
    cdef Py_ssize_t size = size_of_options(guard, said)
    put8(out, 0)
    put16(out, OPT)
    put16(out, ROOM)
    put8(out, <uint8_t>(said.rcode >> 4))
    put8(out, 0)
    put16(out, 0x8000 if asked.dnssec_ok else 0)
    put16(out, <uint16_t>size)
    if said.names_itself:
        put_option(out, NSID, guard.nsid.data, guard.nsid.size)
    if said.cookie:
        put_option(out, COOKIE, said.fresh, 24)
    if said.expires:
        put16(out, EXPIRE)
        put16(out, 4)
        put32(out, said.left)
    if said.version:
        put16(out, ZONEVERSION)
        put16(out, 6)
        put8(out, <uint8_t>world.zones[said.zone - 1].labels)
        put8(out, 0)
        put32(out, world.table.serial if said.held == NULL else of_soa(said.held, 20))
    if said.ede >= 0:
        error[0], error[1] = <uint8_t>(said.ede >> 8), <uint8_t>said.ede
        put_option(out, EDE, error, 2)


cdef int write_reply(
    const World* world, const uint8_t* packet, const Question* asked, const Decision* said, uint8_t* reply
) noexcept nogil:
    """The packet, as `wire.assemble`; its size."""
    cdef Out out
    cdef const Zone* zone = NULL
    cdef int answers = 0, authorities = 0, extras = 0
    cdef Py_ssize_t opt = 11 + size_of_options(world.guard, said) if asked.edns else 0
    out.data, out.size, out.room, out.full = reply, 0, asked.room, False
    put(&out, packet, asked.size)
    if said.zone:
        zone = &world.zones[said.zone - 1]
    if zone != NULL and not said.slip:
        if said.sections == LISTED:
            put_listed(&out, zone, said.kinds, asked.qtype, said.family, said.number, &answers)
        elif said.sections == NOTHING:
            authorities = 1
            if said.held != NULL:
                put16(&out, <uint16_t>(0xC000 | (12 + asked.end - zone.name.size)))
                put(&out, said.held.negative.data, said.held.negative.size)
            else:
                put_soa(
                    &out, zone, <uint16_t>(0xC000 | (12 + asked.end - zone.name.size)), zone.negative_ttl,
                    world.table.serial,
                )
        elif said.sections == SOURCED:
            put_sourced(&out, zone, said, asked, &answers)
        elif said.sections == APEX:
            answers = 1
            put_soa(&out, zone, 0xC00C, zone.soa_ttl, world.table.serial)
        elif said.sections == OWN:
            answers = said.records.answers
            put(&out, said.records.body.data, said.records.body.size)
            if out.size + said.records.extra.size + opt <= out.room:
                extras = said.records.extras
                put(&out, said.records.extra.data, said.records.extra.size)
        elif said.sections == IN_PLACE:
            answers = 1
            put_in_place(&out, zone, asked.qtype, said.code)
    if asked.edns:
        put_opt(&out, world, asked, said)
    reply[2] = 0x80 | (packet[2] & 1)
    if said.authoritative:
        reply[2] |= 0x04
    if said.slip or out.full:
        reply[2] |= 0x02
        answers = authorities = extras = 0
        out.size, out.room, out.full = asked.size, GIVES, False
        if asked.edns:
            put_opt(&out, world, asked, said)
    reply[3] = <uint8_t>(said.rcode & 15)
    reply[6] = 0
    reply[7] = <uint8_t>answers
    reply[9] = <uint8_t>authorities
    reply[11] = <uint8_t>(extras + asked.edns)
    return <int>out.size


cdef inline int odd(const World* world, const Client* client, double now) noexcept nogil:
    """For what the reference answers with an error at best: over the limit it need not be asked."""
    return COUNTED if judge(world.guard, client, ERROR, now, False) == SEND else LIMITED


cdef int answer_one(
    const World* world,
    const uint8_t* packet,
    Py_ssize_t size,
    const Client* client,
    double now,
    double seen,
    bint sampled,
    uint8_t* reply,
    Question* asked,
    Decision* said,
) noexcept nogil:
    """Write the reply (GIVES bytes at most) and return its size, or one of the reasons why there is none, below 1."""
    cdef int rule = value_of(&world.guard.rules[client.family], client.number)
    cdef bint trusted = False
    cdef int sort, verdict, read
    said.key = -1
    if rule == DROP_RULE:
        return BARRED
    if size < 12 or packet[2] & 0x80:
        return SILENT
    if sampled:
        return SAMPLED
    read = read_question(packet, size, world.guard, asked)
    if read == OTHER:
        return HAND_OVER
    if read == ODD or asked.qtype == AXFR or asked.qtype == IXFR:
        return odd(world, client, now)
    said.zone = 0
    said.ede = -1
    said.kinds = 0
    said.hits = 0
    said.held = NULL
    said.authoritative = said.keyed = said.elsewhere = said.cookie = said.slip = said.expires = said.version = False
    said.names_itself = asked.wants_nsid and world.guard.names_itself
    said.sections = NO_RECORDS
    if asked.cookie != NULL and world.guard.secrets:
        if asked.cookie_size != 8 and not 16 <= asked.cookie_size <= 40:
            return odd(world, client, now)
        said.cookie = True
        trusted = check_cookie(world.guard, asked.cookie, asked.cookie_size, client, now, said.fresh)
    if said.cookie and world.guard.strict and not trusted:
        said.rcode = BADCOOKIE
    elif not decide(world, asked, client, rule, now, seen, said):
        return HAND_OVER
    if said.authoritative:
        said.version = asked.wants_version
        if asked.wants_expire and asked.qtype == SOA and (said.sections == APEX or said.sections == OWN):
            said.expires = asked.labels == world.zones[said.zone - 1].labels
            said.left = left_of(&world.zones[said.zone - 1], said, now, seen)
    if not trusted and not said.keyed:
        if said.rcode == NXDOMAIN or (said.rcode == NOERROR and said.sections == NOTHING):
            sort = NEGATIVE
        else:
            sort = ANSWERED if said.rcode == NOERROR else ERROR
        verdict = judge(world.guard, client, sort, now, True)
        if verdict == DROP:
            return LIMITED
        said.slip = verdict == SLIP
    return write_reply(world, packet, asked, said, reply)
