"""What is fixed about the zones: the plan that `compiled` makes, as C sees it, and counts by zone. Part of `_compiled`."""

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

cdef struct Records:
    int qtype
    int answers
    int extras
    Bytes body  # the answer section
    Bytes extra  # the additional section

cdef struct Own:
    Bytes name  # below the origin, packed, lower case; empty for the origin
    Py_ssize_t sets
    Records* set

cdef struct Zone:
    Bytes name  # packed, lower case, without the root
    Py_ssize_t labels
    bint known  # otherwise the reference answers
    bint watched  # what those ask here whom we know is for the reference
    bint sourced  # its sources answer, and nothing else
    uint32_t ttl
    bint bitmask  # one A record, the OR of the codes
    uint32_t soa_ttl
    uint32_t negative_ttl
    Bytes soa_names
    Bytes soa_timers
    Py_ssize_t statics
    Bytes* static_label  # labels below the origin that lead to records of the zone's own
    Py_ssize_t owns
    Own* own  # names with records of the zone's own, or with such names below
    Bytes blocked  # TXT data for clients with the rule `code`
    Py_ssize_t views
    View* view
    Kind kind[64]


cdef class _Block:
    """Zeroed memory that lives as long as this object."""

    cdef void* data

    def __cinit__(self, size_t size):
        self.data = calloc(1, size)
        if self.data == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free(self.data)


cdef class Plan:
    """Zones, as `compiled` describes them, and how often each was asked, by loop. Raises ValueError for what is out of place."""

    cdef list keep
    cdef list blocks
    cdef Zone* zone
    cdef Py_ssize_t zones
    cdef readonly tuple kinds  # names, in the order of their bits
    cdef readonly tuple origins
    cdef Py_ssize_t loops
    cdef uint64_t* replies  # by loop, zone (0 is none of ours), rcode and type
    cdef uint64_t* hits  # by loop, zone and kind
    cdef uint64_t* nodata  # by loop, zone and type

    def __cinit__(self, tuple kinds, list zones, Py_ssize_t loops):
        cdef Zone* zone
        cdef View* view
        cdef Own* own
        cdef Py_ssize_t i, j, k
        self.keep, self.blocks = [], []
        self.kinds = kinds
        self.origins = ("", *(zone["origin"] for zone in zones))
        self.loops = loops
        self.replies = <uint64_t*>self.block(loops * len(self.origins) * RCODES * TYPES, sizeof(uint64_t))
        self.hits = <uint64_t*>self.block(loops * len(self.origins) * 64, sizeof(uint64_t))
        self.nodata = <uint64_t*>self.block(loops * len(self.origins) * TYPES, sizeof(uint64_t))
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
            zone.sourced = found["sourced"]
            zone.watched = found["watched"]
            zone.ttl = found["ttl"]
            zone.bitmask = found["bitmask"]
            zone.soa_ttl = found["soa_ttl"]
            zone.negative_ttl = found["negative_ttl"]
            zone.soa_names = self.hold(found["soa_names"])
            zone.soa_timers = self.hold(found["soa_timers"])
            zone.statics = len(found["statics"])
            zone.static_label = <Bytes*>self.block(zone.statics, sizeof(Bytes))
            for j, label in enumerate(found["statics"]):
                zone.static_label[j] = self.hold(label)
            zone.owns = len(found["own"])
            zone.own = <Own*>self.block(zone.owns, sizeof(Own))
            for j, (name, sets) in enumerate(found["own"]):
                own = &zone.own[j]
                own.name = self.hold(name)
                own.sets = len(sets)
                own.set = <Records*>self.block(own.sets, sizeof(Records))
                for k, (qtype, answers, body, extras, extra) in enumerate(sets):
                    own.set[k].qtype, own.set[k].answers, own.set[k].extras = qtype, answers, extras
                    own.set[k].body, own.set[k].extra = self.hold(body), self.hold(extra)
            zone.blocked = self.hold(found["blocked"])
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

    def replied(self):
        """How many replies, as {(origin, rcode, index of the type): count}; zeros are left out."""
        cdef Py_ssize_t loop, zone, rcode, sort
        cdef uint64_t count
        found = {}
        for zone in range(self.zones + 1):
            for rcode in range(RCODES):
                for sort in range(TYPES):
                    count = 0
                    for loop in range(self.loops):
                        count += self.replies[((loop * (self.zones + 1) + zone) * RCODES + rcode) * TYPES + sort]
                    if count:
                        found[self.origins[zone], rcode, sort] = count
        return found

    def found(self):
        """Which kinds they showed and which had no data, as {(origin, kind or None, index of the type): count}."""
        cdef Py_ssize_t zone, at
        found = {}
        for zone in range(self.zones + 1):
            for at in range(len(self.kinds)):
                found[self.origins[zone], self.kinds[at], 0] = self.sum_of(self.hits, 64, zone, at)
            for at in range(TYPES):
                found[self.origins[zone], None, at] = self.sum_of(self.nodata, TYPES, zone, at)
        return {what: count for what, count in found.items() if count}

    cdef uint64_t sum_of(self, const uint64_t* counts, Py_ssize_t width, Py_ssize_t zone, Py_ssize_t at):
        cdef Py_ssize_t loop
        cdef uint64_t count = 0
        for loop in range(self.loops):
            count += counts[(loop * (self.zones + 1) + zone) * width + at]
        return count

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
