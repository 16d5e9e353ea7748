# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The simple lines of data files, read by the million without the interpreter's lock; every other line is handed over.

Makes, of what it takes, the very arrays that `values`, `networks` and `names` make, and of a line that it was not taught
nothing at all: the line is left to `reading`, the reference, before anything of it was kept. A file with a NUL is not for
it. Private: `reading` is the door. Every read is behind a check of the end, and every array grows before it is written to.
One module in several files (the `.pxi`), so that the compiler sees all that a line passes.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy, memset
from cpython.buffer cimport PyBuffer_FillInfo

from array import array

from dnsbl.dns.sources.dataset import NEEDS_GUIDE

cdef extern from *:
    """
    typedef unsigned __int128 dnsbl_u128;
    #ifdef __GLIBC__
    #include <malloc.h>
    #define dnsbl_trim() malloc_trim(0)
    #else
    #define dnsbl_trim() 0
    #endif
    """
    ctypedef unsigned long long u128 "dnsbl_u128"
    int dnsbl_trim() nogil

cdef enum:
    EXCLUDED = 0xFFFFFFFFU
    HEAD = 9  # bytes before a name: what stands at it, what stands below it, its length
    LONGEST = 255  # bytes of one TXT string
    MOST_KNOWN = 1 << 14  # values of a dataset that are known again

include "_memory.pxi"
include "_values.pxi"
include "_networks.pxi"
include "_names.pxi"
include "_lines.pxi"


def run(bytes text, Py_ssize_t at, Py_ssize_t lines, str form, sheet, uint64_t most):
    """Read lines from here on, up to one that is not simple: (where that one begins, how many lines came before it).

    `lines` came before `at`, `sheet` is what the lines are for, and `most` is the widest range that is taken; 0 for any.
    """
    cdef const uint8_t* data = <const uint8_t*>text
    cdef const uint8_t* end = data + len(text)
    cdef const uint8_t* here = data + at
    cdef SwiftEntries entries
    cdef SwiftNames names
    cdef SwiftValues values = sheet.values
    cdef Default default
    cdef bint tset = form.endswith("tset")
    cdef bint trie = form.endswith("trie")
    cdef bytes address = sheet.default.address
    cdef bytes template = sheet.default.template
    cdef uint32_t ttl = sheet.ttl
    default.number = 0
    default.address, default.template, default.size = address, template, len(template)
    if form.startswith("ip4"):
        entries = sheet.entries
        with nogil:
            here = run4(here, end, &lines, tset, trie, entries, values, &default, most)
    elif form.startswith("ip6"):
        entries = sheet.entries
        with nogil:
            here = run6(here, end, &lines, tset, entries, values, &default)
    elif form == "dnset":
        names = sheet.names
        with nogil:
            here = run_names(here, end, &lines, names, values, &default)
    elif form == "generic":
        names = sheet.names
        with nogil:
            here = run_records(here, end, &lines, names, values, ttl)
    return here - data, lines


def trim():
    """Give back to the system what reading has left free."""
    with nogil:
        dnsbl_trim()
