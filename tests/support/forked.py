"""The command in a process of its own, forked from one that has already imported everything.

A short run spends most of its time on Python's start and on imports. Tests that need a process (to kill it, because it
holds the lock, or because a script calls it) save both. Tests of the start itself, of closed streams and of other users
start `support.command.COMMAND`.
"""

import atexit
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path

from support.command import Done

CLIENT = """\
#!{python} -IS
import json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    call = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)])
    socket.send_fds(server, [call.encode() + b"\\n"], [0, 1, 2])
    reports = server.makefile()
    process = int(reports.readline())
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(process, number))
    sys.exit(int(reports.readline()) & 255)
"""
"""Hands its arguments, folder, environment and streams to a forked process, passes signals on, and exits as it does."""


class Forked:
    """A run of the command in a forked process, with an empty standard input."""

    def __init__(self, *arguments: str, folder: Path, environment: Mapping[str, str]) -> None:
        self._streams = [tempfile.TemporaryFile() for _ in range(3)]  # noqa: SIM115 - `done` closes them
        call = json.dumps([arguments, str(folder), dict(environment)])
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(str(programs().with_name("socket")))
            socket.send_fds(server, [call.encode() + b"\n"], [stream.fileno() for stream in self._streams])
            self._reports = server.makefile(encoding="utf-8")
        self.pid = int(self._reports.readline())

    @cached_property
    def done(self) -> Done:
        """Its exit code, which is negative if a signal killed it, and what it printed. Waits for its end."""
        with self._reports:
            code = int(self._reports.readline())
        printed = []
        for stream in self._streams:
            with stream:
                stream.seek(0)
                printed.append(stream.read().decode())
        _, out, err = printed
        return Done(code, out, err)


@cache
def programs() -> Path:
    """Start what forks, and return a folder for the path of a shell, in which the client is `reconcile`."""
    folder = Path(tempfile.mkdtemp())
    address = str(folder / "socket")
    client = folder / "bin/reconcile"
    client.parent.mkdir()
    client.write_text(CLIENT.format(python=sys.executable, address=address), encoding="utf-8")
    client.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        forking = [sys.executable, "-m", "support.forking"]
        server = subprocess.Popen(forking, cwd=Path(__file__).parents[1], stdin=listener.fileno())
    atexit.register(shutil.rmtree, folder)
    atexit.register(server.wait)
    atexit.register(server.kill)  # the last one is called first
    return client.parent
