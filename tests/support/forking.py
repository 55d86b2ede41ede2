"""Forks a process that runs the command for each call on its standard input, a socket (see `support.forked`)."""

import gc
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

import reconcile
from reconcile.cli.main import main
from support.build import config
from support.quick import QuickClock

AT_THE_FIRST_REQUEST = ("anyio._backends._asyncio", "httpcore._backends.anyio")
"""Modules that a run imports only then, which takes longer than all the rest of a short one."""


def serve(listener: socket.socket) -> None:
    """Fork for each call, until the process that started this one has ended."""
    modules = [module.name for module in pkgutil.walk_packages(reconcile.__path__, "reconcile.")]
    for name in (*modules, *AT_THE_FIRST_REQUEST):
        if not name.endswith("__main__"):
            import_module(name)
    config("")  # pydantic prepares what it reads a file with only then
    gc.freeze()  # or a search for garbage would copy all that is shared
    starter = os.getppid()
    listener.settimeout(5)  # seconds
    while os.getppid() == starter:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        with suppress(TimeoutError):
            caller, _ = listener.accept()
            with caller:
                if os.fork() == 0:
                    attend(caller)


def attend(caller: socket.socket) -> NoReturn:
    """Fork once more, and report the id of that process, and then its exit code. It is killed if the caller is."""
    caller.settimeout(None)
    call, streams, _, _ = socket.recv_fds(caller, 1 << 20, 3)
    while not call.endswith(b"\n"):
        call += caller.recv(1 << 20)
    process = os.fork()
    if process == 0:
        caller.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        become(*json.loads(call))
    for stream in streams:
        os.close(stream)
    ended, ending = socket.socketpair()
    signal.signal(signal.SIGCHLD, lambda *_: ending.send(b"."))
    with suppress(OSError):
        caller.sendall(b"%d\n" % process)
        done, status = os.waitpid(process, os.WNOHANG)
        if not done:
            readable, _, _ = select.select([caller, ended], [], [])
            if ended not in readable:
                os.kill(process, signal.SIGKILL)
            _, status = os.waitpid(process, 0)
        caller.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def become(arguments: list[str], folder: str, environment: dict[str, str]) -> NoReturn:
    """Run the command as if Python had just started with these arguments and surroundings."""
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process lasts
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, "utf-8", "backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = ["reconcile", *arguments]
    code: object = 1
    try:
        main(QuickClock())
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - as Python itself does
        traceback.print_exc()
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    serve(socket.socket(fileno=0))
