"""Reading the account: what is asked for, what is kept, and how often a read is tried."""

import gzip
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import times
from support.pages import page
from support.service import URL, Answer, Lists, Script, item
from support.virtual import VirtualClock

from reconcile.actual.errors import ApiError, BusyError, FinalError, NotSentError, OutcomeUnknownError
from reconcile.actual.inventory import Backup, Inventory
from reconcile.actual.reader import PATIENT_ATTEMPTS, Reader
from reconcile.clock import StoppedError
from reconcile.diagnostics import UserError
from reconcile.ids import Id

Value = TypeVar("Value")
SERVERS: list[dict[str, Any]] = [{"id": 1, "name": "web"}, {"id": "b", "name": "db"}]
GOOD = page(item(1))


def read(script: Script, use: Callable[[Reader], Awaitable[Value]]) -> Value:
    return script.run(lambda http: use(Reader(http)))


def backups(*answers: Answer) -> tuple[list[Backup], Script]:
    script = Script(list(answers))
    return [each for each in read(script, lambda reader: reader.backups()) if isinstance(each, Backup)], script


def observe(service: Answer, *, automatic: bool = False, server_id: Id | None = None) -> tuple[Inventory, Script]:
    script = Script([service])
    return read(script, lambda reader: reader.observe(automatic=automatic, server_id=server_id)), script


def date_in(minutes: int) -> str:
    """Return a Date header so many minutes ahead of our clock."""
    return format_datetime(VirtualClock.started + timedelta(minutes=minutes), usegmt=True)


def account_answered_with(answer: httpx.Response) -> Callable[[httpx.Request], httpx.Response | None]:
    return lambda request: answer if request.url.path.endswith("/account/me/") else None


