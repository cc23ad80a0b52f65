"""How many examples of a property are tried: all, or few while working."""

from hypothesis import settings

FEW = "few"
"""The profile of `pytest -m "not slow"`."""

ALL = "all"
"""The profile otherwise."""

# No deadlines: a machine that is busy with something else is no wrong result.
settings.register_profile(ALL, deadline=None)
settings.register_profile(FEW, max_examples=15, deadline=None)  # of 100


def examples(number: int) -> int:
    """So many in the default profile; in proportion fewer in the other, but some."""
    return max(number * settings.default.max_examples // 100, min(number, 6))
