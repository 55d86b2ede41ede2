"""Creates and deletes: sent once, and what each answer means."""

import anyio
import httpx
import pytest
from support.service import Answer, Script, http, item

from reconcile.actual.errors import ApiError, BusyError, NotSentError, OutcomeUnknownError, RefusedError
from reconcile.actual.inventory import Backup, State
from reconcile.actual.writer import Writer
from reconcile.ids import Id


def create(*answers: Answer) -> tuple[Backup, Script]:
    script = Script(list(answers))

    async def run() -> Backup:
        async with http(script) as service:
            return await Writer(service).create(1, "nightly")

    return anyio.run(run), script


def delete(backup_id: Id, *answers: Answer) -> Script:
    script = Script(list(answers))

    async def run() -> None:
        async with http(script) as service:
            await Writer(service).delete(backup_id)

    anyio.run(run)
    return script


def test_a_create_is_as_documented() -> None:
    made, script = create(httpx.Response(201, json=item(502, status="in_progress", size_mb=None, message="Soon.")))

    assert (made.id, made.state) == (502, State.PENDING)
    (request,) = script.requests
    assert (request.method, request.url.path) == ("POST", "/api/v1/backups/")
    assert request.content == b'{"server_id":1,"description":"nightly"}'


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.ConnectError("refused"), NotSentError),
        (httpx.PoolTimeout("full"), NotSentError),
        (httpx.Response(429), BusyError),
        (httpx.Response(409), BusyError),
        (httpx.Response(423), BusyError),
        (httpx.Response(400, json={"server_id": ["A valid integer is required."]}), RefusedError),
        (httpx.Response(401), RefusedError),
        (httpx.Response(403), RefusedError),
        (httpx.Response(404), RefusedError),
        (httpx.Response(302, headers={"Location": "/login"}), RefusedError),
        (httpx.Response(500), OutcomeUnknownError),
        (httpx.Response(503, headers={"Retry-After": "9"}), OutcomeUnknownError),
        (httpx.Response(408), OutcomeUnknownError),
        (httpx.ReadTimeout("slow"), OutcomeUnknownError),
        (httpx.WriteTimeout("slow"), OutcomeUnknownError),
        (httpx.WriteError("cut"), OutcomeUnknownError),
        (httpx.ReadError("cut"), OutcomeUnknownError),
        (httpx.RemoteProtocolError("cut"), OutcomeUnknownError),
        (httpx.Response(201, content=b"{"), OutcomeUnknownError),
        (httpx.Response(204), OutcomeUnknownError),
        (httpx.Response(200, html="<html>"), OutcomeUnknownError),
    ],
)
def test_an_answer_says_whether_it_was_carried_out_and_is_never_followed_by_another_try(
    answer: Answer, kind: type[ApiError]
) -> None:
    script = Script([answer])

    async def run() -> None:
        async with http(script) as service:
            await Writer(service).create(1, "nightly")

    with pytest.raises(kind) as raised:
        anyio.run(run)

    assert len(script.requests) == 1
    assert "POST https://vps.example/api/v1/backups/: " in str(raised.value)
    assert "vps_secret" not in repr(raised.value) + str(raised.value.__cause__)


@pytest.mark.parametrize(
    ("backup_id", "path"),
    [
        (501, b"/api/v1/backups/501/"),
        ("a-b", b"/api/v1/backups/a-b/"),
        ("../servers/1", b"/api/v1/backups/..%2Fservers%2F1/"),
        ("1?x=1#y", b"/api/v1/backups/1%3Fx%3D1%23y/"),
        ("https://evil.example", b"/api/v1/backups/https%3A%2F%2Fevil.example/"),
    ],
)
def test_an_id_never_changes_the_path(backup_id: Id, path: bytes) -> None:
    (request,) = delete(backup_id, httpx.Response(204)).requests

    assert (request.method, request.url.raw_path, request.url.host) == ("DELETE", path, "vps.example")
