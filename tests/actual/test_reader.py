"""Lists: whole or not at all."""

import gzip
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import anyio
import httpx
import pytest
from support.service import URL, Answer, FakeClock, Script, http, item, page

from reconcile.actual.errors import (
    ApiError,
    BusyError,
    IncompleteListError,
    NotSentError,
    OutcomeUnknownError,
    RefusedError,
)
from reconcile.actual.inventory import Backup, Inventory
from reconcile.actual.reader import PATIENT_ATTEMPTS, Reader

Result = TypeVar("Result")
SERVERS = page({"id": 1, "name": "web"})


def read(script: Script, what: Callable[[Reader], Awaitable[Result]], clock: FakeClock | None = None) -> Result:
    async def run() -> Result:
        async with http(script, clock) as service:
            return await what(Reader(service))

    return anyio.run(run)


def backups(*answers: Answer, clock: FakeClock | None = None) -> tuple[tuple[Backup, ...], Script]:
    script = Script(list(answers))
    return read(script, lambda reader: reader.backups(), clock), script


def observe(*answers: Answer) -> Inventory:
    return read(Script(list(answers)), lambda reader: reader.observe())


def test_a_backup_is_read_whole() -> None:
    (seen,), script = backups(page(item(created_at="2025-01-14T12:30:00+02:00")))

    assert (seen.id, seen.server_id, seen.server_name, seen.description) == (1, 1, "web", "nightly")
    assert seen.created_at == datetime(2025, 1, 14, 10, 30, tzinfo=UTC)
    assert script.urls == ["/backups/?backup_type=manual"]
    assert script.requests[0].headers["Authorization"] == "Bearer vps_secret"


def test_null_is_taken_where_it_is_allowed_and_unknown_fields_are_ignored() -> None:
    odd = item(size_mb=None, expires_at=None, description=None, colour="blue", server={"id": "a-b", "name": None})

    (seen,), _ = backups(page(odd))

    assert (seen.size_mb, seen.description, seen.server_id, seen.server_name) == (None, None, "a-b", "")


def test_automatic_ones_are_left_out_even_if_the_service_ignores_the_filter() -> None:
    seen, _ = backups(page(item(1), item(2, backup_type="automatic"), item(3, backup_type=None)))

    assert [it.id for it in seen] == [1]


def test_pages_are_followed_by_next() -> None:
    following = f"{URL}/backups/?backup_type=manual&page=2"

    seen, script = backups(page(item(1), count=2, following=following), page(item(2), count=2))

    assert [it.id for it in seen] == [1, 2]
    assert script.urls[1] == "/backups/?backup_type=manual&page=2"


def test_a_relative_next_is_of_the_same_origin() -> None:
    seen, _ = backups(page(item(1), count=2, following="/api/v1/backups/?page=2"), page(item(2), count=2))

    assert len(seen) == 2


def test_a_list_that_changed_between_its_pages_is_read_again() -> None:
    following = f"{URL}/backups/?page=2"
    shifted = [page(item(2), count=3, following=following), page(item(2), count=3)]
    whole = [page(item(1), item(2), count=3, following=following), page(item(3), count=3)]

    seen, script = backups(*shifted, *whole)

    assert [it.id for it in seen] == [1, 2, 3]
    assert len(script.requests) == 4


@pytest.mark.parametrize("count", [0, 2, 10_000])
def test_a_count_that_does_not_fit_is_never_a_list(count: int) -> None:
    with pytest.raises(IncompleteListError, match=f"it counts {count} and holds 1"):
        backups(page(item(1), count=count))


def test_a_loop_of_pages_ends_in_an_error() -> None:
    following = f"{URL}/backups/?page=2"

    with pytest.raises(IncompleteListError, match="was read already"):
        backups(page(item(1), count=3, following=following))


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/api/v1/backups/?page=2",
        "http://vps.example/api/v1/backups/?page=2",
        "https://vps.example:8443/api/v1/backups/?page=2",
        "//evil.example/backups/",
        "https://vps.example@evil.example/",
    ],
)
def test_a_next_on_another_origin_is_never_followed(following: str) -> None:
    script = Script([page(item(1), count=2, following=following)])

    with pytest.raises(RefusedError, match="on another origin"):
        read(script, lambda reader: reader.backups())

    assert {str(request.url.host) for request in script.requests} == {"vps.example"}
    assert len(script.requests) == 1


def test_a_redirect_is_never_followed() -> None:
    script = Script([httpx.Response(302, headers={"Location": "https://evil.example/login"})])

    with pytest.raises(RefusedError, match=r"302 Found, to evil\.example"):
        read(script, lambda reader: reader.backups())

    assert len(script.requests) == 1


