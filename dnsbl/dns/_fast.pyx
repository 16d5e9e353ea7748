# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=True, cdivision=True
"""The compiled twin of `respond`, and the loop around it: packets in and out by the batch, without the interpreter's lock.

Answers what most packets ask (A, TXT, and what has no data, below the origin; SOA at the origin; no name of ours), with
client rules, rate limits, cookies and NSID, and with the very bytes of `respond`; every other packet is handed over, as
it came, to the reference by a socket. What it must know comes from `fast` as plain values and from a table as arrays,
which stay pinned while a thread may read them. A new state is one store to one pointer; each thread says which state it
reads, and the old one is let go when none does.

Every access to a packet, to a reply and to an array is behind a check of its bounds; nothing is allocated while
answering. Private: `fast` is the door. One module in several files, so that the compiler sees all that a packet passes.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, Py_buffer, PyBuffer_Release, PyObject_GetBuffer
from libc.errno cimport EAGAIN, EBADF, EINTR, ENOTSOCK, errno
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

cdef extern from * nogil:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <string.h>
    #include <sys/socket.h>
    #include <netinet/in.h>
    #include <sys/prctl.h>
    #include <time.h>
    #include <unistd.h>
    typedef unsigned __int128 u128;
    #define load_pointer(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
    #define store_pointer(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
    #define lowest_bit(word) __builtin_ctzll(word)

    static inline double seconds_of(clockid_t clock) {
        struct timespec now;
        clock_gettime(clock, &now);
        return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    }

    /* The address that was asked, ready to be the one that a reply leaves from; its size, or 0. */
    static inline unsigned asked_address(struct msghdr *message, unsigned char *local) {
        struct cmsghdr *part;
        for (part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
            if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO
                && part->cmsg_len >= CMSG_LEN(sizeof(struct in_pktinfo))) {
                struct in_pktinfo info;
                memcpy(&info, CMSG_DATA(part), sizeof info);
                info.ipi_ifindex = 0;
                memcpy(local, &info, sizeof info);
                return sizeof info;
            }
            if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO
                && part->cmsg_len >= CMSG_LEN(sizeof(struct in6_pktinfo))) {
                struct in6_pktinfo info;
                memcpy(&info, CMSG_DATA(part), sizeof info);
                if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
                    info.ipi6_ifindex = 0;
                memcpy(local, &info, sizeof info);
                return sizeof info;
            }
        }
        return 0;
    }

    static inline unsigned leave_from(unsigned char *control, const unsigned char *local, unsigned size) {
        struct cmsghdr *part = (struct cmsghdr *)control;
        part->cmsg_level = size == sizeof(struct in_pktinfo) ? IPPROTO_IP : IPPROTO_IPV6;
        part->cmsg_type = size == sizeof(struct in_pktinfo) ? IP_PKTINFO : IPV6_PKTINFO;
        part->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(part), local, size);
        return CMSG_SPACE(size);
    }
    """
    ctypedef unsigned long long u128  # 128 bits in C; never becomes a Python number
    ctypedef int clockid_t
    void* load_pointer(void** p)
    void store_pointer(void** p, void* v)
    int lowest_bit(uint64_t word)
    double seconds_of(clockid_t clock)
    struct iovec:
        void* iov_base
        size_t iov_len
    struct msghdr:
        void* msg_name
        unsigned int msg_namelen
        iovec* msg_iov
        size_t msg_iovlen
        void* msg_control
        size_t msg_controllen
        int msg_flags
    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    unsigned int asked_address(msghdr* message, uint8_t* local)
    unsigned int leave_from(uint8_t* control, const uint8_t* local, unsigned int size)
    int recvmmsg(int fd, mmsghdr* messages, unsigned int count, int flags, void* timeout)
    int sendmmsg(int fd, mmsghdr* messages, unsigned int count, int flags)
    ssize_t sendmsg(int fd, msghdr* message, int flags)
    int usleep(unsigned int microseconds)
    int prctl(int option, unsigned long value)
    enum: PR_SET_TIMERSLACK
    enum: AF_INET
    enum: CLOCK_MONOTONIC
    enum: CLOCK_REALTIME
    enum: MSG_WAITFORONE
    enum: MSG_DONTWAIT
    enum: MSG_NOSIGNAL


