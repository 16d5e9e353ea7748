# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=True, cdivision=True
"""The compiled engine: what `respond` says, and the loop around it: packets in and out by the batch, without the interpreter's lock.

Answers what most packets ask (listings and the zone's own records of every type that it was taught, and what is none of
ours), with client rules, keys, rate limits, cookies and NSID, and with the very bytes of `respond`; every other packet is
handed over, as it came, to the reference by a socket, unless it is odd (`respond.odd`) and its client over the limit. What it must know comes from `compiled` as plain values and from a table as
arrays, which stay pinned while a thread may read them. A new state is one store to one pointer; each thread says which
state it reads, and the old one is let go when none does.

Every access to a packet, to a reply and to an array is behind a check of its bounds; nothing is allocated while
answering. Private: `compiled` is the door. One module in several files (these `.pxi`), so that the compiler sees all that a
packet passes.
"""

from dnsbl.dns import keyuse

include "system.pxi"
include "words.pxi"
include "plan.pxi"
include "lookup.pxi"
include "held.pxi"
include "keys.pxi"
include "guard.pxi"
include "question.pxi"
include "decision.pxi"
include "reply.pxi"
include "sourced.pxi"


cdef class State:
    """All that answers depend on but the time; what is in it never changes. `loaded` is None before the first table."""

    cdef World world
    cdef readonly Plan plan
    cdef readonly Guard guard
    cdef readonly Loaded loaded
    cdef readonly Sourcing sourcing

    def __cinit__(self, Plan plan not None, Guard guard not None, Loaded loaded, Sourcing sourcing=None):
        self.plan, self.guard, self.loaded, self.sourcing = plan, guard, loaded, sourcing
        self.world.held = NULL if sourcing is None else sourcing.held
        self.world.zones = plan.zone
        self.world.count = plan.zones
        self.world.guard = &guard.data
        self.world.table = NULL if loaded is None else &loaded.found
        self.world.replies, self.world.hits, self.world.nodata = plan.replies, plan.hits, plan.nodata


cdef struct Counts:
    uint64_t udp  # but what was handed over
    uint64_t barred
    uint64_t silent
    uint64_t limited
    uint64_t slipped
    uint64_t port
    uint64_t proxy
    uint64_t unsent
    uint64_t unlogged
    uint64_t unsampled  # since the last one for the log
    uint64_t untimed
    double seconds
    uint64_t times[MOST_BOUNDS + 1]
    uint64_t pad[20]

cdef struct Slot:
    void* reads  # the state that this thread may be reading
    uint64_t pad[15]


cdef class Core:
    """Answers from the state given last, on as many threads as there are `loops`, each in a `run`.

    One of `every` messages is handed over for the query log (0: none). `sorts` gives the index of each query type below
    256 in counts; `bounds` are those of the histogram of times, in seconds. An echo sends every packet back as it came,
    marked as a response: the floor of all benchmarks.
    """

    cdef State state
    cdef list retired
    cdef dict past  # counts of plans that are gone
    cdef dict past_found
    cdef dict past_used
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
        self.retired, self.past, self.past_found, self.past_used = [], {}, {}, {}
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
        if state.plan.loops < self.loops or state.guard.loops < self.loops:
            raise ValueError("plan or guard count for fewer loops")
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
        gone_guards = {old.guard for old in self.retired} - {old.guard for old in kept} - {self.state.guard}
        self.retired = kept
        for guard in gone_guards:
            keyuse.add(self.past_used, guard.used())
        for plan in gone:
            _add(self.past, plan.replied())
            _add(self.past_found, plan.found())

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

    def found(self):
        """Kinds that they showed, and those with no data, as {(origin, kind or None, index of the type): count}."""
        self.reap()
        found = dict(self.past_found)
        if self.state is not None:
            for plan in {self.state.plan, *(old.plan for old in self.retired)}:
                _add(found, plan.found())
        return found

    def used(self):
        """How keys were used, by digest."""
        self.reap()
        found = dict(self.past_used)
        if self.state is not None:
            for guard in {self.state.guard, *(old.guard for old in self.retired)}:
                keyuse.add(found, guard.used())
        return found

    def counted(self):
        """Messages since the start, by what became of them; `udp` are all but those handed over."""
        cdef int n
        found = dict.fromkeys(("udp", "acl", "header", "rate", "slip", "port", "proxy", "unsent", "unlogged"), 0)
        for n in range(self.loops):
            found["udp"] += self.counts[n].udp
            found["acl"] += self.counts[n].barred
            found["header"] += self.counts[n].silent
            found["rate"] += self.counts[n].limited
            found["slip"] += self.counts[n].slipped
            found["port"] += self.counts[n].port
            found["proxy"] += self.counts[n].proxy
            found["unsent"] += self.counts[n].unsent
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
        """For tests: (reply or None, why), as `Replied` has them; "hand over", "counted" and "sampled" too. Counts as a loop
        does.
        """
        cdef uint8_t reply[GIVES]
        cdef Client known
        cdef Question asked
        cdef Decision said
        cdef const uint8_t* data = NULL
        cdef const uint8_t* address = client
        cdef int size
        cdef Py_ssize_t skip = 0, whole = packet.shape[0]
        if len(client) not in (4, 16):
            raise ValueError("an address has 4 or 16 bytes")
        if packet.shape[0]:
            data = &packet[0]
        set_client(&known, 0 if len(client) == 4 else 1, address)
        if self.state.guard.data.proxied:
            skip = see_through(&self.state.guard.data, data, whole, &known)
        if skip < 0:
            self.counts[0].udp += 1
            self.counts[0].proxy += 1
            return None, "proxy"
        size = answer_one(
            &self.state.world, data + skip, whole - skip, &known, now, self.seen,
            self.every and self.counts[0].unsampled + 1 >= self.every, reply, &asked, &said,
        )
        count_one(self, &self.state.world, 0, size, &known, now, &asked, &said)
        if size > 0:
            return reply[:size], "slip" if said.slip else ""
        return None, {SILENT: "header", BARRED: "acl", LIMITED: "rate", SAMPLED: "sampled", COUNTED: "counted"}.get(size, "hand over")

    def run(self, int fd, int other, bint wild=False):
        """Answer on a UDP socket until stopped; `wild` says that it is bound to no address and gives IP_PKTINFO.

        `other`, one end of a pair of datagram sockets, is sent every packet that is handed over, behind a head of 64
        bytes: the sender (28), whether it is for the log (1), the size of what follows (1), whether it has been counted
        against the limits (1), and from the 32nd on the data of the IP_PKTINFO or IPV6_PKTINFO with which a reply
        leaves. Raises OSError when the socket fails.
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


include "loop.pxi"
