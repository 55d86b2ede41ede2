"""The part of many cases that there is without `--all-schedules`."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest
from _pytest.mark import ParameterSet

Value = TypeVar("Value")


class Sampling:
    """Whether all cases are asked for: conftest.py sets it before the tests are imported."""

    is_off = False


def sampled(
    values: Iterable[Value], *, one_in: int, first: int = 0, name: Callable[[Value], str] = str
) -> list[ParameterSet]:
    """Return values as a test's parameters: by default one in so many of them, from the first on."""
    return [
        pytest.param(value, id=name(value))
        for number, value in enumerate(values)
        if Sampling.is_off or number % one_in == first
    ]
