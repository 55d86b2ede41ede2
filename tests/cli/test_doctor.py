"""`doctor` in every state of disrepair: the right line says so, and the exit code says whether apply can work."""

import json
from collections.abc import Callable

import httpx
import pytest
from support.killer import Answers, Killer


@pytest.fixture
def service(odd_service: Killer) -> Killer:
    odd_service.answer_instead = me("*:*")
    return odd_service


def me(*permissions: str) -> Answers:
    def answer(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if request.url.path.endswith("/account/me/"):
            token = {"name": "ci", "permissions": list(permissions)}
            return httpx.Response(200, json={"account": {"email": "a@b"}, "token": token})
        return answer

    return answer


def changed(change: Callable[[httpx.Request, httpx.Response], httpx.Response]) -> Answers:
    def answer(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        return change(request, me("*:*")(request, answer) or answer)

    return answer


def is_backups(request: httpx.Request) -> bool:
    return request.url.path.endswith("/backups/")


def with_body(answer: httpx.Response, **fields: object) -> httpx.Response:
    return httpx.Response(answer.status_code, json={**answer.json(), **fields})


def each(answer: httpx.Response, **fields: object) -> httpx.Response:
    return with_body(answer, results=[{**entry, **fields} for entry in answer.json()["results"]])


def lines(out: str) -> list[str]:
    return [line for line in out.splitlines() if line[:1] in "✓-"]


def test_all_is_well(service: Killer) -> None:
    done = service.run("doctor")

    assert (done.returncode, done.stderr) == (0, "")
    assert lines(done.stdout) == [
        "✓ file: valid, 2 series on 2 servers",
        "✓ token: from VPS_API_TOKEN",
        f"✓ service: {service.url}, plain http on this machine",
        "✓ permissions: token 'ci' has *:*, enough for plan, apply and restore",
        "✓ lists: 3 servers and 5 manual backups read, as many as the service counts",
        "✓ entries: all are as documented, and reconcile knows each type and status",
        "✓ filter: the list of manual backups is complete",
        next(line for line in lines(done.stdout) if "clock" in line),
        "- account: the token belongs to: a@b",
        "✓ declared servers: all match the account",
    ]
    assert service.world.record == []


def test_no_file(service: Killer) -> None:
    (service.folder / "backups.toml").unlink()
    done = service.run("doctor")
    assert done.returncode == 0
    assert done.stdout.startswith("- file: none yet: reconcile init writes one\n✓ token: ")
    assert done.stdout.endswith("\nReady for a first file.\n")
    assert service.run("doctor", "-f", "missing.toml").returncode == 1


def test_a_broken_file(service: Killer) -> None:
    (service.folder / "backups.toml").write_text("x = 1\ny = 2\n")
    done = service.run("doctor")
    assert done.returncode == 1
    assert done.stdout.count("error: unknown key") == 2
    assert " --> backups.toml:2:1" in done.stdout


def test_no_token(service: Killer) -> None:
    done = service.run("doctor", "--token-file", "missing")
    assert done.returncode == 1
    assert "error: --token-file missing: No such file" in done.stdout


def test_wrong_url(service: Killer) -> None:
    done = service.run("doctor", "--base-url", "http://127.0.0.1:9/api/v1")
    assert done.returncode == 1
    assert "error: GET http://127.0.0.1:9/api/v1/backups/: could not connect" in done.stdout


STATES: list[tuple[str, Answers, int, str]] = [
    (
        "a wrong token",
        lambda *_: httpx.Response(401, json={"detail": "Invalid token."}),
        1,
        "error: GET http://127.0.0.1/api/v1/backups/: 401 Unauthorized: Invalid token.",
    ),
    (
        "a token that may only read",
        me("servers:read"),
        1,
        "error: the token 'ci' has no permission to change anything, only servers:read",
    ),
    (
        "permissions that reconcile does not know",
        me("disks:juggle"),
        0,
        "warning: reconcile does not know the permissions of the token 'ci': disks:juggle",
    ),
    (
        "a service that says nothing of the token",
        lambda request, answer: httpx.Response(404, json={}) if "account" in request.url.path else answer,
        0,
        "warning: the permissions of the token are unknown: GET http://127.0.0.1/api/v1/account/me/: 404 Not Found",
    ),
    (
        "a count that is off",
        changed(lambda request, answer: with_body(answer, count=9) if is_backups(request) else answer),
        1,
        "the list is incomplete: the service reports 9 entries but returned 6",
    ),
    (
        "unknown statuses and fields",
        changed(lambda request, answer: each(answer, status="archiving", region=1) if is_backups(request) else answer),
        0,
        "warning: backups have a status that reconcile does not know: 'archiving'",
    ),
    (
        "a filter that leaves out manual backups",
        changed(
            lambda request, answer: (
                with_body(answer, count=0, results=[]) if "backup_type=manual" in str(request.url) else answer
            )
        ),
        1,
        "error: the list of manual backups lacks #",
    ),
    (
        "a clock that is off by an hour",
        changed(
            lambda _, answer: httpx.Response(
                200, content=answer.content, headers={"Date": "Mon, 01 Jan 2024 00:00:00 GMT"}
            )
        ),
        1,
        "error: this machine's clock is ",
    ),
    (
        "no list of servers",
        changed(
            lambda request, answer: httpx.Response(403, json={}) if request.url.path.endswith("/servers/") else answer
        ),
        0,
        "warning: server names were not fully checked",
    ),
    (
        "a server that is another's",
        changed(lambda request, answer: each(answer, name="x") if request.url.path.endswith("/servers/") else answer),
        1,
        "error: server 2 is named 'x' in the account, not 'db'",
    ),
]


@pytest.mark.parametrize(("state", "answers", "code", "line"), STATES, ids=[state[0] for state in STATES])
def test_disrepair(state: str, answers: Answers, code: int, line: str, service: Killer) -> None:
    service.answer_instead = answers

    done = service.run("doctor")

    port = service.url.rpartition(":")[2].partition("/")[0]
    assert line in done.stdout.replace(f":{port}", ""), (state, done.stdout)
    assert done.returncode == code, (state, done.stdout)
    assert service.world.record == []


def test_json_is_fit_for_a_bug_report(service: Killer) -> None:
    done = service.run("doctor", "--json")

    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (0, True)
    assert {entry["check"] for entry in report["checks"]} >= {"file", "token", "clock", "permissions"}
    assert not [name for name in ("web", "db", "nightly", "upgrade") if f'"{name}' in done.stdout]


def test_more_of_the_lists_and_the_limits_is_shown_on_request(service: Killer) -> None:
    service.answer_instead = changed(
        lambda _, answer: httpx.Response(200, content=answer.content, headers={"X-RateLimit-Limit": "60"})
    )

    done = service.run("doctor", "-v")

    assert "- /backups/: 6 on the first page, count 6, next is null" in done.stdout
    assert "- fields of /servers/: new none; missing created_at, hostname" in done.stdout
    assert "- rate limit: x-ratelimit-limit: 60" in done.stdout