cdef enum:
    # messages (`wire`)
    ROOM = 1232
    PLAIN = 512
    MOST_LABELS = 128
    MOST_OPTIONS = 64
    A = 1
    SOA = 6
    TXT = 16
    OPT = 41
    IXFR = 251
    AXFR = 252
    ANY = 255
    NOERROR = 0
    NXDOMAIN = 3
    REFUSED = 5
    BADCOOKIE = 23
    NSID = 3
    COOKIE = 10
    EDE = 15
    STALE = 3
    PROHIBITED = 18
    STALE_NXDOMAIN = 19
    NOT_AUTHORITATIVE = 20
    # what a reply has in its sections
    NO_RECORDS = 0
    LISTED = 1
    NOTHING = 2
    APEX = 3
    # clients (`guard`, `cookies`): rules, sorts of replies, what becomes of them
    SHORTEST_KEY = 16
    MOST_NSID = 400
    DROP_RULE = 1
    REFUSE = 2
    OTHERWISE = 3
    ANSWERED = 0
    NEGATIVE = 1
    ERROR = 2
    SEND = 0
    SLIP = 1
    DROP = 2
    AHEAD = 300
    GOOD = 3600
    RENEW = 1800
    BURST = 2
    # why there is no reply
    SILENT = 0
    BARRED = -1
    LIMITED = -2
    SAMPLED = -3
    HAND_OVER = -4
    # the loop
    BATCH = 64
    #: As large as a datagram can be; an odd stride, so that the starts do not share their cache lines.
    TAKES = 65536 + 192
    GIVES = ROOM + 80
    ADDRESS = 28
    CONTROL = 64
    CONTROL_WORDS = 8
    #: Before a packet that is handed over: the sender, whether it is for the log, and the address that was asked.
    HEAD = 64
    #: Of a busy thread, in microseconds, after a batch of fewer packets than these.
    PAUSE = 50
    FEW = 16
    # counts
    RCODES = 24
    TYPES = 20
    MOST_BOUNDS = 32
    TIMED_EVERY = 64

include "_fast_plan.pxi"
include "_fast_lookup.pxi"
include "_fast_guard.pxi"
include "_fast_question.pxi"
include "_fast_decision.pxi"
include "_fast_reply.pxi"


cdef class State:
    """All that answers depend on but the time; what is in it never changes. `loaded` is None before the first table."""

    cdef World world
    cdef readonly Plan plan
    cdef readonly Guard guard
    cdef readonly Loaded loaded

    def __cinit__(self, Plan plan not None, Guard guard not None, Loaded loaded):
        self.plan, self.guard, self.loaded = plan, guard, loaded
        self.world.zones = plan.zone
        self.world.count = plan.zones
        self.world.guard = &guard.data
        self.world.table = NULL if loaded is None else &loaded.found
        self.world.replies = plan.replies


cdef struct Counts:
    uint64_t udp  # but what was handed over
    uint64_t barred
    uint64_t silent
    uint64_t limited
    uint64_t slipped
    uint64_t port
    uint64_t unsent
    uint64_t handed
    uint64_t unlogged
    uint64_t unsampled  # since the last one for the log
    uint64_t untimed
    double seconds
    uint64_t times[MOST_BOUNDS + 1]
    uint64_t pad[20]

cdef struct Slot:
    void* reads  # the state that this thread may be reading
    uint64_t pad[15]