class TestObserve:
    def test_servers_and_backups_are_read_at_once(self) -> None:
        inventory, script = observe(Lists([item(1)], SERVERS, latency=1))

        assert [server.name for server in inventory.servers or ()] == ["web", "db"]
        assert [backup.id for backup in inventory.backups] == [1]
        assert inventory.base_url == URL
        assert sorted(script.urls) == ["/backups/?backup_type=manual&page_size=1000", "/servers/?page_size=1000"]
        assert script.requests[0].headers["Authorization"] == "Bearer vps_secret"
        assert script.elapsed == 1

    def test_the_account_is_asked_for_only_where_it_is_wanted(self) -> None:
        named = httpx.Response(200, json={"account": {"email": "ops@example.com"}})
        before = account_answered_with(named)
        script = Script([Lists([item(1)], SERVERS, latency=1, before=before)])

        inventory = script.run(lambda http: Reader(http, asks_account=True).observe())
        without, silent = observe(Lists([item(1)], SERVERS))

        assert (inventory.account, without.account) == ("ops@example.com", None)
        assert "/account/me/" in script.urls
        assert "/account/me/" not in silent.urls
        assert script.elapsed == 1

    @pytest.mark.parametrize(("minutes", "side"), [(-11, "ahead of"), (11, "behind")])
    def test_a_clock_that_differs_is_refused_unless_ages_do_not_matter(self, minutes: int, side: str) -> None:
        script = Script([Lists([item(1)], SERVERS, headers={"Date": date_in(minutes)})])

        with pytest.raises(UserError, match=f"this machine's clock is 11min {side} the service's"):
            script.run(lambda http: Reader(http).observe())

        assert script.run(lambda http: Reader(http).observe(checks_clock=False)).backups

    @pytest.mark.parametrize("minutes", [-10, 0, 10])
    def test_a_clock_that_differs_a_little_is_fine(self, minutes: int) -> None:
        inventory, _ = observe(Lists([item(1)], SERVERS, headers={"Date": date_in(minutes)}))

        assert inventory.service_time == VirtualClock.started + timedelta(minutes=minutes)

    @pytest.mark.parametrize("status", [403, 404])
    def test_an_account_that_the_service_does_not_name_is_none(self, status: int) -> None:
        script = Script([Lists([item(1)], SERVERS, before=account_answered_with(httpx.Response(status)))])

        assert script.run(lambda http: Reader(http, asks_account=True).observe()).account is None

    def test_automatic_backups_come_only_where_they_are_asked_for(self) -> None:
        service = Lists([item(1), item(2, backup_type="automatic"), item(3, backup_type="weekly")], SERVERS)

        manual, _ = observe(service)
        whole, script = observe(service, automatic=True)

        assert [backup.id for backup in manual.backups] == [1]
        assert [backup.id for backup in whole.backups] == [1, 2, 3]
        assert [backup.id for backup in whole.manual] == [1]
        assert "/backups/?page_size=1000" in script.urls

    def test_automatic_ones_are_left_out_even_if_the_service_ignores_the_filter(self) -> None:
        seen, _ = backups(page(item(1), item(2, backup_type="automatic"), item(3, backup_type=None)))

        assert [backup.id for backup in seen] == [1]

    @pytest.mark.parametrize("kind", [None, "", 7, "weekly"])
    def test_a_backup_of_an_unknown_type_is_reported_but_does_not_count(self, kind: object) -> None:
        automatic = item(3, backup_type="automatic")
        inventory, _ = observe(lambda _: page(item(1), item(2, backup_type=kind), automatic))

        assert [backup.id for backup in inventory.backups] == [1]
        (odd,) = (entry for entry in inventory.unidentified if entry.kind == "backup")
        assert (odd.id, odd.server_id, odd.unreadable) == (2, 1, ("backup_type",))

    def test_of_one_server(self) -> None:
        """The service ignores the filter, too."""
        service = Lists([item(1), item(2, server={"id": "b", "name": "db"})], SERVERS)

        inventory, script = observe(service, server_id="b")

        assert [backup.id for backup in inventory.backups] == [2]
        assert len(inventory.servers or ()) == 2
        assert "/backups/?backup_type=manual&server_id=b&page_size=1000" in script.urls

    def test_only_backups(self) -> None:
        script = Script([Lists([item(1), item("2", backup_type="automatic"), item(3, server={"id": 2})])])

        seen = read(script, lambda reader: reader.backups(1))

        assert [entry.id for entry in seen if isinstance(entry, Backup)] == [1]
        assert script.urls == ["/backups/?backup_type=manual&server_id=1&page_size=1000"]

    def test_with_the_entries_that_may_be_a_backup_that_is_missed(self) -> None:
        entries = [item(1), item(None), item(3, server={"id": 2}), item(4, backup_type=None), item(5, server=None)]
        script = Script([page(*entries)])

        seen = read(script, lambda reader: reader.backups(1))

        assert {(entry.id, entry.unreadable) for entry in seen} == {
            (1, ()),
            (None, ("id",)),
            (3, ("server.id",)),
            (4, ("backup_type",)),
            (5, ("server.id",)),
        }

    @pytest.mark.parametrize("status", [403, 404])
    def test_a_token_that_may_not_list_servers_will_do(self, status: int) -> None:
        def refuse(request: httpx.Request) -> httpx.Response | None:
            return httpx.Response(status) if request.url.path.endswith("/servers/") else None

        inventory, _ = observe(Lists([item(1)], before=refuse))

        assert inventory.servers is None

    def test_an_error_of_either_list_is_raised_as_it_is(self) -> None:
        def refuse(request: httpx.Request) -> httpx.Response | None:
            return httpx.Response(401) if request.url.path.endswith("/servers/") else None

        with pytest.raises(FinalError, match="401 Unauthorized"):
            observe(Lists([item(1)], before=refuse))

    def test_the_services_clock_is_compared_with_ours_at_the_same_moment(self) -> None:
        """A slow answer to a later page is no skew of the clocks."""

        def first_page_at_once(request: httpx.Request) -> httpx.Response:
            following = str(request.url.copy_set_param("page", 2))
            first = page(item(1), count=2, following=following)
            first.headers["Date"] = "Tue, 10 Mar 2026 12:00:05 GMT"
            return first

        slow = Lists([item(1), item(2)], SERVERS, largest_page=1, latency=50)

        def answer(request: httpx.Request) -> httpx.Response | Awaitable[httpx.Response]:
            is_first = request.url.path.endswith("/backups/") and "page" not in request.url.params
            return first_page_at_once(request) if is_first else slow(request)

        inventory, script = observe(answer)

        assert script.elapsed >= 50
        assert inventory.service_time == datetime(2026, 3, 10, 12, 0, 5, tzinfo=UTC)
        assert inventory.observed_at == datetime(2026, 3, 10, 12, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        "date", ["yesterday", "", "0", "Tue, 99 Mar 2026 12:00:05 GMT", "Mon, 01 Jan 10000 00:00:00 GMT"]
    )
    def test_a_date_that_is_none_is_none(self, date: str) -> None:
        odd = page(item(1))
        odd.headers["Date"] = date

        inventory, _ = observe(lambda request: odd if "/backups/" in request.url.path else page())

        assert inventory.service_time is None


