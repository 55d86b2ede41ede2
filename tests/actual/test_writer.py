"""Creates and deletes: sent once, and what each answer means."""

from collections.abc import Awaitable, Callable

import anyio
import httpx
import pytest
from support.service import Answer, Script, item

from reconcile.actual.errors import AcceptedError, ApiError, BusyError, FinalError, NotSentError, OutcomeUnknownError
from reconcile.actual.http import Http
from reconcile.actual.inventory import Backup, State
from reconcile.actual.reader import Reader
from reconcile.actual.writer import Writer
from reconcile.clock import Stop, StoppedError
from reconcile.ids import Id


def create(*answers: Answer) -> tuple[Backup, Script]:
    script = Script(list(answers))
    return script.run(lambda http: Writer(http).create(1, "nightly")), script


def delete(backup_id: Id, *answers: Answer) -> Script:
    script = Script(list(answers))
    script.run(lambda http: Writer(http).delete(backup_id))
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
        (httpx.ProxyError("403 Forbidden"), NotSentError),
        (httpx.Response(429), BusyError),
        (httpx.Response(409), BusyError),
        (httpx.Response(423), BusyError),
        (httpx.Response(400, json={"server_id": ["A valid integer is required."]}), FinalError),
        (httpx.Response(401), FinalError),
        (httpx.Response(403), FinalError),
        (httpx.Response(404), FinalError),
        (httpx.Response(302, headers={"Location": "/login"}), FinalError),
        (httpx.Response(500), OutcomeUnknownError),
        (httpx.Response(503, headers={"Retry-After": "9"}), OutcomeUnknownError),
        (httpx.Response(408), OutcomeUnknownError),
        (httpx.Response(600), OutcomeUnknownError),
        (httpx.Response(999), OutcomeUnknownError),
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

    with pytest.raises(kind) as raised:
        script.run(lambda http: Writer(http).create(1, "nightly"))

    assert len(script.requests) == 1
    assert "POST https://vps.example/api/v1/backups/: " in str(raised.value)
    assert "vps_secret" not in repr(raised.value) + str(raised.value.__cause__)


class Broken(httpx.AsyncByteStream):
    async def __aiter__(self):  # type: ignore[no-untyped-def] # noqa: ANN204 - an async generator
        yield b'{"det'
        raise httpx.ReadError("cut")


@pytest.mark.parametrize(
    ("status", "kind"), [(400, FinalError), (403, FinalError), (409, BusyError), (429, BusyError), (302, FinalError)]
)
@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "br"}, {"Content-Encoding": "gzip"}])
def test_a_rejection_is_one_even_if_its_text_is_not_readable(
    status: int, kind: type[ApiError], headers: dict[str, str]
) -> None:
    with pytest.raises(kind, match=f" {status} "):
        create(httpx.Response(status, headers=headers, stream=Broken()))


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "br"}, {"Content-Encoding": "gzip"}])
class TestA2xxWhoseBodyIsNotReadable:
    def test_says_that_a_create_was_accepted(self, headers: dict[str, str]) -> None:
        with pytest.raises(AcceptedError):
            create(httpx.Response(201, headers=headers, stream=Broken()))

    def test_is_enough_for_a_restore(self, headers: dict[str, str]) -> None:
        script = Script([httpx.Response(200, headers=headers, stream=Broken())])
        script.run(lambda http: Writer(http).restore(1, 2))

    def test_may_still_be_no_list(self, headers: dict[str, str]) -> None:
        with pytest.raises(OutcomeUnknownError):
            Script([lambda _: httpx.Response(200, headers=headers, stream=Broken())]).run(
                lambda http: Reader(http).backups()
            )


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


def test_a_delete_of_what_is_gone_already_succeeds() -> None:
    assert len(delete(501, httpx.Response(404)).requests) == 1


@pytest.mark.parametrize("status", [200, 202])
def test_a_delete_that_is_not_answered_as_documented_may_not_have_been_carried_out(status: int) -> None:
    with pytest.raises(OutcomeUnknownError, match=f"responded with {status}, not 204"):
        delete(501, httpx.Response(status, html="<html>Sign in</html>"))


async def never(_: httpx.Request) -> httpx.Response:
    await anyio.sleep(24 * 3600)
    return httpx.Response(204)


class TestStopped:
    @pytest.mark.parametrize(
        "change",
        [lambda writer: writer.create(1, "a"), lambda writer: writer.delete(1), lambda writer: writer.restore(1, 2)],
    )
    def test_what_the_deadline_cuts_off_may_have_been_carried_out(
        self, change: Callable[[Writer], Awaitable[object]]
    ) -> None:
        script = Script([never])

        with pytest.raises(OutcomeUnknownError, match=r"(POST|DELETE) https.*: no response: out of time"):
            script.run(lambda http: change(Writer(http)), seconds=30)

        assert script.elapsed == 30

    def test_what_takes_too_long_may_have_been_carried_out(self) -> None:
        script = Script([never])

        with pytest.raises(OutcomeUnknownError, match="no complete response within 180 seconds"):
            script.run(lambda http: Writer(http).create(1, "a"))

        assert script.elapsed == 180

    @pytest.mark.parametrize("reason", list(Stop))
    def test_nothing_is_sent_once_the_run_is_stopped(self, reason: Stop) -> None:
        script = Script([httpx.Response(204)])

        async def delete_after_stop(http: Http) -> None:
            http.clock.stop(reason)
            await Writer(http).delete(1)

        with pytest.raises(StoppedError, match=str(reason)):
            script.run(delete_after_stop)

        assert not script.requests

    def test_a_change_that_waits_for_its_turn_is_not_sent_after_an_interrupt(self) -> None:
        async def slow(_: httpx.Request) -> httpx.Response:
            await anyio.sleep(10)
            return httpx.Response(204)

        script = Script([slow])
        stopped: list[Stop] = []

        async def delete_one(http: Http, backup_id: Id) -> None:
            try:
                await Writer(http).delete(backup_id)
            except StoppedError as error:
                stopped.append(error.reason)

        async def delete_several(http: Http) -> None:
            async with anyio.create_task_group() as tasks:
                for backup_id in range(5):
                    tasks.start_soon(delete_one, http, backup_id)
                await anyio.sleep(5)
                http.clock.stop(Stop.INTERRUPTED)

        script.run(delete_several, parallelism=2)

        assert len(script.requests) == 2
        assert stopped == [Stop.INTERRUPTED] * 3
