"""For all tests: the same examples in every run, so that no release fails by luck; `make fuzz` looks for new ones."""

from hypothesis import Phase, settings

settings.register_profile("steady", derandomize=True, deadline=None)
# For `make mutants`, which asks whether anything fails and never for the smallest example that does.
settings.register_profile("many", settings.get_profile("steady"), phases=[Phase.explicit, Phase.generate])
settings.register_profile("few", settings.get_profile("many"), max_examples=10)
settings.load_profile("steady")
