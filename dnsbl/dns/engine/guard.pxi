"""Who asks, and how fast: rules, cookies and limits, as `guard` and `cookies` have them. Part of `_compiled`.

The memory of the limits is that of `guard.Pace`, which the reference uses at the same time. Threads do not wait for one
another there: when two count for one client at once, one of the two replies may go uncounted.
"""

cdef struct Secret:
    uint64_t low
    uint64_t high

cdef struct Guarding:
    Prefixes rules[2]  # IPv4, IPv6
    Prefixes allowed[2]
    Prefixes askers[2]  # whose questions to a watched zone the reference takes
    bint proxied  # whether there are proxies that tell for whom they ask
    Prefixes proxies[2]
    double step[3]  # seconds, by sort; 0 is no limit
    int slip
    uint64_t multiplier
    double* ahead
    Py_ssize_t slots  # of each sort, a power of two
    int slot_shift
    uint8_t* refused
    Py_ssize_t secrets  # 0 is no cookies
    Secret* secret
    bint strict
    Keyring keys
    bint names_itself
    Bytes nsid
    double stale_after
    const uint8_t* options  # a bit for each that is handed over
    const uint8_t* types

cdef struct Client:
    int family  # 0 or 1
    u128 number
    const uint8_t* packed
    Py_ssize_t size


