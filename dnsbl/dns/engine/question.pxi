"""One message, read as strictly as `wire` does, as far as the common ones go. Part of `_compiled`."""

cdef struct Question:
    uint8_t lower[256]  # the name in lower case, lengths and all
    Py_ssize_t start[MOST_LABELS]  # of each label, there
    Py_ssize_t labels
    Py_ssize_t end  # of the name, without the root
    Py_ssize_t size  # of the message up to here, from its first byte
    int qtype
    bint edns
    bint dnssec_ok
    Py_ssize_t room
    const uint8_t* cookie  # NULL: none
    Py_ssize_t cookie_size
    bint wants_nsid
    bint wants_expire
    bint wants_version


cdef int read_question(
    const uint8_t* packet, Py_ssize_t size, const Guarding* guard, Question* asked
) noexcept nogil:
    """READ, when it is one plain question of class IN, with an OPT record of version 0 or without; ODD, as `respond.odd`;
    or OTHER, with an option that the reference alone knows.
    """
    cdef Py_ssize_t at = 12, n, width, code, options = 0, end
    cdef uint8_t c
    if packet[2] & 0x78 or packet[4] or packet[5] != 1 or packet[6] or packet[7] or packet[8] or packet[9]:
        return ODD
    if packet[10] or packet[11] > 1:
        return ODD
    asked.labels = 0
    while True:
        if at >= size or asked.labels >= MOST_LABELS:
            return ODD
        width = packet[at]
        if width == 0:
            break
        if width > 63 or at + 1 + width > size or at + 1 + width - 12 > 254:
            return ODD
        asked.start[asked.labels] = at - 12
        asked.labels += 1
        asked.lower[at - 12] = <uint8_t>width
        for n in range(at + 1, at + 1 + width):
            c = packet[n]
            asked.lower[n - 12] = c + 32 if 65 <= c <= 90 else c
        at += 1 + width
    asked.end = at - 12
    at += 1
    if size < at + 4:
        return ODD
    asked.qtype = packet[at] << 8 | packet[at + 1]
    if packet[at + 2] != 0 or packet[at + 3] != 1:
        return ODD
    at += 4
    asked.size = at
    asked.edns = packet[11] == 1
    asked.dnssec_ok = asked.wants_nsid = asked.wants_expire = asked.wants_version = False
    asked.cookie = NULL
    asked.room = PLAIN
    if not asked.edns:
        return READ if size == at else ODD
    if size < at + 11 or packet[at] or packet[at + 1] or packet[at + 2] != OPT or packet[at + 6]:
        return ODD
    asked.dnssec_ok = packet[at + 7] & 0x80
    asked.room = packet[at + 3] << 8 | packet[at + 4]
    asked.room = PLAIN if asked.room < PLAIN else ROOM if asked.room > ROOM else asked.room
    end = at + 11 + (packet[at + 9] << 8 | packet[at + 10])
    at += 11
    if end != size:
        return ODD
    while at < end:
        if at + 4 > end or options == MOST_OPTIONS:
            return ODD
        options += 1
        code = packet[at] << 8 | packet[at + 1]
        width = packet[at + 2] << 8 | packet[at + 3]
        at += 4
        if at + width > end:
            return ODD
        if code == NSID:
            asked.wants_nsid = True
        elif code == EXPIRE:
            asked.wants_expire = True
        elif code == ZONEVERSION:
            asked.wants_version = True
        elif code == COOKIE and asked.cookie == NULL:
            asked.cookie, asked.cookie_size = packet + at, width
        elif has_bit(guard.options, <int>code):
            return OTHER
        at += width
    return READ