GOOD = page(item(1))


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (httpx.Response(200, html="<html>Sign in</html>"), OutcomeUnknownError, "HTML instead of JSON"),
        (httpx.Response(200, content=b'{"count": 1, "resu'), OutcomeUnknownError, "not as documented"),
        (httpx.Response(200, json=[item(1)]), OutcomeUnknownError, "not as documented"),
        (httpx.Response(200, json={"results": []}), OutcomeUnknownError, "count: Field required"),
        (httpx.Response(200, content=b""), OutcomeUnknownError, "not as documented"),
        (
            httpx.Response(200, content=gzip.compress(b"{}")[:-9], headers={"Content-Encoding": "gzip"}),
            OutcomeUnknownError,
            "not as documented|broke off",
        ),
        (
            lambda _: httpx.Response(200, stream=httpx.ByteStream(b"no gzip"), headers={"Content-Encoding": "gzip"}),
            OutcomeUnknownError,
            "broke off",
        ),
        (httpx.Response(500, json={"detail": "Oops."}), OutcomeUnknownError, "500 Internal Server Error: Oops."),
        (httpx.Response(502, html="<h1>Bad gateway</h1>"), OutcomeUnknownError, "502 Bad Gateway$"),
        (httpx.Response(429, headers={"Retry-After": "7"}), BusyError, "429 Too Many Requests"),
        (httpx.ConnectError("refused"), NotSentError, "could not connect"),
        (httpx.ConnectTimeout("slow"), NotSentError, "could not connect in time"),
        (httpx.ReadTimeout("slow"), OutcomeUnknownError, "no answer in time"),
        (httpx.RemoteProtocolError("cut"), OutcomeUnknownError, r"the answer broke off \(cut\)"),
    ],
)
class TestTrouble:
    def test_is_tried_again(self, answer: Answer, kind: type[ApiError], words: str) -> None:  # noqa: ARG002
        seen, script = backups(answer, GOOD)

        assert len(seen) == 1
        assert len(script.requests) == 2

    def test_that_stays_is_an_error_with_the_request_in_it(
        self, answer: Answer, kind: type[ApiError], words: str
    ) -> None:
        script = Script([answer])

        with pytest.raises(kind, match=words) as raised:
            read(script, lambda reader: reader.backups())

        assert "GET https://vps.example/api/v1/backups/?backup_type=manual" in str(raised.value)
        assert len(script.requests) == 5


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, {"detail": "Invalid token."}, "401 Unauthorized: Invalid token."),
        (403, {"detail": "No permission."}, "403 Forbidden: No permission."),
        (404, {"detail": "Not found."}, "404 Not Found: Not found."),
        (
            400,
            {"server_id": ["A valid integer is required."]},
            "400 Bad Request: server_id: A valid integer",
        ),
    ],
)
def test_what_will_not_change_is_not_tried_again(status: int, body: dict[str, Any], words: str) -> None:
    script = Script([httpx.Response(status, json=body)])

    with pytest.raises(RefusedError, match=words):
        read(script, lambda reader: reader.backups())

    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": ""},
        {"id": ".."},
        {"id": 1.5},
        {"id": True},
        {"created_at": "2025-01-14T10:30:00"},
        {"created_at": "0001-01-01T00:00:00Z"},
        {"created_at": 1736850600},
        {"created_at": None},
        {"server": None},
        {"description": 7},
    ],
)
def test_a_backup_that_can_not_be_understood_is_never_left_out_silently(changes: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknownError, match=r"not as documented \(results\.0\."):
        backups(page(item(**changes)))


def test_a_limit_pauses_every_request() -> None:
    clock = FakeClock()

    backups(httpx.Response(429, headers={"Retry-After": "7"}), GOOD, clock=clock)

    assert sum(clock.slept) >= 7


def test_retry_after_may_be_a_date() -> None:
    clock = FakeClock()

    backups(httpx.Response(503, headers={"Retry-After": "Tue, 10 Mar 2026 12:00:30 GMT"}), GOOD, clock=clock)

    assert 30 <= sum(clock.slept) < 35


class TestObserve:
    def test_servers_backups_and_the_services_clock(self) -> None:
        dated = page(item(1))
        dated.headers["Date"] = "Tue, 10 Mar 2026 12:00:05 GMT"

        seen = observe(dated, SERVERS)

        assert [it.name for it in seen.servers or ()] == ["web"]
        assert seen.service_time == datetime(2026, 3, 10, 12, 0, 5, tzinfo=UTC)
        assert seen.base_url == URL

    @pytest.mark.parametrize("status", [403, 404])
    def test_a_token_that_may_not_list_servers_will_do(self, status: int) -> None:
        assert observe(page(item(1)), httpx.Response(status)).servers is None

    def test_a_date_that_is_none_is_none(self) -> None:
        odd = page(item(1))
        odd.headers["Date"] = "yesterday"

        assert observe(odd, SERVERS).service_time is None


def test_fifty_megabytes_are_survived_and_more_are_refused() -> None:
    large = item(1, description="x" * 50_000_000)
    seen, _ = backups(page(large))
    assert len(seen[0].description or "") == 50_000_000

    with pytest.raises(OutcomeUnknownError, match="larger than 64 MB"):
        backups(httpx.Response(200, content=b" " * 65 * 1024 * 1024))


def test_where_a_nights_backups_hang_on_it_a_read_is_tried_for_longer() -> None:
    script = Script([httpx.ConnectError("refused")])
    clock = FakeClock()

    async def run() -> None:
        async with http(script, clock) as service:
            await Reader(service, PATIENT_ATTEMPTS).backups()

    with pytest.raises(NotSentError):
        anyio.run(run)

    assert len(script.requests) == 8
    assert 0 < sum(clock.slept) < 60
