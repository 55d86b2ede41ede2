"""Flags of this suite, and hypothesis without deadlines: a slow machine is no failure."""

import pytest
from hypothesis import settings

settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-goldens", action="store_true", help="Write what is expected in tests/cases anew.")