cdef class Engine:
    """Answers from the state given last, on as many threads as there are `loops`, each in a `run`.

    One of `every` messages is handed over for the query log (0: none). `sorts` gives the index of each query type below
    256 in counts; `bounds` are those of the histogram of times, in seconds. An echo sends every packet back as it came,
    marked as a response: the floor of all benchmarks.
    """

    cdef State state
    cdef list retired
    cdef dict past  # counts of plans that are gone
    cdef void* current
    cdef Slot* slots
    cdef Counts* counts
    cdef int loops
    cdef int running
    cdef uint64_t every
    cdef uint8_t sorts[256]
    cdef double bounds[MOST_BOUNDS]
    cdef int bound_count
    cdef double seen
    cdef bint echo
    cdef volatile bint stopped

    def __cinit__(self, int loops, *, uint64_t every=0, bytes sorts=bytes(256), tuple bounds=(), bint echo=False):
        cdef int n
        if loops < 1 or len(sorts) != 256 or max(sorts) >= TYPES or len(bounds) > MOST_BOUNDS:
            raise ValueError("out of place")
        self.retired, self.past = [], {}
        self.loops, self.every, self.echo = loops, every, echo
        for n in range(256):
            self.sorts[n] = sorts[n]
        for n, bound in enumerate(bounds):
            self.bounds[n] = bound
        self.bound_count = len(bounds)
        self.slots = <Slot*>calloc(loops, sizeof(Slot))
        self.counts = <Counts*>calloc(loops, sizeof(Counts))
        if self.slots == NULL or self.counts == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free(self.slots)
        free(self.counts)

    def swap(self, State state not None):
        """Answer from this state from now on. The old one is let go as soon as no thread reads it."""
        cdef int tries
        if state.plan.loops < self.loops:
            raise ValueError("the plan counts for fewer loops")
        if self.state is not None:
            self.retired.append(self.state)
        self.state = state
        store_pointer(&self.current, &state.world)
        for tries in range(20):
            self.reap()
            if not self.retired:
                break
            with nogil:
                usleep(50)

    def confirm(self, double seen):
        """The store stood by the table at this moment; Unix seconds."""
        self.seen = seen

    @property
    def waiting(self):
        """How many old states a thread may still read."""
        self.reap()
        return len(self.retired)

    cdef reap(self):
        cdef State old
        kept = []
        for old in self.retired:
            if self.in_use(old):
                kept.append(old)
        gone = {old.plan for old in self.retired} - {old.plan for old in kept} - {self.state.plan}
        self.retired = kept
        for plan in gone:
            _add(self.past, plan.replied())

    cdef bint in_use(self, State old):
        cdef int n
        for n in range(self.loops):
            if load_pointer(&self.slots[n].reads) == <void*>&old.world:
                return True
        return False

    def stop(self):
        """Let every `run` return; each needs one more datagram, a shutdown of its socket, or its time-out."""
        self.stopped = True

    def replied(self):
        """Replies made since the start, as {(origin or "", rcode, index of the type): count}."""
        self.reap()
        found = dict(self.past)
        if self.state is not None:
            for plan in {self.state.plan, *(old.plan for old in self.retired)}:
                _add(found, plan.replied())
        return found

    def counted(self):
        """Messages since the start, by what became of them; `udp` are all but those handed over."""
        cdef int n
        found = dict.fromkeys(("udp", "acl", "header", "rate", "slip", "port", "unsent", "handed", "unlogged"), 0)
        for n in range(self.loops):
            found["udp"] += self.counts[n].udp
            found["acl"] += self.counts[n].barred
            found["header"] += self.counts[n].silent
            found["rate"] += self.counts[n].limited
            found["slip"] += self.counts[n].slipped
            found["port"] += self.counts[n].port
            found["unsent"] += self.counts[n].unsent
            found["handed"] += self.counts[n].handed
            found["unlogged"] += self.counts[n].unlogged
        return found

    def timed(self):
        """(counts by bucket, their sum in seconds) of how long answers took to make; one of 64 is timed."""
        cdef int n, bucket
        counts, total = [0] * (self.bound_count + 1), 0.0
        for n in range(self.loops):
            total += self.counts[n].seconds
            for bucket in range(self.bound_count + 1):
                counts[bucket] += self.counts[n].times[bucket]
        return counts, total

    def answer(self, const uint8_t[::1] packet, bytes client, double now):
        """For tests: (reply or None, why), as `Said` has them; "hand over" and "sampled" too. Counts as a loop does."""
        cdef uint8_t reply[GIVES]
        cdef Client known
        cdef Question asked
        cdef Decision said
        cdef const uint8_t* data = NULL
        cdef const uint8_t* address = client
        cdef int size
        if len(client) not in (4, 16):
            raise ValueError("an address has 4 or 16 bytes")
        if packet.shape[0]:
            data = &packet[0]
        set_client(&known, 0 if len(client) == 4 else 1, address)
        size = answer_one(
            &self.state.world, data, packet.shape[0], &known, now, self.seen,
            self.every and self.counts[0].unsampled + 1 >= self.every, reply, &asked, &said,
        )
        count_one(self, &self.state.world, 0, size, &asked, &said)
        if size > 0:
            return reply[:size], "slip" if said.slip else ""
        return None, {SILENT: "header", BARRED: "acl", LIMITED: "rate", SAMPLED: "sampled"}.get(size, "hand over")

    def run(self, int fd, int other, bint wild=False):
        """Answer on a UDP socket until stopped; `wild` says that it is bound to no address and gives IP_PKTINFO.

        `other`, one end of a pair of datagram sockets, is sent every packet that is handed over, behind a head of 64
        bytes: the sender (28), whether it is for the log (1), the size of what follows (1), and from the 32nd on the
        data of the IP_PKTINFO or IPV6_PKTINFO with which a reply leaves. Raises OSError when the socket fails.
        """
        cdef int mine = self.running
        cdef _Block block
        cdef int error
        if mine >= self.loops:
            raise ValueError("too many threads")
        if self.state is None and not self.echo:
            raise ValueError("there is no state to answer from")
        self.running += 1
        block = _Block(sizeof(Room))
        with nogil:
            error = loop(self, <Room*>block.data, fd, other, wild, mine)
        if error:
            raise OSError(error, "the socket failed")


