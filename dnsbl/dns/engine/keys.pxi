"""Keys that clients put before the zone, known by their SHA-256 alone, as `guard.Keys`, and how they are used. Part of `_compiled`."""

cdef struct Level:
    int shift  # bits of an address that do not matter
    Py_ssize_t count
    const uint64_t* numbers  # sorted; two a number, the higher half first
    const uint16_t* values

cdef struct Prefixes:
    Py_ssize_t levels  # the longest prefix first
    Level* level

cdef struct KeyUse:
    uint64_t queries
    uint64_t hits
    uint64_t refused
    uint64_t elsewhere
    double last
    double strayed
    uint64_t place  # as `keyuse.place_of`
    uint64_t pad

cdef struct Keyring:
    bint used  # whether a label may be a key
    bint stay  # whether keys are refused elsewhere than at home
    Py_ssize_t count
    const uint8_t* digests  # sorted, 32 bytes each
    const uint8_t* bound  # by key: whether it has a home
    Prefixes* homes  # two a key: IPv4, IPv6
    KeyUse* uses  # by loop and key


cdef uint32_t[64] SHA_ROUNDS = [
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
]


cdef inline uint32_t spun(uint32_t word, int by) noexcept nogil:
    return word >> by | word << (32 - by)


cdef void sha_block(uint32_t* state, const uint8_t* block) noexcept nogil:
    """Take 64 bytes in (FIPS 180-4, 6.2.2)."""
    cdef uint32_t w[64]
    cdef uint32_t v[8]
    cdef uint32_t one, two
    cdef int n
    for n in range(16):
        w[n] = (
            <uint32_t>block[4 * n] << 24 | <uint32_t>block[4 * n + 1] << 16
            | <uint32_t>block[4 * n + 2] << 8 | block[4 * n + 3]
        )
    for n in range(16, 64):
        one = spun(w[n - 15], 7) ^ spun(w[n - 15], 18) ^ w[n - 15] >> 3
        two = spun(w[n - 2], 17) ^ spun(w[n - 2], 19) ^ w[n - 2] >> 10
        w[n] = w[n - 16] + one + w[n - 7] + two
    memcpy(v, state, 32)
    for n in range(64):
        one = v[7] + (spun(v[4], 6) ^ spun(v[4], 11) ^ spun(v[4], 25)) + (v[4] & v[5] ^ ~v[4] & v[6])
        one += SHA_ROUNDS[n] + w[n]
        two = (spun(v[0], 2) ^ spun(v[0], 13) ^ spun(v[0], 22)) + (v[0] & v[1] ^ v[0] & v[2] ^ v[1] & v[2])
        v[7], v[6], v[5], v[4] = v[6], v[5], v[4], v[3] + one
        v[3], v[2], v[1], v[0] = v[2], v[1], v[0], one + two
    for n in range(8):
        state[n] += v[n]


cdef void sha256(const uint8_t* label, Py_ssize_t size, uint8_t* digest) noexcept nogil:
    """The SHA-256 of a label, which has at most 63 bytes."""
    cdef uint32_t state[8]
    cdef uint8_t blocks[128]
    cdef Py_ssize_t whole = 64 if size < 56 else 128
    cdef int n
    state[0], state[1], state[2], state[3] = 0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A
    state[4], state[5], state[6], state[7] = 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19
    memset(blocks, 0, 128)
    memcpy(blocks, label, size)
    blocks[size] = 0x80
    blocks[whole - 2], blocks[whole - 1] = <uint8_t>(size >> 5), <uint8_t>(size << 3)
    sha_block(state, blocks)
    if whole == 128:
        sha_block(state, blocks + 64)
    for n in range(32):
        digest[n] = <uint8_t>(state[n // 4] >> (24 - 8 * (n % 4)))


cdef inline bint like_a_key(const uint8_t* label, Py_ssize_t size) noexcept nogil:
    """As `guard.Keys.like`; in lower case."""
    cdef Py_ssize_t n
    for n in range(size):
        if not (48 <= label[n] <= 57 or 97 <= label[n] <= 122):
            return False
    return size >= SHORTEST_KEY


cdef Py_ssize_t key_of(const Keyring* keys, const uint8_t* label, Py_ssize_t size) noexcept nogil:
    """The index of the key that this label (lower case, at most 63 bytes) is, or -1."""
    cdef uint8_t digest[32]
    cdef Py_ssize_t low = 0, high = keys.count, middle
    cdef int order
    sha256(label, size if size <= 63 else 63, digest)
    while low < high:
        middle = low + (high - low) // 2
        order = memcmp(keys.digests + 32 * middle, digest, 32)
        if order == 0:
            return middle
        if order < 0:
            low = middle + 1
        else:
            high = middle
    return -1
