"""For all tests: the same examples in every run, so that no release fails by luck; `make fuzz` looks for new ones."""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("few", settings.get_profile("steady"), max_examples=10)  # for `make mutants`
settings.load_profile("steady")
