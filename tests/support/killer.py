"""A service over real HTTP that sends a signal to the program at a chosen request."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from support.build import NOW
from support.command import COMMAND, TOKEN, bare_environment
from support.schedules import SMALL_FILE, small_world
from support.world import World


class _RealTimeWorld(World):
    def now(self) -> datetime:
        return datetime.now(UTC)


def real_time_world() -> World:
    """Return the small world with its backups dated from the real now on."""
    template = small_world()
    shift = datetime.now(UTC) - NOW
    for it in template.backups:
        it["created_at"] = (datetime.fromisoformat(it["created_at"]) + shift + timedelta(0)).isoformat()
    return _RealTimeWorld(
        config=template.config, servers=template.servers, backups=template.backups, backup_seconds=0.3
    )


@dataclass
class Killer:
    """Serves a world; at the request of this number, once it is carried out, signals the program."""

    world: World
    folder: Path
    at: int | None = None
    signal: int = signal.SIGKILL
    program: "subprocess.Popen[str] | None" = None
    answer_instead: Callable[[httpx.Request, httpx.Response], httpx.Response | None] = lambda _, answer: answer
    """What goes back for a request that was carried out; None breaks the connection."""
    hangs: float = 0.0
    """Seconds that the request hangs after the signal; a second signal comes after one of them."""
    count: int = 0
    url: str = ""
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: httpx.Request) -> httpx.Response | None:
        """Carry a request out, and see whether the program shall know of it."""
        with self._turn:
            number, self.count = self.count, self.count + 1
            answer = self.answer_instead(request, self.world.handle(request))
        if number == self.at and self.program:
            os.kill(self.program.pid, self.signal)
            if self.hangs:
                time.sleep(1)
                os.kill(self.program.pid, self.signal)
                self._stopped.wait(self.hangs)
        return answer

    def apply(self, *options: str) -> tuple[int, str, str]:
        """Run an apply, and return its exit code and what it said."""
        (self.folder / "backups.toml").write_text(SMALL_FILE, encoding="utf-8")
        return self.run("apply", "--auto-approve", *options)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command, and return its exit code and what it said."""
        environment = {"VPS_API_URL": self.url, "VPS_API_TOKEN": TOKEN}
        with subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env={**bare_environment(self.folder), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        ) as self.program:
            out, err = self.program.communicate(timeout=60)
            self._stopped.set()
        assert "Traceback" not in err, err
        assert TOKEN not in out + err
        return self.program.returncode, out, err


@contextmanager
def killer(folder: Path) -> Iterator[Killer]:
    """Serve for as long as the block lasts."""
    it = Killer(real_time_world(), folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = it.answer(httpx.Request(self.command, f"http://{self.headers['Host']}{self.path}", content=body))
            if answer is None:
                self.close_connection = True
                return
            self.send_response_only(answer.status_code)
            self.send_header("Date", answer.headers.get("Date") or self.date_time_string())
            self.send_header("Content-Length", str(len(answer.content)))
            for name, value in answer.headers.items():
                if name not in {"content-length", "date"}:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_DELETE = _any  # noqa: N815 - the base class's names

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the base class's signature
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:  # noqa: ANN401 - the base class's signature
            """Say nothing: a program that was killed breaks its connections."""

    with Server(("127.0.0.1", 0), Handler) as server:
        it.url = f"http://127.0.0.1:{server.server_address[1]}/api/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield it
        finally:
            server.shutdown()
            thread.join()


def dumped(world: World) -> str:
    return json.dumps(world.account.list_backups(), indent=1)
