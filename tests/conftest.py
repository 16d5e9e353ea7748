"""For all tests: the same examples in every run, so that no release fails by luck; `make fuzz` looks for new ones."""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")