cdef class Guard:
    """Rules, limits, cookies, NSID, and what is handed over, as `compiled` describes them. Raises ValueError for what is out of place."""

    cdef Guarding data
    cdef list keep
    cdef list digests  # of keys, in their order
    cdef readonly Py_ssize_t loops  # that count the use of keys
    cdef Py_buffer memory[2]
    cdef int held

    def __cinit__(self, dict found):
        cdef Py_ssize_t n
        cdef _Block block
        self.keep = []
        for n in range(2):
            self.prefixes(&self.data.rules[n], found["rules"][n])
            self.prefixes(&self.data.allowed[n], found["allowed"][n])
            self.prefixes(&self.data.askers[n], found["askers"][n])
            self.data.proxied = found["proxies"] is not None
            if self.data.proxied:
                self.prefixes(&self.data.proxies[n], found["proxies"][n])
        for n in range(3):
            self.data.step[n] = found["steps"][n]
        self.data.slip = found["slip"]
        self.data.multiplier = found["multiplier"]
        ahead, refused = found["memory"]
        PyObject_GetBuffer(ahead, &self.memory[0], PyBUF_SIMPLE | PyBUF_WRITABLE)
        self.held = 1
        PyObject_GetBuffer(refused, &self.memory[1], PyBUF_SIMPLE | PyBUF_WRITABLE)
        self.held = 2
        self.data.slots = self.memory[1].len // 3
        self.data.slot_shift = 64 - found["slot_bits"]
        if not 1 <= found["slot_bits"] < 32 or self.data.slots < 1 << found["slot_bits"]:
            raise ValueError("the memory of the limits is too small")
        if self.memory[0].len != 24 * self.data.slots:
            raise ValueError("the memory of the limits is of two sizes")
        self.data.ahead = <double*>self.memory[0].buf
        self.data.refused = <uint8_t*>self.memory[1].buf
        self.data.secrets = len(found["secrets"])
        block = self.block(self.data.secrets * sizeof(Secret))
        self.data.secret = <Secret*>block.data
        for n, secret in enumerate(found["secrets"]):
            if len(secret) != 16:
                raise ValueError("a secret has 16 bytes")
            self.data.secret[n].low = int.from_bytes(secret[:8], "little")
            self.data.secret[n].high = int.from_bytes(secret[8:], "little")
        self.data.strict = found["strict"]
        self.keys(&self.data.keys, found["keys"], found["stay"], found["loops"])
        nsid = found["nsid"]
        self.data.names_itself = nsid is not None
        self.data.nsid.size = 0 if nsid is None else len(nsid)
        if self.data.nsid.size > MOST_NSID:
            raise ValueError("the name for NSID is too long")
        self.keep.append(nsid)
        if nsid is not None:
            self.data.nsid.data = <const uint8_t*><const char*>nsid
        self.data.stale_after = found["stale_after"]
        self.data.options = self.bits(found["options"])
        self.data.types = self.bits(found["types"])

    cdef keys(self, Keyring* into, found, bint stay, Py_ssize_t loops):
        """Keys as (digest, None or its networks as levels by family), in any order; None where none are used."""
        cdef Py_ssize_t n
        cdef _Block block
        self.digests = sorted(digest for digest, homes in found or ())
        digests, bound = b"".join(self.digests), b""
        if any(len(digest) != 32 for digest in self.digests) or loops < 1:
            raise ValueError("a digest has 32 bytes")
        into.used, into.stay, into.count = found is not None, stay, len(self.digests)
        self.loops = loops
        block = self.block(2 * into.count * sizeof(Prefixes))
        into.homes = <Prefixes*>block.data
        block = self.block(loops * into.count * sizeof(KeyUse))
        into.uses = <KeyUse*>block.data
        for n, (digest, homes) in enumerate(sorted(found or (), key=lambda key: key[0])):
            bound += b"\0" if homes is None else b"\1"
            if homes is not None:
                self.prefixes(&into.homes[2 * n], homes[0])
                self.prefixes(&into.homes[2 * n + 1], homes[1])
        self.keep += [digests, bound]
        into.digests = <const uint8_t*><const char*>digests
        into.bound = <const uint8_t*><const char*>bound

    def used(self):
        """How keys were used, by digest; those that were not are left out."""
        cdef Py_ssize_t n, loop
        cdef KeyUse* use
        found = {}
        for n in range(self.data.keys.count):
            for loop in range(self.loops):
                use = &self.data.keys.uses[loop * self.data.keys.count + n]
                if use.queries:
                    fields = use.queries, use.hits, use.refused, use.elsewhere, use.last, use.strayed, use.place
                    keyuse.add(found, {self.digests[n]: keyuse.KeyUse(*fields)})
        return found

    cdef const uint8_t* bits(self, bytes found) except NULL:
        if len(found) != 1 << 13:
            raise ValueError("a bit for each number of 16 bits is needed")
        self.keep.append(found)
        return <const uint8_t*><const char*>found

    cdef _Block block(self, size_t size):
        block = _Block(max(1, size))
        self.keep.append(block)
        return block

    cdef prefixes(self, Prefixes* into, list levels):
        """Levels as (shift, sorted numbers, values), the longest prefix first."""
        cdef Py_ssize_t n, at
        cdef Level* level
        cdef _Block block = self.block(len(levels) * sizeof(Level))
        into.levels = len(levels)
        into.level = <Level*>block.data
        for n, (shift, numbers, values) in enumerate(levels):
            if len(numbers) != len(values) or not 0 <= shift <= 128:
                raise ValueError("a level out of place")
            level = &into.level[n]
            level.shift = shift
            level.count = len(numbers)
            halves = self.block(16 * level.count)
            kinds = self.block(2 * level.count)
            level.numbers = <const uint64_t*>(<_Block>halves).data
            level.values = <const uint16_t*>(<_Block>kinds).data
            for at in range(level.count):
                (<uint64_t*>level.numbers)[2 * at] = numbers[at] >> 64
                (<uint64_t*>level.numbers)[2 * at + 1] = numbers[at] & 0xFFFFFFFFFFFFFFFF
                (<uint16_t*>level.values)[at] = values[at]

    def __dealloc__(self):
        cdef int n
        for n in range(self.held):
            PyBuffer_Release(&self.memory[n])


cdef inline bint has_bit(const uint8_t* bits, int number) noexcept nogil:
    """Of a number of 16 bits."""
    return bits[number >> 3] >> (number & 7) & 1


