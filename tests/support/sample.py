"""The part of many cases that runs without `--all-schedules`."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest
from _pytest.mark import ParameterSet

Value = TypeVar("Value")


def sampled(
    values: Iterable[Value], *, one_in: int, first: int = 0, name: Callable[[Value], str] = str
) -> list[ParameterSet]:
    """Return every value as a test's parameter: one in so many of them, from the first on, runs by default."""
    return [
        pytest.param(value, id=name(value), marks=() if number % one_in == first else pytest.mark.all_schedules)
        for number, value in enumerate(values)
    ]
