"""The limits of times, numbers and files, the same for files, options and responses."""

from pathlib import Path
from typing import BinaryIO

from reconcile.diagnostics import UserError

MEBIBYTE = 1024 * 1024

FIRST_YEAR, LAST_YEAR = 1970, 9000
"""The years of valid times (spec, section 3): calendar arithmetic and time zones need room on both sides."""

SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1
"""TOML 1.0 guarantees only 64-bit integers. Python reads larger integers, but can't always print them."""


LONGEST_ID = 255
"""Maximum characters. An id becomes part of a URL, and a URL of more than 64 KiB can't be requested."""


def is_64_bit(value: int) -> bool:
    """Return whether `value` is an integer that every TOML parser can read."""
    return SMALLEST_INTEGER <= value <= LARGEST_INTEGER


def read_file(path: str | Path, most: int) -> bytes:
    """Return the content of a file of at most `most` bytes; raises as `read_bounded` does."""
    with Path(path).open("rb") as file:
        return read_bounded(file, most, str(path))


def read_bounded(file: BinaryIO, most: int, name: str) -> bytes:
    """Return the rest of a file, at most `most` bytes, because a device such as /dev/zero never ends.

    Raises:
        UserError: there are more bytes; the error calls the file `name`.
        OSError: the file can't be read.
    """
    content = file.read(most + 1)
    if len(content) > most:
        size = f"{most // MEBIBYTE} MiB" if most >= MEBIBYTE else f"{most // 1024} KiB"
        raise UserError(f"{name}: larger than {size}", "Name another file: this one is too large to be the right one.")
    return content
