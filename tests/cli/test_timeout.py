"""`--timeout` ends any command, whatever the service does, and says what was waited for.

One deadline bounds every command, so `plan` meets each misbehaviour, and every other command meets one.
The one place where a bound in seconds is the behaviour: spec, section 4.6.
"""

import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from anyio.abc import ByteStream
from support.command import FILE as SANDBOX_FILE
from support.command import run, run_on, sandbox
from support.loopback import Loopback, collect_sockets, hang, trickle
from support.service import item

from reconcile.cli import apply
from reconcile.cli.system_clock import SystemClock

LONGEST = 30.0
"""Seconds after which a command hangs, however busy this machine is."""

FILE = '[servers.web]\nid = 1\nbackups = [{ description = "nightly" }]\n'
COMMANDS = [
    ["plan"],
    ["apply", "--auto-approve"],
    ["status", "--check"],
    ["import"],
    ["list"],
    ["init", "--out", "first.toml"],
    ["doctor"],
    ["restore", "web", "--backup", "1", "--auto-approve"],
]


async def endless_pages(stream: ByteStream) -> None:
    while True:
        request = (await stream.receive()).decode()
        asked = re.search(r"[?&]page=(\d+)", request)
        number = int(asked[1]) if asked else 1
        path, host = request.split(" ")[1].partition("?")[0], re.search(r"(?i)host: (\S+)", request)
        assert host
        server = {"id": number, "name": "web"}
        entry = server if "servers" in path else item(number, server=server)
        following = f"http://{host[1]}{path}?page={number + 1}"
        page = {"count": 250_000, "next": following, "previous": None, "results": [entry]}
        await stream.send(answer("200 OK", json.dumps(page)))


async def too_many_requests(stream: ByteStream) -> None:
    while True:
        await stream.receive()
        await stream.send(answer("429 Too Many Requests", "{}"))


async def come_back_in_an_hour(stream: ByteStream) -> None:
    while True:
        await stream.receive()
        await stream.send(answer("429 Too Many Requests", "{}", "Retry-After: 3600\r\n"))


async def unavailable(stream: ByteStream) -> None:
    while True:
        await stream.receive()
        await stream.send(answer("503 Service Unavailable", "{}"))


def answer(status: str, body: str, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n{body}".encode()


# On the clock of `run`, five seconds take one. A response that must be received has a real second, for busy machines.
MISBEHAVIOURS: list[tuple[str, str, Callable[[ByteStream], Awaitable[None]], str, str]] = [
    ("trickle", "http", trickle, "3s", "waiting for GET http://"),
    ("endless pages", "http", endless_pages, "3s", "waiting for GET http://"),
    ("429", "http", too_many_requests, "5s", "429 Too Many Requests"),
    ("Retry-After", "http", come_back_in_an_hour, "5s", "429 Too Many Requests"),
    ("503", "http", unavailable, "5s", "503 Service Unavailable"),
    ("black hole", "http", hang, "3s", "waiting for GET http://"),
    ("no TLS handshake", "https", hang, "3s", "waiting for GET https://"),
]
ROWS = [
    pytest.param(
        *misbehaviour,
        command,
        id=f"{name}-{command[0]}",
        marks=() if command == ["plan"] or name == "trickle" else pytest.mark.all_schedules,
    )
    for name, *misbehaviour in MISBEHAVIOURS
    for command in COMMANDS
]


@pytest.mark.parametrize(("scheme", "handle", "timeout", "waited_for", "command"), ROWS)
def test_it_ends_any_command(
    scheme: str,
    handle: Callable[[ByteStream], Awaitable[None]],
    timeout: str,
    waited_for: str,
    command: list[str],
    tmp_path: Path,
) -> None:
    (tmp_path / "backups.toml").write_text(FILE)
    with Loopback(handle=handle).serve() as port:
        environment = {"VPS_API_URL": f"{scheme}://127.0.0.1:{port}/api/v1", "VPS_API_TOKEN": "vps_unused_token"}
        started = time.monotonic()
        done = run(*command, "--timeout", timeout, folder=tmp_path, **environment)
        elapsed = time.monotonic() - started

    assert done.returncode == 1
    assert elapsed < LONGEST
    assert waited_for in done.shown
    collect_sockets()


def test_a_resolver_that_does_not_respond_ends_with_the_time_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "backups.toml").write_text(FILE)
    is_over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: is_over.wait(20))
    environment = {"VPS_API_URL": "https://vps.example/api/v1", "VPS_API_TOKEN": "vps_unused_token"}

    started = time.monotonic()
    done = run("plan", "--timeout", "3s", folder=tmp_path, **environment)
    elapsed = time.monotonic() - started
    is_over.set()

    assert done.returncode == 1
    assert elapsed < 15
    assert "stopped: out of time while waiting for GET https://vps.example/api/v1/" in done.stderr


