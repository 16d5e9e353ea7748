"""The numbers that the parts of the engine share; those of messages and limits are the same as in `wire` and `guard`.

Part of `_compiled`.
"""

cdef enum:
    # messages (`wire`)
    ROOM = 1232
    PLAIN = 512
    MOST_LABELS = 128
    MOST_OPTIONS = 64
    A = 1
    SOA = 6
    TXT = 16
    HINFO = 13
    OPT = 41
    IXFR = 251
    AXFR = 252
    ANY = 255
    NOERROR = 0
    SERVFAIL = 2
    NXDOMAIN = 3
    REFUSED = 5
    BADCOOKIE = 23
    NSID = 3
    EXPIRE = 9
    COOKIE = 10
    EDE = 15
    ZONEVERSION = 19
    STALE = 3
    NOT_READY = 14
    FORGED = 4
    BLOCKED = 15
    PROHIBITED = 18
    STALE_NXDOMAIN = 19
    NOT_AUTHORITATIVE = 20
    # what a reply has in its sections
    NO_RECORDS = 0
    LISTED = 1
    NOTHING = 2
    APEX = 3  # the SOA
    OWN = 4
    IN_PLACE = 5  # of the truth, for clients with the rule `code`
    SOURCED = 6
    # how far a question was read
    READ = 0
    ODD = 1
    OTHER = 2  # looked at by the reference, and not known here
    # clients (`guard`, `cookies`): rules, sorts of replies, what becomes of them
    SHORTEST_KEY = 16
    PROXY_FIXED = 16  # bytes of a PROXY header before its addresses
    MOST_NSID = 400
    PASS = 0
    DROP_RULE = 1
    REFUSE = 2
    EMPTY = 3
    CODE = 4  # and in the higher byte the last one of the address
    OTHERWISE = 255
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
    COUNTED = -5  # handed over, and counted against the limits
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