def _add(dict into, dict found):
    for key, count in found.items():
        into[key] = into.get(key, 0) + count


cdef inline void count_one(
    Engine engine, const World* world, int mine, int size, const Question* asked, const Decision* said
) noexcept nogil:
    """Add one message to the counts of a loop."""
    cdef Counts* counts = &engine.counts[mine]
    cdef Py_ssize_t at
    if size == SAMPLED:
        counts.unsampled = 0
        return
    if size == HAND_OVER:
        counts.unsampled += 1
        return
    counts.udp += 1
    if size == SILENT:
        counts.silent += 1
        return
    if size == BARRED:
        counts.barred += 1
        return
    counts.unsampled += 1
    if size == LIMITED:
        counts.limited += 1
        return
    counts.slipped += said.slip
    at = (mine * (world.count + 1) + said.zone) * RCODES + said.rcode
    world.replies[at * TYPES + (engine.sorts[asked.qtype] if asked.qtype < 256 else 0)] += 1


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


cdef struct Room:
    mmsghdr taken[BATCH]
    mmsghdr given[BATCH]
    iovec in_parts[BATCH]
    iovec out_parts[BATCH]
    uint8_t peers[BATCH][ADDRESS]
    uint64_t in_controls[BATCH][CONTROL_WORDS]
    uint64_t out_controls[BATCH][CONTROL_WORDS]
    uint8_t replies[BATCH][GIVES]
    uint8_t packets[BATCH][TAKES]
    Question asked
    Decision said


cdef inline bint unanswered(const uint8_t* peer) noexcept nogil:
    """Ports that cannot be answered, or would answer back; the same as in `lanes`."""
    cdef int port = peer[2] << 8 | peer[3]
    return port == 0 or port == 7 or port == 13 or port == 17 or port == 19


