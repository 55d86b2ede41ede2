"""A service over real HTTP that can interrupt or kill the program, or change an answer, at a chosen request."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from support.build import NOW
from support.command import TOKEN, Done, bare_environment, checked, run
from support.forked import Forked
from support.schedules import SMALL_FILE, small_world
from support.world import World

Answers = Callable[[httpx.Request, httpx.Response], httpx.Response | None]
"""What goes back for a request that was carried out and its answer; None breaks the connection."""


class _RealTimeWorld(World):
    def now(self) -> datetime:
        return datetime.now(UTC)


def real_time_world() -> World:
    """Return the small world with its backups dated from the real now on."""
    template = small_world()
    shift = datetime.now(UTC) - NOW
    for backup in template.backups:
        backup["created_at"] = (datetime.fromisoformat(backup["created_at"]) + shift).isoformat()
    return _RealTimeWorld(
        config=template.config, servers=template.servers, backups=template.backups, backup_seconds=0.1
    )


@dataclass
class Killer:
    """Serves a world; once it has carried out the request of the number `at`, it signals the program."""

    world: World
    folder: Path
    at: int | None = None
    at_request: str = ""
    """The same by a request, such as `POST /backups/`: the first of that kind."""
    signal: int = signal.SIGKILL
    answer_instead: Answers = lambda _, answer: answer
    hangs: float = 0.0
    """Seconds that the answer to that request takes."""
    signals_again: bool = False
    """Whether a second signal follows half a second after the first."""
    requests: list[str] = field(default_factory=list)
    url: str = ""
    _process: int | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: httpx.Request) -> httpx.Response | None:
        """Carry a request out, signal the program if it is time, and return what it is to receive."""
        name = f"{request.method} {request.url.path.removeprefix('/api/v1')}"
        with self._turn:
            is_chosen = self.at == len(self.requests) or (self.at_request == name and name not in self.requests)
            self.requests.append(name)
            answer = self.answer_instead(request, self.world.handle(request))
        if is_chosen and self._process:
            os.kill(self._process, self.signal)
            if self.signals_again:
                time.sleep(0.5)
                os.kill(self._process, self.signal)
            self._ended.wait(self.hangs)
        return answer

    def stop(self) -> None:
        """Signal the program now."""
        with self._turn:  # as a heartbeat may arrive before it is known which process sent it
            assert self._process
            os.kill(self._process, self.signal)

    def apply(self, *options: str) -> Done:
        """Apply the file of the small world without asking."""
        self.write(SMALL_FILE)
        return self.run("apply", "--auto-approve", *options)

    def write(self, text: str) -> None:
        (self.folder / "backups.toml").write_text(text, encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        return {"VPS_API_URL": self.url, "VPS_API_TOKEN": TOKEN}

    def run(self, *arguments: str, **environment: str) -> Done:
        """Run a command in this process, which any signal but SIGKILL reaches as if it were one of its own."""
        assert not self._is_to_signal() or self.signal != signal.SIGKILL
        self._begin(os.getpid() if self._is_to_signal() else None)
        try:
            return run(*arguments, folder=self.folder, **{**self.environment, **environment})
        finally:
            self._end()

    def ask(self, *arguments: str, answer: str | None) -> Done:
        """Run a command in this process, on a terminal, and type an answer to its question, or nothing (None)."""
        typed = "" if answer is None else f"{answer}\n"
        return run(*arguments, folder=self.folder, typed=typed, **self.environment)

    def apply_forked(self) -> Done:
        """Apply the file of the small world without asking, in a process of its own."""
        self.write(SMALL_FILE)
        return self.run_forked("apply", "--auto-approve")

    def run_forked(self, *arguments: str, **environment: str) -> Done:
        """Run a command in a process of its own."""
        given = {**bare_environment(self.folder), **self.environment, **environment}
        with self._turn:  # no request is carried out before it is known which process sent it
            program = Forked(*arguments, folder=self.folder, environment=given)
            self._begin(program.pid)
        done = program.done
        self._end()
        return checked(done, self.folder, self.environment)

    def _is_to_signal(self) -> bool:
        return self.at is not None or bool(self.at_request)

    def _begin(self, process: int | None) -> None:
        self.requests.clear()
        self._ended.clear()
        self._process = process

    def _end(self) -> None:
        self._process = None
        self._ended.set()


@contextmanager
def killer(folder: Path) -> Iterator[Killer]:
    """Serve for as long as the block lasts."""
    service = Killer(real_time_world(), folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url = f"http://{self.headers['Host']}{self.path}"
            answer = service.answer(httpx.Request(self.command, url, headers=dict(self.headers), content=body))
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
        service.url = f"http://127.0.0.1:{server.server_address[1]}/api/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()


def dumped(world: World) -> str:
    return json.dumps(world.account.list_backups(), indent=1)
