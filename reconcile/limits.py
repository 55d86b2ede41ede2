"""The limits of times and numbers, the same in files, in options and in what the service answers."""

FIRST_YEAR, LAST_YEAR = 1970, 9000
"""Of a time (spec, section 3): calendar arithmetic and time zones need room on both sides of one."""

SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1
"""TOML 1.0 promises 64-bit integers, and no more. Python reads larger ones, but can't always print them."""


def is_64_bit(value: int) -> bool:
    """Return whether `value` is an integer that every TOML parser can read."""
    return SMALLEST_INTEGER <= value <= LARGEST_INTEGER