cdef inline int value_of(const Prefixes* prefixes, u128 number) noexcept nogil:
    """The value of the longest prefix that holds an address, or 0."""
    cdef Py_ssize_t n, at
    cdef const Level* level
    cdef u128 network
    for n in range(prefixes.levels):
        level = &prefixes.level[n]
        network = cut(number, level.shift)
        at = place(level.numbers, 128, 0, level.count, network)
        if at < level.count and number_at(level.numbers, 128, at) == network:
            return level.values[at]
    return 0


cdef uint8_t[12] SIGNATURE = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]  # `proxied.SIGNATURE`


cdef inline void set_client(Client* client, int family, const uint8_t* packed) noexcept nogil:
    """An address of 4 or 16 bytes; a mapped one is of IPv4, as in `responder.packed`."""
    cdef int n
    if family == 1:
        for n in range(10):
            if packed[n]:
                break
        else:
            if packed[10] == 0xFF and packed[11] == 0xFF:
                packed = packed + 12
                family = 0
    client.family, client.packed = family, packed
    client.size = 4 if family == 0 else 16
    client.number = 0
    for n in range(client.size):
        client.number = client.number << 8 | packed[n]


cdef Py_ssize_t see_through(
    const Guarding* guard, const uint8_t* packet, Py_ssize_t size, Client* client
) noexcept nogil:
    """Bytes of a datagram before its message, as `proxied.seen`; the client becomes the one that a proxy tells of. -1
    when it is to be dropped.
    """
    cdef bint tells = size >= 12 and memcmp(packet, SIGNATURE, 12) == 0
    cdef Py_ssize_t whole
    cdef int family
    if not value_of(&guard.proxies[client.family], client.number):
        return -1 if tells else 0
    if not tells or size < PROXY_FIXED or not 0x20 <= packet[12] <= 0x21:
        return -1
    whole = PROXY_FIXED + (packet[14] << 8 | packet[15])
    if whole > size:
        return -1
    if packet[12] == 0x20 or packet[13] == 0:
        return whole
    family = packet[13] >> 4
    if (family != 1 and family != 2) or not 1 <= packet[13] & 15 <= 2:
        return -1
    if whole < PROXY_FIXED + (12 if family == 1 else 36):
        return -1
    set_client(client, family - 1, packet + PROXY_FIXED)
    return whole


cdef inline Py_ssize_t slot_of(const Guarding* guard, const Client* client, int sort) noexcept nogil:
    """Where replies of this sort to this client count, or -1 where they do not."""
    cdef uint64_t network
    cdef Py_ssize_t slot
    if guard.step[sort] == 0 or value_of(&guard.allowed[client.family], client.number):
        return -1
    if client.family == 0:
        network = <uint64_t>(client.number >> 8)
    else:
        network = <uint64_t>(client.number >> 72) | <uint64_t>1 << 56
    slot = <Py_ssize_t>(network * guard.multiplier >> guard.slot_shift)
    return slot + sort * guard.slots if slot < guard.slots else -1


cdef int judge(const Guarding* guard, const Client* client, int sort, double now, bint slips) noexcept nogil:
    """SEND, SLIP or DROP, as `Pace.judge`."""
    cdef double step = guard.step[sort]
    cdef double begins
    cdef Py_ssize_t slot = slot_of(guard, client, sort)
    if slot < 0:
        return SEND
    begins = guard.ahead[slot]
    if not (now < begins <= now + BURST + step):
        begins = now
    if begins - now <= BURST - step / 2 or begins == now:
        guard.ahead[slot] = begins + step
        return SEND
    if not (slips and guard.slip):
        return DROP
    guard.refused[slot] = <uint8_t>((guard.refused[slot] + 1) % guard.slip)
    return DROP if guard.refused[slot] else SLIP


# ------------------------------------------------------------------------------------------------------------- cookies

cdef inline uint64_t turned(uint64_t word, int by) noexcept nogil:
    return word << by | word >> (64 - by)