def test_a_name_that_does_not_exist_is_said_before_it_is_tried_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "backups.toml").write_text(FILE)
    answered: list[object] = []

    def unknown(host: object, *_: object, **__: object) -> None:
        answered.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    environment = {"VPS_API_URL": "https://vps.example/api/v1", "VPS_API_TOKEN": "vps_unused_token"}

    done = run("plan", "--timeout", "3s", folder=tmp_path, **environment)

    assert "could not connect" in done.stderr
    assert "vps.example" in map(str, answered) or b"vps.example" in answered


def test_a_resolver_that_does_not_respond_does_not_hold_up_two_interrupts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first finishes what is in flight, which here is the create; the second ends it."""
    (tmp_path / "backups.toml").write_text(FILE)
    is_over = threading.Event()
    look_up = socket.getaddrinfo
    is_reached = [False, False]

    def hang(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as the real one
        if all(is_reached):
            for after in (0.0, 0.5):
                threading.Timer(after, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            is_over.wait(20)
        return look_up(*arguments, **options)

    async def closing_lists(stream: ByteStream) -> None:
        request = (await stream.receive()).decode()
        is_reached[b"servers" in request.partition(" HTTP")[0].encode()] = True
        entries = [{"id": 1, "name": "web"}] if "/servers/" in request else []
        page = json.dumps({"count": len(entries), "next": None, "results": entries})
        await stream.send(answer("200 OK", page, "Connection: close\r\n"))

    with Loopback(handle=closing_lists).serve() as port:
        monkeypatch.setattr(socket, "getaddrinfo", hang)
        environment = {"VPS_API_URL": f"http://localhost:{port}/api/v1", "VPS_API_TOKEN": "vps_unused_token"}
        started = time.monotonic()
        done = run("apply", "--auto-approve", folder=tmp_path, **environment)
        elapsed = time.monotonic() - started
        is_over.set()

    assert done.returncode == 130
    assert elapsed < 15
    assert "Interrupt again to stop immediately." in done.stderr
    assert "web/nightly: not started" in done.stdout


def test_planning_in_an_apply_ends_with_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sandbox(tmp_path) as service:
        service.write(SANDBOX_FILE)

        def plan_for_long(*_: object, **__: object) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            until = time.monotonic() + 60
            while time.monotonic() < until:
                pass

        monkeypatch.setattr(apply, "plan_run", plan_for_long)
        started = time.monotonic()
        done = service.run("apply", "--auto-approve")
        elapsed = time.monotonic() - started

        assert done.returncode == 130
        assert elapsed < LONGEST
        assert len(service.backups()) == 1, "nothing was started"


def test_forecasting_ends_with_the_time_limit(tmp_path: Path) -> None:
    series = ", ".join(f'{{ description = "{number}", every = "1h", keep = 9 }}' for number in range(50))
    (tmp_path / "backups.toml").write_text(f"servers.web = {{ id = 1, backups = [{series}] }}\n", encoding="utf-8")
    arguments = ("forecast", "--from-empty", "--days", "4000", "--apply-every", "1h", "--timeout", "1s")
    started = time.monotonic()

    done = run_on(SystemClock(), *arguments, folder=tmp_path)

    assert done.returncode == 1
    assert "stopped: out of time while forecasting" in done.stderr
    assert time.monotonic() - started < LONGEST


def test_a_time_limit_may_be_longer_than_any_timer(tmp_path: Path) -> None:
    with sandbox(tmp_path) as service:
        service.write(SANDBOX_FILE)

        assert service.run("plan", "--timeout", "300y").returncode == 0


def test_planning_in_an_apply_has_only_the_time_that_reading_has_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sandbox(tmp_path, latency=1.5) as service:
        service.write(SANDBOX_FILE)
        monkeypatch.setattr(apply, "plan_run", lambda *_, **__: time.sleep(60))
        started = time.monotonic()
        arguments = ("apply", "--auto-approve", "--timeout", "2s")
        done = run_on(SystemClock(), *arguments, folder=tmp_path, **service.environment)
        elapsed = time.monotonic() - started

    assert done.returncode == 1
    assert elapsed < 3.3
    assert "stopped: out of time while planning" in done.stderr


def test_a_resolver_that_does_not_respond_does_not_hold_up_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "backups.toml").write_text(FILE)
    is_over = threading.Event()

    def interrupt(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        is_over.wait(20)

    monkeypatch.setattr(socket, "getaddrinfo", interrupt)

    started = time.monotonic()
    done = run("plan", folder=tmp_path, VPS_API_URL="https://vps.example/api/v1", VPS_API_TOKEN="vps_unused_token")
    elapsed = time.monotonic() - started
    is_over.set()

    assert done.returncode == 130
    assert elapsed < 15
