# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=True, cdivision=True
"""The compiled twin of `answer`, and the loop around it: packets in and out by the batch, without the interpreter's lock.

Answers what most packets ask (A, TXT, and what has no data, below the origin; SOA at the origin; no name of ours), with
the very bytes of `answer`; every other packet is handed over, as it came, to the reference by a socket. What it must
know about zones comes as a plan of plain values (see `fast`), what it must know about listings as the arrays of a
table, which stay pinned while a thread may read them. A new table is one store to one pointer; each thread says which
table it reads, and the old one is let go when none does.

Every access to a packet, to a reply and to an array is behind a check of its bounds; nothing is allocated while
answering. Private: `fast` is the door. Over 400 lines, so that the compiler sees all that one packet passes through.
"""

from cpython.buffer cimport PyBUF_SIMPLE, Py_buffer, PyBuffer_Release, PyObject_GetBuffer
from libc.errno cimport EAGAIN, EBADF, EINTR, ENOTSOCK, errno
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

cdef extern from * nogil:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <sys/socket.h>
    #include <netinet/in.h>
    #include <unistd.h>
    typedef unsigned __int128 u128;
    #define load_pointer(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
    #define store_pointer(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
    """
    ctypedef unsigned long long u128  # 128 bits in C; never becomes a Python number
    void* load_pointer(void** p)
    void store_pointer(void** p, void* v)
    struct iovec:
        void* iov_base
        size_t iov_len
    struct msghdr:
        void* msg_name
        unsigned int msg_namelen
        iovec* msg_iov
        size_t msg_iovlen
        int msg_flags
    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    int recvmmsg(int fd, mmsghdr* messages, unsigned int count, int flags, void* timeout)
    int sendmmsg(int fd, mmsghdr* messages, unsigned int count, int flags)
    ssize_t sendmsg(int fd, msghdr* message, int flags)
    int usleep(unsigned int microseconds)
    enum: MSG_WAITFORONE
    enum: MSG_DONTWAIT
    enum: MSG_NOSIGNAL


cdef enum:
    BATCH = 64
    ROOM = 1232
    PLAIN = 512
    #: As large as a datagram can be; an odd stride, so that the starts do not share their cache lines.
    TAKES = 65536 + 192
    GIVES = ROOM + 80
    ADDRESS = 28
    MOST_LABELS = 128
    MOST_LOOPS = 1024
    A = 1
    SOA = 6
    TXT = 16
    OPT = 41
    ANY = 255
    IXFR = 251
    AXFR = 252
    NXDOMAIN = 3
    REFUSED = 5
    HAND_OVER = -1
    SILENT = 0

# ---------------------------------------------------------------------------------------------------- what is fixed

cdef struct Bytes:
    const uint8_t* data
    Py_ssize_t size

cdef struct Kind:
    uint32_t ttl
    uint8_t code[4]
    Py_ssize_t parts  # of the text; the address stands between them
    Bytes* text

cdef struct Test:
    uint32_t address
    int kind

cdef struct View:
    Bytes label  # empty for the origin's
    uint64_t mask  # of kinds
    Py_ssize_t tests
    Test* test

cdef struct Zone:
    Bytes name  # packed, lower case, without the root
    Py_ssize_t labels
    bint known  # whether all its features are
    uint32_t soa_ttl
    uint32_t negative_ttl
    Bytes soa_names
    Bytes soa_timers
    Py_ssize_t statics
    Bytes* static_label  # labels below the origin that lead to static records
    Py_ssize_t views
    View* view
    Kind kind[64]

cdef struct Shelf:
    int kind  # its bit, or -1 for exceptions
    int length
    int bits
    int shift
    const void* base
    Py_ssize_t count
    const uint32_t* guide
    Py_ssize_t slots
    const void* added
    Py_ssize_t adds
    const void* gone
    Py_ssize_t gones

cdef struct Shelves:
    uint32_t serial
    Py_ssize_t count[2]  # IPv4, IPv6
    Shelf* shelf[2]

cdef struct Counts:
    uint64_t answered
    uint64_t silent
    uint64_t unsent
    uint64_t handed
    uint64_t rcode[16]
    uint64_t pad[12]

cdef struct Slot:
    void* reads  # the table that this thread may be reading
    uint64_t pad[15]


cdef class Plan:
    """Zones, as `fast` describes them. Raises ValueError when there are more than 64 kinds."""

    cdef list keep
    cdef list blocks
    cdef Zone* zone
    cdef Py_ssize_t zones
    cdef readonly tuple kinds  # names, in the order of their bits

    def __cinit__(self, tuple kinds, list zones):
        cdef Zone* zone
        cdef View* view
        cdef Py_ssize_t i, j, k
        self.keep, self.blocks = [], []
        self.kinds = kinds
        if len(kinds) > 64:
            raise ValueError("more than 64 kinds")
        self.zones = len(zones)
        self.zone = <Zone*>self.block(self.zones, sizeof(Zone))
        for i, found in enumerate(zones):
            zone = &self.zone[i]
            zone.known = found["known"]
            zone.name = self.hold(found["name"])
            zone.labels = found["labels"]
            if not zone.known:
                continue
            zone.soa_ttl = found["soa_ttl"]
            zone.negative_ttl = found["negative_ttl"]
            zone.soa_names = self.hold(found["soa_names"])
            zone.soa_timers = self.hold(found["soa_timers"])
            zone.statics = len(found["statics"])
            zone.static_label = <Bytes*>self.block(zone.statics, sizeof(Bytes))
            for j, label in enumerate(found["statics"]):
                zone.static_label[j] = self.hold(label)
            for bit, ttl, code, parts in found["kinds"]:
                if not 0 <= bit < 64 or len(code) != 4:
                    raise ValueError("a kind out of place")
                j = bit
                zone.kind[j].ttl = ttl
                memcpy(zone.kind[j].code, <const char*>(<bytes>code), 4)
                zone.kind[j].parts = len(parts)
                zone.kind[j].text = <Bytes*>self.block(len(parts), sizeof(Bytes))
                for k, part in enumerate(parts):
                    zone.kind[j].text[k] = self.hold(part)
            zone.views = len(found["views"])
            zone.view = <View*>self.block(zone.views, sizeof(View))
            for j, (label, bits, tests) in enumerate(found["views"]):
                view = &zone.view[j]
                view.label = self.hold(label)
                for bit in bits:
                    view.mask |= <uint64_t>1 << <int>bit
                view.tests = len(tests)
                view.test = <Test*>self.block(view.tests, sizeof(Test))
                for k, (address, bit) in enumerate(tests):
                    if not 0 <= bit < 64:
                        raise ValueError("a kind out of place")
                    view.test[k].address = address
                    view.test[k].kind = bit

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


cdef class _Block:
    """Zeroed memory that lives as long as this object."""

    cdef void* data

    def __cinit__(self, size_t size):
        self.data = calloc(1, size)
        if self.data == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free(self.data)


cdef class Loaded:
    """The arrays of a table, pinned. `shelves` are those of `Table.shelves`; kinds that no zone knows are left out."""

    cdef Shelves found
    cdef list blocks
    cdef Py_buffer* buffers
    cdef Py_ssize_t held

    def __cinit__(self, Plan plan, shelves, uint32_t serial):
        cdef Shelf* shelf
        cdef int version
        cdef Py_ssize_t at, n
        shelves = list(shelves)
        bits = {name: bit for bit, name in enumerate(plan.kinds)}
        wanted = [[s for s in shelves if s.where.version == v and (not s.where.kind or s.where.kind in bits)]
                  for v in (4, 6)]
        self.buffers = <Py_buffer*>calloc(max(1, 4 * (len(wanted[0]) + len(wanted[1]))), sizeof(Py_buffer))
        if self.buffers == NULL:
            raise MemoryError()
        self.found.serial = serial
        self.blocks = []
        for version in range(2):
            n = len(wanted[version])
            block = _Block(max(1, n) * sizeof(Shelf))
            self.blocks.append(block)
            self.found.shelf[version] = <Shelf*>(<_Block>block).data
            self.found.count[version] = n
            for at in range(n):
                given = wanted[version][at]
                shelf = &self.found.shelf[version][at]
                shelf.kind = bits[given.where.kind] if given.where.kind else -1
                shelf.length = given.where.length
                shelf.bits = given.where.bits
                shelf.shift = given.shift
                shelf.base = self.pin(given.base, shelf.bits // 8, &shelf.count)
                shelf.guide = <const uint32_t*>self.pin(given.guide, 4, &shelf.slots)
                shelf.added = self.pin(given.added, shelf.bits // 8, &shelf.adds)
                shelf.gone = self.pin(given.gone, shelf.bits // 8, &shelf.gones)

    cdef const void* pin(self, object array, Py_ssize_t size, Py_ssize_t* count) except? NULL:
        cdef Py_buffer* buffer = &self.buffers[self.held]
        PyObject_GetBuffer(array, buffer, PyBUF_SIMPLE)
        self.held += 1
        count[0] = buffer.len // size
        return buffer.buf

    def __dealloc__(self):
        cdef Py_ssize_t n
        for n in range(self.held):
            PyBuffer_Release(&self.buffers[n])
        free(self.buffers)


# ------------------------------------------------------------------------------------------------------- the look-up

cdef inline u128 number_at(const void* base, int bits, Py_ssize_t at) noexcept nogil:
    if bits == 32:
        return (<const uint32_t*>base)[at]
    if bits == 64:
        return (<const uint64_t*>base)[at]
    return (<u128>(<const uint64_t*>base)[2 * at] << 64) | (<const uint64_t*>base)[2 * at + 1]


cdef inline Py_ssize_t place(
    const void* base, int bits, Py_ssize_t low, Py_ssize_t high, u128 number
) noexcept nogil:
    """Of the numbers from low to high - 1, where this one is or would be; 0 <= low, high <= their count."""
    cdef Py_ssize_t middle
    cdef uint32_t small
    cdef const uint32_t* numbers
    if bits == 32:
        if number > 0xFFFFFFFFU:
            return high
        small = <uint32_t>number
        numbers = <const uint32_t*>base
        while low < high:
            middle = low + (high - low) // 2
            if numbers[middle] < small:
                low = middle + 1
            else:
                high = middle
        return low
    while low < high:
        middle = low + (high - low) // 2
        if number_at(base, bits, middle) < number:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline Py_ssize_t place_in_base(const Shelf* shelf, u128 number) noexcept nogil:
    cdef u128 origin
    cdef u128 slot
    cdef Py_ssize_t low, high
    if shelf.slots < 2 or shelf.count == 0:
        return place(shelf.base, shelf.bits, 0, shelf.count, number)
    origin = number_at(shelf.base, shelf.bits, 0)
    if number <= origin:
        return 0
    if shelf.bits == 128:
        origin = (origin >> 64) << 64
    slot = (number - origin) >> shelf.shift
    if slot >= <u128>(shelf.slots - 1):
        return shelf.count
    low = shelf.guide[<Py_ssize_t>slot]
    high = shelf.guide[<Py_ssize_t>slot + 1]
    if high > shelf.count:
        high = shelf.count
    return place(shelf.base, shelf.bits, low, high, number)


cdef inline bint has(const void* base, int bits, Py_ssize_t count, u128 number) noexcept nogil:
    cdef Py_ssize_t at
    if count == 0:
        return False
    at = place(base, bits, 0, count, number)
    return at < count and number_at(base, bits, at) == number


cdef bint contains(const Shelf* shelf, u128 number) noexcept nogil:
    cdef Py_ssize_t at = place_in_base(shelf, number)
    if at < shelf.count and number_at(shelf.base, shelf.bits, at) == number:
        return not has(shelf.gone, shelf.bits, shelf.gones, number)
    return has(shelf.added, shelf.bits, shelf.adds, number)


cdef bint any_between(const Shelf* shelf, u128 first, u128 last) noexcept nogil:
    cdef Py_ssize_t at = place(shelf.added, shelf.bits, 0, shelf.adds, first)
    cdef Py_ssize_t gone
    cdef u128 number
    if at < shelf.adds and number_at(shelf.added, shelf.bits, at) <= last:
        return True
    at = place_in_base(shelf, first)
    gone = place(shelf.gone, shelf.bits, 0, shelf.gones, first)
    while at < shelf.count:
        number = number_at(shelf.base, shelf.bits, at)
        if number > last:
            return False
        if gone >= shelf.gones or number_at(shelf.gone, shelf.bits, gone) != number:
            return True
        at += 1
        gone += 1
    return False


cdef int nearest_exception(const Shelves* table, int family, u128 number, int length) noexcept nogil:
    cdef Py_ssize_t n
    cdef const Shelf* shelf
    cdef int nearest = -1
    for n in range(table.count[family]):
        shelf = &table.shelf[family][n]
        if shelf.kind >= 0:
            break  # exceptions come first, the widest before the others
        if shelf.length <= length and contains(shelf, number >> (length - shelf.length)):
            nearest = shelf.length
    return nearest


cdef inline u128 cut(u128 number, int by) noexcept nogil:
    return number >> by if by < 128 else 0


cdef uint64_t kinds_of(const Shelves* table, int family, u128 number, uint64_t mask) noexcept nogil:
    """The bits of the kinds, of those in mask, under which an address is listed."""
    cdef int width = 32 if family == 0 else 128
    cdef int nearest = -1
    cdef Py_ssize_t n
    cdef const Shelf* shelf
    cdef uint64_t found = 0
    cdef uint64_t bit
    for n in range(table.count[family]):
        shelf = &table.shelf[family][n]
        if shelf.kind < 0:
            if contains(shelf, cut(number, width - shelf.length)):
                nearest = shelf.length
            continue
        bit = <uint64_t>1 << shelf.kind
        if mask & bit and not found & bit and shelf.length >= nearest:
            if contains(shelf, cut(number, width - shelf.length)):
                found |= bit
    return found


cdef bint under(const Shelves* table, int family, u128 number, int length, uint64_t mask) noexcept nogil:
    """Whether an address of a network is listed under one of the kinds in mask."""
    cdef int nearest = nearest_exception(table, family, number, length)
    cdef Py_ssize_t n
    cdef const Shelf* shelf
    for n in range(table.count[family]):
        shelf = &table.shelf[family][n]
        if shelf.kind < 0 or not mask & (<uint64_t>1 << shelf.kind):
            continue
        if shelf.length <= length:
            if shelf.length >= nearest and contains(shelf, cut(number, length - shelf.length)):
                return True
        elif any_between(
            shelf,
            number << (shelf.length - length) if shelf.length - length < 128 else 0,
            ((number + 1) << (shelf.length - length)) - 1 if shelf.length - length < 128 else ~<u128>0,
        ):
            return True
    return False


# --------------------------------------------------------------------------------------------------------- the reply

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


cdef void put_listed(
    Out* out, const Zone* zone, uint64_t kinds, int qtype, int family, u128 number, int* answers
) noexcept nogil:
    cdef uint32_t ttl = 0xFFFFFFFFU
    cdef int bit
    cdef Py_ssize_t part, began
    cdef const Kind* kind
    for bit in range(64):
        if kinds >> bit & 1 and zone.kind[bit].ttl < ttl:
            ttl = zone.kind[bit].ttl
    for bit in range(64):
        if not kinds >> bit & 1:
            continue
        kind = &zone.kind[bit]
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


cdef int answer_one(
    const Zone* zones, Py_ssize_t count, const Shelves* table, const uint8_t* packet, Py_ssize_t size, uint8_t* reply
) noexcept nogil:
    """Write the reply (ROOM bytes at most) and return its size, SILENT or HAND_OVER."""
    cdef uint8_t lower[256]
    cdef Py_ssize_t start[MOST_LABELS]
    cdef Py_ssize_t labels = 0, at = 12, end, n, below, room = PLAIN, width
    cdef int qtype, rcode, answers = 0, family, value, bits
    cdef bint edns = False, dnssec_ok = False, octets, nibbles, exists = False, listed = False
    cdef const Zone* zone = NULL
    cdef const View* view = NULL
    cdef Bytes* known
    cdef u128 number = 0
    cdef uint64_t kinds = 0
    cdef uint8_t c
    cdef Out out
    if size < 12 or packet[2] & 0x80:
        return SILENT
    if table == NULL or packet[2] & 0x78 or packet[4] or packet[5] != 1 or packet[6] or packet[7] or packet[8] or packet[9]:
        return HAND_OVER
    if packet[10] or packet[11] > 1:
        return HAND_OVER
    # the name, in lower case, lengths and all
    while True:
        if at >= size or labels >= MOST_LABELS:
            return HAND_OVER
        width = packet[at]
        if width == 0:
            break
        if width > 63 or at + 1 + width > size or at + 1 + width - 12 > 254:
            return HAND_OVER
        start[labels] = at - 12
        labels += 1
        lower[at - 12] = <uint8_t>width
        for n in range(at + 1, at + 1 + width):
            c = packet[n]
            lower[n - 12] = c + 32 if 65 <= c <= 90 else c
        at += 1 + width
    end = at - 12  # of the name, without the root
    at += 1
    if size < at + 4:
        return HAND_OVER
    qtype = packet[at] << 8 | packet[at + 1]
    if packet[at + 2] != 0 or packet[at + 3] != 1 or qtype == ANY or qtype == AXFR or qtype == IXFR:
        return HAND_OVER
    at += 4
    if packet[11]:
        if size != at + 11 or packet[at] or packet[at + 1] or packet[at + 2] != OPT or packet[at + 6]:
            return HAND_OVER
        if packet[at + 9] or packet[at + 10]:
            return HAND_OVER
        edns = True
        dnssec_ok = packet[at + 7] & 0x80
        room = packet[at + 3] << 8 | packet[at + 4]
        room = PLAIN if room < PLAIN else ROOM if room > ROOM else room
    elif size != at:
        return HAND_OVER
    out.data, out.size, out.room, out.full = reply, 0, room, False
    # header: what depends on the answer comes last
    put(&out, packet, 12)
    put(&out, packet + 12, at - 12)
    for n in range(count):
        below = labels - zones[n].labels
        if below >= 0 and zones[n].labels > 0 and zones[n].name.size == end - start[below]:
            if memcmp(zones[n].name.data, lower + start[below], zones[n].name.size) == 0:
                zone = &zones[n]
                break
    if zone == NULL:
        if edns:
            return HAND_OVER
        reply[2], reply[3] = 0x80 | (packet[2] & 1), REFUSED
        return <int>out.size if not out.full else HAND_OVER
    if not zone.known:
        return HAND_OVER
    below = labels - zone.labels
    rcode = 0
    if below == 0:
        if qtype != SOA:
            return HAND_OVER
        put_soa(&out, zone, 0xC00C, zone.soa_ttl, table.serial)
        answers = 1
    else:
        for n in range(zone.statics):
            if same(&zone.static_label[n], lower + start[below - 1] + 1, lower[start[below - 1]]):
                return HAND_OVER
        view = &zone.view[0]
        for n in range(1, zone.views):
            if same(&zone.view[n].label, lower + start[below - 1] + 1, lower[start[below - 1]]):
                view = &zone.view[n]
                below -= 1
                exists = below == 0
                break
        # octets, the last label first
        octets = 0 < below <= 4
        n = below
        while octets and n > 0:
            n -= 1
            value = octet_of(lower + start[n] + 1, lower[start[n]])
            octets = value >= 0
            number = number << 8 | <u128>(value & 255)
        if octets:
            listed = look4(table, view, <uint64_t>number, <int>(8 * below), &kinds, &exists)
            family = 0
        if not listed:
            nibbles = 0 < below <= 32
            number = 0
            n = below
            while nibbles and n > 0:
                n -= 1
                value = nibble_of(lower[start[n] + 1]) if lower[start[n]] == 1 else -1
                nibbles = value >= 0
                number = number << 4 | <u128>(value & 15)
            if nibbles:
                bits = <int>(4 * below)
                if bits >= 96 and number >> (bits - 96) == 0xFFFF:
                    number &= (<u128>1 << (bits - 96)) - 1
                    family = 0
                    listed = look4(table, view, <uint64_t>number, bits - 96, &kinds, &exists)
                else:
                    family = 1
                    if bits == 128:
                        kinds = kinds_of(table, 1, number, view.mask)
                        listed = kinds != 0
                    elif bits <= 96 and number == <u128>0xFFFF >> (96 - bits):
                        exists = True
                    else:
                        exists = exists or under(table, 1, number, bits, view.mask)
        if listed and (qtype == A or qtype == TXT):
            put_listed(&out, zone, kinds, qtype, family, number, &answers)
        else:
            rcode = 0 if listed or exists else NXDOMAIN
            put_soa(&out, zone, <uint16_t>(0xC000 | (12 + end - zone.name.size)), zone.negative_ttl, table.serial)
    if edns:
        put8(&out, 0)
        put16(&out, OPT)
        put16(&out, ROOM)
        put16(&out, 0)
        put16(&out, 0x8000 if dnssec_ok else 0)
        put16(&out, 0)
    if out.full:
        return HAND_OVER
    reply[2], reply[3] = 0x84 | (packet[2] & 1), <uint8_t>rcode
    reply[7] = <uint8_t>answers
    reply[9] = 0 if answers else 1
    reply[11] = edns
    return <int>out.size


cdef inline bint look4(
    const Shelves* table, const View* view, uint64_t number, int length, uint64_t* kinds, bint* exists
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


# ---------------------------------------------------------------------------------------------------------- the loop

cdef class Engine:
    """Answers for one plan, from the table loaded last, on any number of threads (`run`)."""

    cdef Plan plan
    cdef Loaded loaded
    cdef void* current
    cdef list retired
    cdef Slot* slots
    cdef Counts* counts
    cdef int loops
    cdef volatile bint stopped

    def __cinit__(self, Plan plan):
        self.plan = plan
        self.retired = []
        self.slots = <Slot*>calloc(MOST_LOOPS, sizeof(Slot))
        self.counts = <Counts*>calloc(MOST_LOOPS, sizeof(Counts))
        if self.slots == NULL or self.counts == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free(self.slots)
        free(self.counts)

    def swap(self, Loaded loaded):
        """Answer from this table from now on, or from none. The old one is let go as soon as no thread reads it."""
        cdef int tries
        if self.loaded is not None:
            self.retired.append(self.loaded)
        self.loaded = loaded
        store_pointer(&self.current, NULL if loaded is None else <void*>&loaded.found)
        for tries in range(20):
            self.reap()
            if not self.retired:
                break
            with nogil:
                usleep(50)

    @property
    def waiting(self):
        """How many old tables a thread may still read."""
        self.reap()
        return len(self.retired)

    cdef reap(self):
        self.retired = [old for old in self.retired if self.in_use(old)]

    cdef bint in_use(self, Loaded old):
        cdef int n
        for n in range(self.loops):
            if load_pointer(&self.slots[n].reads) == <void*>&old.found:
                return True
        return False

    def stop(self):
        """Let every `run` return; each needs one more datagram, a shutdown of its socket, or its time-out."""
        self.stopped = True

    def counted(self):
        """Since the start, in all threads: answered, silent, unsent, handed over, and replies by rcode."""
        cdef int n, rcode
        found = [0] * 20
        for n in range(self.loops):
            found[0] += self.counts[n].answered
            found[1] += self.counts[n].silent
            found[2] += self.counts[n].unsent
            found[3] += self.counts[n].handed
            for rcode in range(16):
                found[4 + rcode] += self.counts[n].rcode[rcode]
        return found

    def answer(self, const uint8_t[::1] packet):
        """For tests: the reply, b"" for silence, None for a packet that is handed over."""
        cdef uint8_t reply[GIVES]
        cdef int size
        cdef const uint8_t* data = NULL
        if packet.shape[0]:
            data = &packet[0]
        size = answer_one(
            self.plan.zone, self.plan.zones, <const Shelves*>load_pointer(&self.current), data, packet.shape[0], reply
        )
        return None if size == HAND_OVER else reply[:size]

    def run(self, int fd, int other):
        """Answer on a UDP socket until stopped. `other`, one end of a pair of datagram sockets, is sent every packet
        that is handed over, with its sender's address before it in 28 bytes. Raises OSError when the socket fails.

        With an empty plan every packet is sent back as it came, marked as a response: the floor of all benchmarks.
        """
        cdef int mine = self.loops
        cdef _Block block
        cdef int error
        if mine >= MOST_LOOPS:
            raise ValueError("too many threads")
        self.loops += 1
        block = _Block(sizeof(Room))
        with nogil:
            error = loop(self, <Room*>block.data, fd, other, &self.slots[mine].reads, &self.counts[mine])
        if error:
            raise OSError(error, "the socket failed")


cdef struct Room:
    mmsghdr taken[BATCH]
    mmsghdr given[BATCH]
    iovec in_parts[BATCH]
    iovec out_parts[BATCH]
    uint8_t peers[BATCH][ADDRESS]
    uint8_t replies[BATCH][GIVES]
    uint8_t packets[BATCH][TAKES]


cdef inline bint unanswered(const uint8_t* peer) noexcept nogil:
    """Ports that cannot be answered, or would answer back; the same as in the responder."""
    cdef int port = peer[2] << 8 | peer[3]
    return port == 0 or port == 7 or port == 13 or port == 17 or port == 19


cdef int loop(Engine engine, Room* room, int fd, int other, void** reads, Counts* counts) noexcept nogil:
    cdef int taken = 0, given, n, size, sent
    cdef void* table
    cdef msghdr message
    cdef iovec parts[2]
    cdef bint echo = engine.plan.zones == 0
    memset(&message, 0, sizeof(message))
    message.msg_iov = parts
    message.msg_iovlen = 2
    for n in range(BATCH):
        room.in_parts[n].iov_base = room.packets[n]
        room.in_parts[n].iov_len = 65536
        room.taken[n].msg_hdr.msg_iov = &room.in_parts[n]
        room.taken[n].msg_hdr.msg_iovlen = 1
        room.taken[n].msg_hdr.msg_name = room.peers[n]
        room.taken[n].msg_hdr.msg_namelen = ADDRESS
        room.given[n].msg_hdr.msg_iov = &room.out_parts[n]
        room.given[n].msg_hdr.msg_iovlen = 1
    while not engine.stopped:
        for n in range(taken):  # what the last batch has written over
            room.taken[n].msg_hdr.msg_namelen = ADDRESS
        taken = recvmmsg(fd, room.taken, BATCH, MSG_WAITFORONE, NULL)
        if engine.stopped:
            break
        if taken < 0:
            if errno == EBADF or errno == ENOTSOCK:
                return errno
            if errno != EINTR and errno != EAGAIN:
                counts.unsent += 1
            continue
        table = load_pointer(&engine.current)
        while True:
            store_pointer(reads, table)
            if load_pointer(&engine.current) == table:
                break
            table = load_pointer(&engine.current)
        given = 0
        for n in range(taken):
            if room.taken[n].msg_len > 65536 or room.taken[n].msg_hdr.msg_namelen < 8 or unanswered(room.peers[n]):
                continue
            if echo:
                room.packets[n][2] |= 0x80
                room.out_parts[given].iov_base = room.packets[n]
                size = room.taken[n].msg_len
            else:
                size = answer_one(
                    engine.plan.zone,
                    engine.plan.zones,
                    <const Shelves*>table,
                    room.packets[n],
                    room.taken[n].msg_len,
                    room.replies[given],
                )
                if size == SILENT:
                    counts.answered += 1
                    counts.silent += 1
                    continue
                if size == HAND_OVER:
                    parts[0].iov_base = room.peers[n]
                    parts[0].iov_len = ADDRESS
                    parts[1].iov_base = room.packets[n]
                    parts[1].iov_len = room.taken[n].msg_len
                    if sendmsg(other, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0:
                        counts.unsent += 1
                    else:
                        counts.handed += 1
                    continue
                counts.answered += 1
                counts.rcode[room.replies[given][3] & 15] += 1
                room.out_parts[given].iov_base = room.replies[given]
            room.out_parts[given].iov_len = size
            room.given[given].msg_hdr.msg_name = room.peers[n]
            room.given[given].msg_hdr.msg_namelen = room.taken[n].msg_hdr.msg_namelen
            given += 1
        store_pointer(reads, NULL)
        n = 0
        while n < given:
            if given == 1:
                sent = 1 if sendmsg(fd, &room.given[0].msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 else -1
            else:
                sent = sendmmsg(fd, &room.given[n], given - n, MSG_DONTWAIT | MSG_NOSIGNAL)
            if sent > 0:
                n += sent
            elif errno == EAGAIN:
                counts.unsent += given - n
                break
            elif errno != EINTR:  # this one cannot be sent
                counts.unsent += 1
                n += 1
    return 0