cdef inline uint64_t little(const uint8_t* data, Py_ssize_t size) noexcept nogil:
    cdef uint64_t word = 0
    cdef Py_ssize_t n
    for n in range(size):
        word |= <uint64_t>data[n] << (8 * n)
    return word


cdef inline void sip_round(uint64_t* v) noexcept nogil:
    v[0] += v[1]
    v[1] = turned(v[1], 13) ^ v[0]
    v[0] = turned(v[0], 32)
    v[2] += v[3]
    v[3] = turned(v[3], 16) ^ v[2]
    v[0] += v[3]
    v[3] = turned(v[3], 21) ^ v[0]
    v[2] += v[1]
    v[1] = turned(v[1], 17) ^ v[2]
    v[2] = turned(v[2], 32)


cdef uint64_t siphash(const Secret* secret, const uint8_t* data, Py_ssize_t size) noexcept nogil:
    """SipHash-2-4 (Aumasson and Bernstein 2012); its 8 bytes are those of the number, the lowest first."""
    cdef uint64_t v[4]
    cdef uint64_t word
    cdef Py_ssize_t at = 0
    cdef int n
    v[0] = secret.low ^ <uint64_t>0x736F6D6570736575
    v[1] = secret.high ^ <uint64_t>0x646F72616E646F6D
    v[2] = secret.low ^ <uint64_t>0x6C7967656E657261
    v[3] = secret.high ^ <uint64_t>0x7465646279746573
    while at <= size:
        if size - at >= 8:
            word = little(data + at, 8)
        else:
            word = little(data + at, size - at) | <uint64_t>(size & 255) << 56
        v[3] ^= word
        sip_round(v)
        sip_round(v)
        v[0] ^= word
        at += 8
    v[2] ^= 0xFF
    for n in range(4):
        sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


cdef uint64_t cookie_hash(
    const Secret* secret, const uint8_t* mine, const uint8_t* head, const Client* client
) noexcept nogil:
    """Of the client's cookie (8 bytes), what stands before the hash (8 bytes), and the address (RFC 9018 4.4)."""
    cdef uint8_t data[32]
    memcpy(data, mine, 8)
    memcpy(data + 8, head, 8)
    memcpy(data + 16, client.packed, client.size)
    return siphash(secret, data, 16 + client.size)


cdef bint check_cookie(
    const Guarding* guard, const uint8_t* shown, Py_ssize_t size, const Client* client, double now, uint8_t* fresh
) noexcept nogil:
    """Whether a cookie of 8 or of 16 to 40 bytes is good; `fresh` becomes the 24 bytes to reply, as `Cookies.check`."""
    cdef uint32_t moment = <uint32_t>(<uint64_t>now)
    cdef int32_t age
    cdef uint64_t hashed, theirs
    cdef Py_ssize_t n
    cdef bint good = False
    if size == 24 and shown[8] == 1:
        age = <int32_t>(moment - (<uint32_t>shown[12] << 24 | <uint32_t>shown[13] << 16 | <uint32_t>shown[14] << 8 | shown[15]))
        if -AHEAD <= age <= GOOD:
            theirs = little(shown + 16, 8)
            for n in range(guard.secrets):
                hashed = cookie_hash(&guard.secret[n], shown, shown + 8, client)
                if hashed == theirs:
                    good = True
                    if n == 0 and age <= RENEW:
                        memcpy(fresh, shown, 24)
                        return True
    memcpy(fresh, shown, 8)
    memset(fresh + 8, 0, 4)
    fresh[8] = 1
    fresh[12], fresh[13] = <uint8_t>(moment >> 24), <uint8_t>(moment >> 16)
    fresh[14], fresh[15] = <uint8_t>(moment >> 8), <uint8_t>moment
    hashed = cookie_hash(&guard.secret[0], fresh, fresh + 8, client)
    for n in range(8):
        fresh[16 + n] = <uint8_t>(hashed >> (8 * n))
    return good
