"""How many examples a law is tested on, as a multiple of what the profile of hypothesis says: see tests/conftest.py."""

from hypothesis import settings


def times(factor: float) -> settings:
    """Return the settings for a law that is cheaper or dearer to test than others."""
    return settings(max_examples=max(1, round(factor * settings().max_examples)))
