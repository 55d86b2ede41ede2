"""`doctor` in every state of disrepair: the right line says so, and its exit code whether apply could work."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from support.killer import Killer, killer
from support.schedules import SMALL_FILE

Answers = Callable[[httpx.Request, httpx.Response], httpx.Response | None]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Killer]:
    (tmp_path / "backups.toml").write_text(SMALL_FILE, encoding="utf-8")
    with killer(tmp_path) as served:
        served.answer_instead = me("*:*")
        yield served


def me(*permissions: str) -> Callable[[httpx.Request, httpx.Response], httpx.Response]:
    def answer(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if request.url.path.endswith("/account/me/"):
            token = {"name": "ci", "permissions": list(permissions)}
            return httpx.Response(200, json={"account": {"email": "a@b"}, "token": token})
        return answer

    return answer


def changed(change: Answers) -> Answers:
    whole = me("*:*")
    return lambda request, answer: change(request, whole(request, answer))


def is_backups(request: httpx.Request) -> bool:
    return request.url.path.endswith("/backups/")


def with_body(answer: httpx.Response, **fields: object) -> httpx.Response:
    return httpx.Response(answer.status_code, json={**answer.json(), **fields})


def each(answer: httpx.Response, **fields: object) -> httpx.Response:
    return with_body(answer, results=[{**it, **fields} for it in answer.json()["results"]])


def lines(out: str) -> list[str]:
    return [line for line in out.splitlines() if line[:1] in "✓!✗"]


def test_all_is_well(service: Killer) -> None:
    code, out, err = service.run("doctor")

    assert (code, err) == (0, "")
    assert lines(out) == [
        "✓ file: valid, 2 series on 2 servers",
        "✓ token: from VPS_API_TOKEN",
        f"✓ base URL: {service.url}, plain http on this machine, no proxy",
        "✓ permissions: token 'ci' has *:*: enough for plan, apply and restore",
        "✓ backups: 6 on the first page, count 6, next is null",
        "✓ whole list: 6 backups read, as many as it counts",
        "✓ servers: 3 on the first page, count 3, next is null",
        "! servers: fields: new none; missing created_at, hostname, ip_address, location, os, plan, status, updated_at",
        next(line for line in lines(out) if "clock" in line),
        "✓ rate limit: the service tells none",
        "✓ declared servers: all are the account's",
    ]
    assert service.world.record == []


def test_no_file(service: Killer) -> None:
    (service.folder / "backups.toml").unlink()
    code, out, _ = service.run("doctor")
    assert code == 1
    assert "✗ file: backups.toml: there is no such file" in out


def test_a_broken_file(service: Killer) -> None:
    (service.folder / "backups.toml").write_text("x = 1\ny = 2\n")
    code, out, _ = service.run("doctor")
    assert code == 1
    assert "✗ file: 2 mistakes" in out


def test_no_token(service: Killer) -> None:
    code, out, _ = service.run("doctor", "--token-file", "missing")
    assert code == 1
    assert "✗ token: --token-file missing: No such file" in out


def test_wrong_url(service: Killer) -> None:
    code, out, _ = service.run("doctor", "--base-url", "http://127.0.0.1:9/api/v1")
    assert code == 1
    assert "✗ service: GET http://127.0.0.1:9/api/v1/backups/: could not connect" in out


STATES: list[tuple[str, Answers, int, str]] = [
    (
        "a wrong token",
        lambda *_: httpx.Response(401, json={"detail": "Invalid token."}),
        1,
        "✗ service: GET http://127.0.0.1/api/v1/backups/: 401 Unauthorized: Invalid token.",
    ),
    (
        "a token that may only read",
        me("servers:read"),
        1,
        "✗ permissions: token 'ci' has servers:read: enough for plan, not for apply",
    ),
    (
        "permissions that nobody knows",
        me("disks:juggle"),
        0,
        "! permissions: token 'ci' has disks:juggle: reconcile does not",
    ),
    (
        "no word on the token",
        lambda request, answer: httpx.Response(404, json={}) if "account" in request.url.path else answer,
        0,
        "! permissions: GET http://127.0.0.1/api/v1/account/me/: 404 Not Found",
    ),
    (
        "HTML",
        lambda *_: httpx.Response(200, html="<html>Sign in</html>"),
        1,
        "✗ backups: the list is not as documented, it is HTML",
    ),
    (
        "a count that is off",
        changed(lambda request, answer: with_body(answer, count=9) if is_backups(request) else answer),
        1,
        "✗ whole list: GET http://127.0.0.1/api/v1/backups/: the list is incomplete: it counts 9 and holds 6",
    ),
    (
        "unknown statuses and fields",
        changed(lambda request, answer: each(answer, status="archiving", region=1) if is_backups(request) else answer),
        0,
        "! backups: unknown statuses: archiving",
    ),
    (
        "a clock that is off by an hour",
        changed(
            lambda _, answer: httpx.Response(
                200, content=answer.content, headers={"Date": "Mon, 01 Jan 2024 00:00:00 GMT"}
            )
        ),
        1,
        "✗ clock: ",
    ),
    (
        "rate-limit headers",
        changed(lambda _, answer: httpx.Response(200, content=answer.content, headers={"X-RateLimit-Limit": "60"})),
        0,
        "✓ rate limit: x-ratelimit-limit: 60",
    ),
    (
        "no list of servers",
        changed(
            lambda request, answer: httpx.Response(403, json={}) if request.url.path.endswith("/servers/") else answer
        ),
        0,
        "! servers: GET http://127.0.0.1/api/v1/servers/: 403 Forbidden: names are checked against the backups' own",
    ),
    (
        "a server that is another's",
        changed(lambda request, answer: each(answer, name="x") if request.url.path.endswith("/servers/") else answer),
        1,
        "✗ declared servers: 2 of 2 declared servers are not the account's",
    ),
]


@pytest.mark.parametrize(("state", "answers", "code", "line"), STATES, ids=[it[0] for it in STATES])
def test_disrepair(state: str, answers: Answers, code: int, line: str, service: Killer) -> None:
    service.answer_instead = answers

    exit_code, out, _ = service.run("doctor")

    port = service.url.rpartition(":")[2].partition("/")[0]
    assert line in out.replace(f":{port}", ""), (state, out)
    assert exit_code == code, (state, out)
    assert service.world.record == []


def test_json_is_fit_for_a_bug_report(service: Killer) -> None:
    code, out, _ = service.run("doctor", "--json")

    said = json.loads(out)
    assert (code, said["ok"]) == (0, True)
    assert {it["check"] for it in said["checks"]} >= {"file", "token", "clock", "permissions"}
    assert not [name for name in ("web", "db", "nightly", "upgrade") if f'"{name}' in out]
