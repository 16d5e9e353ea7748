"""How many files a process of the benchmark may have open."""

import resource

WANTED = 24_000


def raise_file_limit(wanted: int = WANTED) -> int:
    """Raise the soft limit as far as the hard one lets us; returns what we have then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return soft