@pytest.mark.parametrize(
    ("answer", "kind", "problem"),
    [
        (httpx.Response(200, html="<html>Sign in</html>"), OutcomeUnknownError, "HTML instead of JSON"),
        (httpx.Response(200, content=b'{"count": 1, "resu'), OutcomeUnknownError, "not as documented"),
        (httpx.Response(200, content=b""), OutcomeUnknownError, "not as documented"),
        (
            httpx.Response(200, content=gzip.compress(b"{}")[:-9], headers={"Content-Encoding": "gzip"}),
            OutcomeUnknownError,
            "not as documented|no complete response",
        ),
        (
            lambda _: httpx.Response(200, stream=httpx.ByteStream(b"no gzip"), headers={"Content-Encoding": "gzip"}),
            OutcomeUnknownError,
            "no complete response",
        ),
        (httpx.Response(500, json={"detail": "Oops."}), OutcomeUnknownError, "500 Internal Server Error: Oops."),
        (httpx.Response(502, html="<h1>Bad gateway</h1>"), OutcomeUnknownError, "502 Bad Gateway$"),
        (httpx.Response(429, headers={"Retry-After": "7"}), BusyError, "429 Too Many Requests"),
        (httpx.ConnectError("refused"), NotSentError, "could not connect"),
        (httpx.ConnectTimeout("slow"), NotSentError, r"could not connect \(timed out\)"),
        (httpx.ProxyError("403 Forbidden"), NotSentError, r"the proxy could not connect \(403 Forbidden\)"),
        (httpx.ReadTimeout("slow"), OutcomeUnknownError, r"no complete response \(timed out\)"),
        (httpx.RemoteProtocolError("cut"), OutcomeUnknownError, r"no complete response \(cut\)"),
    ],
)
class TestTrouble:
    def test_is_tried_again(self, answer: Answer, kind: type[ApiError], problem: str) -> None:  # noqa: ARG002
        seen, script = backups(answer, GOOD)

        assert len(seen) == 1
        assert len(script.requests) == 2

    def test_that_stays_is_an_error_with_the_request_in_it(
        self, answer: Answer, kind: type[ApiError], problem: str
    ) -> None:
        script = Script([answer])

        with pytest.raises(kind, match=problem) as raised:
            read(script, lambda reader: reader.backups())

        assert "GET https://vps.example/api/v1/backups/?backup_type=manual" in str(raised.value)
        assert len(script.requests) == 5


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (401, {"detail": "Invalid token."}, "401 Unauthorized: Invalid token."),
        (403, {"detail": "No permission."}, "403 Forbidden: No permission."),
    ],
)
def test_what_will_not_change_is_not_tried_again(status: int, body: dict[str, Any], problem: str) -> None:
    script = Script([httpx.Response(status, json=body)])

    with pytest.raises(FinalError, match=problem):
        read(script, lambda reader: reader.backups())

    assert len(script.requests) == 1


@pytest.mark.parametrize(("attempts", "longest"), [(5, 15), (PATIENT_ATTEMPTS, 123)])
def test_the_pauses_between_attempts_grow(attempts: int, longest: float) -> None:
    script = Script([httpx.ConnectError("refused")])

    with pytest.raises(NotSentError):
        script.run(lambda http: Reader(http, attempts).backups())

    assert len(script.requests) == attempts
    assert longest / 2 <= script.elapsed <= longest