cdef bint hand_over(Room* room, int n, int other, bint for_the_log, unsigned int local_size, const uint8_t* local) noexcept nogil:
    """Whether the reference's socket took the packet."""
    cdef uint8_t head[HEAD]
    cdef msghdr message
    cdef iovec parts[2]
    memset(&message, 0, sizeof(message))
    memset(head, 0, HEAD)
    memcpy(head, room.peers[n], ADDRESS)
    head[28], head[29] = for_the_log, <uint8_t>local_size
    memcpy(head + 32, local, local_size)
    message.msg_iov, message.msg_iovlen = parts, 2
    parts[0].iov_base, parts[0].iov_len = head, HEAD
    parts[1].iov_base, parts[1].iov_len = room.packets[n], room.taken[n].msg_len
    return sendmsg(other, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0


cdef void time_one(Engine engine, Counts* counts, double seconds) noexcept nogil:
    cdef int bucket = 0
    while bucket < engine.bound_count and seconds > engine.bounds[bucket]:
        bucket += 1
    counts.times[bucket] += 1
    counts.seconds += seconds


# When the thread is at work for more than BUSY of the time, and until it is for less than CALM, it pauses after a small
# batch, so that the next one is larger: a wake-up and two calls of the kernel a packet cost more than the answer. Below
# that load nothing waits. LOOK is how often that is decided, in seconds.
cdef double BUSY = 0.5
cdef double CALM = 0.35
cdef double LOOK = 0.005


cdef int loop(Engine engine, Room* room, int fd, int other, bint wild, int mine) noexcept nogil:
    cdef int taken = 0, given, n, size, sent
    cdef void* found
    cdef Client client
    cdef Counts* counts = &engine.counts[mine]
    cdef void** reads = &engine.slots[mine].reads
    cdef double now, began
    cdef uint8_t local[32]
    cdef unsigned int local_size = 0
    cdef bint due, busy = False
    cdef double woken, ended, at_work = 0, looked = 0
    for n in range(BATCH):
        room.in_parts[n].iov_base = room.packets[n]
        room.in_parts[n].iov_len = 65536
        room.taken[n].msg_hdr.msg_iov = &room.in_parts[n]
        room.taken[n].msg_hdr.msg_iovlen = 1
        room.taken[n].msg_hdr.msg_name = room.peers[n]
        room.taken[n].msg_hdr.msg_namelen = ADDRESS
        if wild:
            room.taken[n].msg_hdr.msg_control = room.in_controls[n]
            room.taken[n].msg_hdr.msg_controllen = CONTROL
        room.given[n].msg_hdr.msg_iov = &room.out_parts[n]
        room.given[n].msg_hdr.msg_iovlen = 1
    prctl(PR_SET_TIMERSLACK, 1)  # of this thread: a pause is as long as it says
    ended = seconds_of(CLOCK_MONOTONIC)
    while not engine.stopped:
        if busy and taken < FEW:
            usleep(PAUSE)
        for n in range(taken):  # what the last batch has written over
            room.taken[n].msg_hdr.msg_namelen = ADDRESS
            if wild:
                room.taken[n].msg_hdr.msg_controllen = CONTROL
        taken = recvmmsg(fd, room.taken, BATCH, MSG_WAITFORONE, NULL)
        if engine.stopped:
            break
        woken = seconds_of(CLOCK_MONOTONIC)
        if taken < 0:
            if errno == EBADF or errno == ENOTSOCK:
                return errno
            if errno != EINTR and errno != EAGAIN:
                counts.unsent += 1
            continue
        found = load_pointer(&engine.current)
        while True:
            store_pointer(reads, found)
            if load_pointer(&engine.current) == found:
                break
            found = load_pointer(&engine.current)
        now = seconds_of(CLOCK_REALTIME)
        given = 0
        for n in range(taken):
            if room.taken[n].msg_len > 65536 or room.taken[n].msg_hdr.msg_namelen < 8:
                continue
            if unanswered(room.peers[n]):
                counts.udp += 1
                counts.port += 1
                continue
            if engine.echo:
                room.packets[n][2] |= 0x80
                room.out_parts[given].iov_base = room.packets[n]
                size = room.taken[n].msg_len
            else:
                if (<uint16_t*>room.peers[n])[0] == AF_INET:
                    set_client(&client, 0, room.peers[n] + 4)
                else:
                    set_client(&client, 1, room.peers[n] + 8)
                due = engine.every and counts.unsampled + 1 >= engine.every
                counts.untimed += 1
                began = 0
                if counts.untimed >= TIMED_EVERY:
                    began = seconds_of(CLOCK_MONOTONIC)
                while True:
                    size = answer_one(
                        <const World*>found, room.packets[n], room.taken[n].msg_len, &client, now, engine.seen, due,
                        room.replies[given], &room.asked, &room.said,
                    )
                    count_one(engine, <const World*>found, mine, size, &room.asked, &room.said)
                    if size != SAMPLED:
                        break
                    if wild:
                        local_size = asked_address(&room.taken[n].msg_hdr, local)
                    if hand_over(room, n, other, True, local_size, local):
                        counts.handed += 1
                        break
                    counts.unlogged += 1
                    due = False
                if began and size > 0:
                    counts.untimed = 0
                    time_one(engine, counts, seconds_of(CLOCK_MONOTONIC) - began)
                if size == HAND_OVER:
                    if wild:
                        local_size = asked_address(&room.taken[n].msg_hdr, local)
                    if hand_over(room, n, other, False, local_size, local):
                        counts.handed += 1
                    else:
                        counts.udp += 1
                        counts.unsent += 1
                if size <= 0:
                    continue
                room.out_parts[given].iov_base = room.replies[given]
            room.out_parts[given].iov_len = size
            room.given[given].msg_hdr.msg_name = room.peers[n]
            room.given[given].msg_hdr.msg_namelen = room.taken[n].msg_hdr.msg_namelen
            if wild:
                local_size = asked_address(&room.taken[n].msg_hdr, local)
                room.given[given].msg_hdr.msg_control = room.out_controls[given] if local_size else NULL
                room.given[given].msg_hdr.msg_controllen = (
                    leave_from(<uint8_t*>room.out_controls[given], local, local_size) if local_size else 0
                )
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
        at_work -= woken
        looked -= ended
        ended = seconds_of(CLOCK_MONOTONIC)
        at_work += ended
        looked += ended
        if looked > LOOK:
            busy = at_work > looked * (CALM if busy else BUSY)
            at_work = looked = 0
    return 0
