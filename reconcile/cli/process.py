"""The process: its exit codes (the contract with scripts: spec, section 7), its signals, and its standard streams."""

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from types import FrameType
from typing import TextIO


class ExitCode(IntEnum):
    """The exit code of a command."""

    DONE = 0
    ERROR = 1
    """Any error, a refusal, a partial apply, and wrong usage: a typo must not look like `ATTENTION`."""
    ATTENTION = 2
    """Only with `--detailed-exitcode` or `--check`: there are changes, or there is a problem."""
    INTERRUPTED = 130


INTERRUPTS = tuple(
    each
    for each in signal.Signals
    if each.name in {"SIGINT", "SIGTERM"} or (each.name == "SIGHUP" and signal.getsignal(each) is not signal.SIG_IGN)
)
"""Ctrl-C, and how systemd, containers and closed terminals end a process. Windows has no SIGHUP; nohup ignores it."""


@contextmanager
def handled(handler: Callable[[int, FrameType | None], object], *signals: signal.Signals) -> Iterator[None]:
    """Call `handler` as soon as a signal arrives in the block; an event loop would delay it."""
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)


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