def test_the_deadline_ends_the_attempts_and_the_error_says_what_went_wrong() -> None:
    script = Script([httpx.ConnectError("refused")])

    with pytest.raises(StoppedError, match=r"out of time while trying again after GET .*: could not connect"):
        script.run(lambda http: Reader(http, PATIENT_ATTEMPTS).backups(), seconds=5)

    assert script.elapsed == 5


def test_a_list_that_is_never_whole_ends_at_the_deadline() -> None:
    script = Script([page(item(1), count=2)])

    with pytest.raises(StoppedError, match=r"trying again after GET .* the service reports 2 entries but returned 1"):
        script.run(lambda http: Reader(http).backups(), seconds=1.5)


def _json(value: object) -> bytes:
    return httpx.Request("POST", URL, json=value).content if _is_finite(value) else b"NaN"


def _is_finite(value: object) -> bool:
    return "nan" not in repr(value) and "inf" not in repr(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=10,
)
ENTRIES = st.builds(
    lambda identifier, changes: item(identifier) | changes,
    st.integers(1, 3) | st.text(max_size=2),
    st.just({}) | st.dictionaries(st.sampled_from(sorted(item())), JSON, max_size=1),
)
LINKS = st.sampled_from([None, "?page=2", f"{URL}/backups/?page_size=1000&page=2", "https://evil.example/"])
PAGES = st.builds(
    lambda entries, more, link: {"count": len(entries) + more, "next": link, "results": entries},
    st.lists(ENTRIES, max_size=3),
    st.sampled_from([0, 0, 0, 1, -1, 2**62]),
    LINKS | JSON,
)
STATUSES = st.sampled_from([204, 301, 304, 399, 400, 403, 404, 409, 429, 500, 503])
HEADERS = st.dictionaries(
    st.sampled_from(["Date", "Retry-After", "Location", "Content-Encoding"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126)),
    max_size=1,
)
RESPONSES: st.SearchStrategy[tuple[int, bytes, dict[str, str]]] = st.one_of(
    st.builds(lambda page, headers: (200, _json(page), headers), PAGES, HEADERS),
    st.tuples(st.just(200), PAGES.map(_json), st.just({})),
    st.builds(lambda value, headers: (200, _json(value), headers), JSON, HEADERS),
    st.builds(lambda status, value, headers: (status, _json(value), headers), STATUSES, JSON, HEADERS),
    st.tuples(st.just(200), st.binary(), HEADERS),
)


@times(1.5)
@given(st.lists(RESPONSES, min_size=1, max_size=3))
def test_whatever_the_service_answers_is_a_list_or_an_error_for_people(
    responses: list[tuple[int, bytes, dict[str, str]]],
) -> None:
    """The same bytes answer for servers and for backups; a list of pages that never end is stopped by the deadline."""

    async def answer(_: httpx.Request) -> httpx.Response:
        await anyio.sleep(1)
        status, body, headers = responses[len(script.requests) % len(responses)]
        return httpx.Response(status, stream=httpx.ByteStream(body), headers=headers)

    script = Script([answer])
    try:
        inventory = script.run(lambda http: Reader(http, 2).observe(automatic=True), seconds=100)
    except (ApiError, StoppedError):
        return
    assert all(backup.created_at.tzinfo is UTC for backup in inventory.backups)
    assert inventory.service_time is None or inventory.service_time.utcoffset() == timedelta(0)


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(500)])
def test_attempts_that_take_long_are_announced(failure: Answer) -> None:
    script = Script([failure])

    with pytest.raises(ApiError):
        script.run(lambda http: Reader(http).backups())

    assert script.announced
    assert script.announced[0].startswith("Trying again in ")
    assert "GET https://vps.example/api/v1/backups/" in script.announced[0]


def test_what_is_read_at_once_is_announced_once() -> None:
    script = Script([httpx.ConnectError("refused")])

    with pytest.raises(ApiError):
        script.run(lambda http: Reader(http, PATIENT_ATTEMPTS).observe())

    assert 1 < len(script.announced) <= PATIENT_ATTEMPTS
