"""The standard streams, even if they were closed from the start, or if their reader has gone."""

import io
import os
import sys
from contextlib import suppress
from typing import TextIO


def open_closed() -> None:
    """Open the standard streams that were closed (`>&-`), so that no other file takes their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def discard(stream: TextIO) -> None:
    """Drop everything that is still written to a stream; Python would try once more at exit, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with suppress(io.UnsupportedOperation):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
