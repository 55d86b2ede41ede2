"""Lists that come in pages: whole or not at all."""

from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from support.pages import page
from support.service import URL, Answer, Lists, Script, item

from reconcile.actual.errors import FinalError, IncompleteListError, OutcomeUnknownError
from reconcile.actual.http import Http
from reconcile.actual.inventory import Backup, OddEntry
from reconcile.actual.reader import Reader
from reconcile.actual.wire import LARGEST_LIST

FIRST = "/backups/?backup_type=manual&page_size=1000"


def read(*answers: Answer) -> tuple[tuple[Backup | OddEntry, ...], Script]:
    script = Script(list(answers))
    return script.run(lambda http: Reader(http).backups()), script


def ids(entries: Sequence[Backup | OddEntry]) -> list[object]:
    return [entry.id for entry in entries if isinstance(entry, Backup)]


def many(count: int) -> list[dict[str, Any]]:
    return [item(number) for number in range(1, count + 1)]


def test_a_list_of_one_page_is_one_request() -> None:
    backups, script = read(page(item(1), item(2)))

    assert ids(backups) == [1, 2]
    assert script.urls == [FIRST]


def test_a_list_without_next_is_whole_if_it_holds_what_it_counts() -> None:
    backups, _ = read(httpx.Response(200, json={"count": 1, "results": [item(1)]}))

    assert ids(backups) == [1]


class TestSideBySide:
    def test_pages_are_read_at_once_and_in_order(self) -> None:
        service = Lists(many(95), largest_page=10, latency=1)
        backups, script = read(service)

        assert ids(backups) == list(range(1, 96))
        assert script.urls[1] == f"{FIRST}&page=2"
        assert len(script.requests) == 10
        assert script.elapsed == 2

    def test_no_more_requests_than_allowed_are_in_flight(self) -> None:
        service = Lists(many(95), largest_page=10, latency=1)

        Script([service]).run(lambda http: Reader(http).backups(), parallelism=3)

        assert service.most_in_flight == 3

    def test_progress_is_reported(self) -> None:
        seen: list[tuple[int, int] | None] = []

        async def use(http: Http) -> None:
            reader = Reader(http)
            service.before = lambda _: seen.append(reader.progress)
            await reader.observe()
            seen.append(reader.progress)

        service = Lists(many(25), largest_page=10)
        Script([service]).run(use, parallelism=1)

        assert seen == [(0, 0), (10, 25), (10, 25), (20, 25), None]

    @pytest.mark.parametrize(
        "following",
        [
            f"{URL}/backups/?cursor=b",
            f"{URL}/backups/?page=2",
            f"{URL}/other/?backup_type=manual&page_size=1000&page=2",
            "/api/v1/backups/?page=2",
            "?page=2",
            f"{FIRST}&page=3".removeprefix("/backups/"),
        ],
    )
    def test_a_next_of_another_shape_is_followed_as_it_is(self, following: str) -> None:
        backups, script = read(page(item(1), count=2, following=following), page(item(2), count=2))

        assert ids(backups) == [1, 2]
        assert [request.url for request in script.requests[1:]] == [httpx.URL(f"{URL}/backups/").join(following)]

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda page: {**page, "results": page["results"][:-1]}, id="shorter"),
            pytest.param(lambda page: {**page, "count": page["count"] + 1}, id="another count"),
            pytest.param(lambda page: {**page, "next": None}, id="no next"),
        ],
    )
    def test_a_page_that_was_not_expected_makes_it_follow_next(
        self, change: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> None:
        service = Lists(many(40), largest_page=10)
        odd = [True]

        async def answer(request: httpx.Request) -> httpx.Response:
            response = await service(request)
            if request.url.params.get("page") == "3" and odd:
                odd.clear()
                return httpx.Response(200, json=change(response.json()))
            return response

        backups, script = read(answer)

        assert ids(backups) == list(range(1, 41))
        assert script.urls[-3:] == [f"{FIRST}&page={number}" for number in (2, 3, 4)]

    def test_a_page_that_is_gone_makes_it_follow_next(self) -> None:
        gone = [httpx.Response(404, json={"detail": "Invalid page."})]
        service = Lists(
            many(40),
            largest_page=10,
            before=lambda request: gone.pop() if request.url.params.get("page") == "4" and gone else None,
        )

        backups, _ = read(service)

        assert ids(backups) == list(range(1, 41))

    def test_one_page_that_is_not_to_be_had_ends_the_reading(self) -> None:
        service = Lists(
            many(40),
            largest_page=10,
            before=lambda request: httpx.Response(500) if request.url.params.get("page") == "3" else None,
        )

        with pytest.raises(OutcomeUnknownError, match=r"page=3: 500 Internal Server Error"):
            read(service)


class TestPageSize:
    @pytest.mark.parametrize("status", [400, 404, 422])
    def test_where_it_is_refused_the_list_is_read_without(self, status: int) -> None:
        def refuse(request: httpx.Request) -> httpx.Response | None:
            refused = httpx.Response(status, json={"page_size": ["Unknown."]})
            return refused if "page_size" in request.url.params else None

        script = Script([Lists(many(250), before=refuse)])

        async def twice(reader: Reader) -> list[int]:
            return [len(await reader.backups()), len(await reader.backups())]

        assert script.run(lambda http: twice(Reader(http))) == [250, 250]
        assert script.urls == [
            FIRST,
            *(["/backups/?backup_type=manual"] + [f"/backups/?backup_type=manual&page={number}" for number in (2, 3)])
            * 2,
        ]

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_refused_token_is_not_asked_again(self, status: int) -> None:
        script = Script([httpx.Response(status)])

        with pytest.raises(FinalError):
            script.run(lambda http: Reader(http).backups())

        assert len(script.requests) == 1

    def test_where_nothing_is_there_the_error_is_of_the_plain_request(self) -> None:
        script = Script([httpx.Response(404, json={"detail": "Not found."})])

        with pytest.raises(FinalError, match=r"GET https://vps.example/api/v1/backups/\?backup_type=manual: 404"):
            script.run(lambda http: Reader(http).backups())

        assert len(script.requests) == 2


class TestChanges:
    def test_a_list_that_changed_between_its_pages_is_read_again(self) -> None:
        following = f"{URL}/backups/?page=2"
        shifted = [page(item(2), count=2, following=following), page(item(2), count=2)]
        whole = [page(item(1), count=2, following=following), page(item(2), count=2)]

        backups, script = read(*shifted, *whole)

        assert ids(backups) == [1, 2]
        assert len(script.requests) == 4

    def test_an_entry_that_went_while_the_list_was_read_takes_none_with_it(self) -> None:
        """#1 is deleted after page 1, so #3 moves to it unseen; the new count alone would fit what was read."""
        following = f"{URL}/backups/?page=2"
        torn = [page(item(1), item(2), count=4, following=following), page(item(4), count=3)]
        whole = [page(item(2), item(3), count=3, following=following), page(item(4), count=3)]

        backups, _ = read(*torn, *whole)

        assert ids(backups) == [2, 3, 4]

    def test_a_next_page_that_is_gone_is_no_refusal(self) -> None:
        following = f"{URL}/backups/?page=2"

        backups, _ = read(page(item(1), count=2, following=following), httpx.Response(404), page(item(1)))

        assert ids(backups) == [1]

    def test_a_list_whose_count_has_changed_is_not_read_to_its_end(self) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            place = int(request.url.params.get("cursor", 1))
            following = str(request.url.copy_set_param("cursor", place + 1))
            return page(item(place), count=100 if place == 1 else 99, following=following)

        script = Script([answer])

        with pytest.raises(IncompleteListError, match="its count was 100, then 99"):
            script.run(lambda http: Reader(http).backups())

        assert len(script.requests) == 3 * 2

    @pytest.mark.parametrize("count", [0, 2, 10_000])
    def test_a_count_that_does_not_fit_is_never_a_list(self, count: int) -> None:
        script = Script([page(item(1), count=count)])

        with pytest.raises(IncompleteListError, match=f"the service reports {count} entries but returned 1"):
            script.run(lambda http: Reader(http).backups())

        assert len(script.requests) == 3

    def test_the_same_backup_twice_counts_once(self) -> None:
        with pytest.raises(IncompleteListError, match="the service reports 2 entries but returned 1"):
            read(page(item(1), item(1)))


class TestEndlessLists:
    def test_a_loop_of_pages_ends_in_an_error(self) -> None:
        with pytest.raises(IncompleteListError, match="reports 3 entries but returned 1"):
            read(page(item(1), count=3, following=f"{URL}/backups/?page=2"))

    def test_a_next_that_never_ends_is_refused_at_once(self) -> None:
        numbers = iter(range(1, 1_000_000))

        def answer(request: httpx.Request) -> httpx.Response:
            number = next(numbers)
            return page(item(number), count=4, following=f"{request.url.copy_set_param('cursor', number)}")

        script = Script([answer])

        with pytest.raises(IncompleteListError, match="more pages than its count of 4 allows"):
            script.run(lambda http: Reader(http).backups())

        assert len(script.requests) == 3 * 4

    @pytest.mark.parametrize(("count", "problem"), [(0, "more pages than its count"), (5, "5 entries but returned 0")])
    def test_an_empty_page_with_a_next_is_refused(self, count: int, problem: str) -> None:
        with pytest.raises(IncompleteListError, match=problem):
            read(page(count=count, following=f"{URL}/backups/?page=2"))

    @pytest.mark.parametrize("later", [httpx.Response(404), None], ids=["is missing", "is the first again"])
    def test_a_count_that_is_far_too_large_ends_with_the_first_page_that(self, later: httpx.Response | None) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            following = str(request.url.copy_set_param("page", int(request.url.params.get("page", 1)) + 1))
            first = page(item(1), count=LARGEST_LIST, following=following)
            return first if later is None or "page" not in request.url.params else later

        script = Script([answer])

        with pytest.raises(IncompleteListError):
            script.run(lambda http: Reader(http).backups())

        assert len(script.requests) < 50

    def test_a_list_that_no_memory_holds_is_refused_at_once(self) -> None:
        script = Script([page(item(1), count=10**9, following=f"{URL}/backups/?page=2")])

        with pytest.raises(FinalError, match="counts 1,000,000,000 entries, and reconcile reads at most 250,000"):
            script.run(lambda http: Reader(http).backups())

        assert len(script.requests) == 1

    def test_pages_that_hold_more_than_the_count_end_at_once(self) -> None:
        numbers = iter(range(1, 1_000_000))

        def answer(request: httpx.Request) -> httpx.Response:
            entries = [item(next(numbers)) for _ in range(100 if "cursor" in request.url.params else 1)]
            return page(*entries, count=90, following=f"{request.url.copy_set_param('cursor', next(numbers))}")

        script = Script([answer])

        with pytest.raises(IncompleteListError, match="reports 90 entries but returned 101"):
            script.run(lambda http: Reader(http).backups())

        assert len(script.requests) <= 6


class TestOtherOrigins:
    @pytest.mark.parametrize(
        ("following", "origin"),
        [
            ("https://evil.example/api/v1/backups/?page=2", "https://evil.example"),
            ("http://vps.example/api/v1/backups/?page=2", "http://vps.example"),
            ("https://vps.example:8443/api/v1/backups/?page=2", "https://vps.example:8443"),
            ("//evil.example/backups/", "https://evil.example"),
            ("https://vps.example@evil.example/", "https://evil.example"),
            ("http://xn--/", "http://xn--"),
            ("http://[::1]:99999/", "http://[::1]:99999"),
        ],
    )
    def test_a_next_there_is_never_requested(self, following: str, origin: str) -> None:
        script = Script([page(item(1), count=2, following=following)])

        with pytest.raises(FinalError) as refused:
            script.run(lambda http: Reader(http).backups())

        assert f"on another origin, {origin} instead of https://vps.example" in str(refused.value)
        assert len(script.requests) == 1

    @pytest.mark.parametrize("following", ["https://[::1", "\x00", "http://a:b:c/"])
    def test_a_next_that_is_no_url(self, following: str) -> None:
        with pytest.raises(FinalError, match="the link to the next page is not a URL"):
            read(page(item(1), count=2, following=following))


def test_entries_without_an_id_count_wherever_they_are() -> None:
    inventory = Script([Lists([item(None), *many(12), item(None)], largest_page=5)]).run(
        lambda http: Reader(http).observe()
    )

    assert [backup.id for backup in inventory.backups] == list(range(1, 13))
    assert [entry.unreadable for entry in inventory.unidentified] == [("id",), ("id",)]


def test_an_entry_without_an_id_makes_up_for_no_missing_one() -> None:
    with pytest.raises(IncompleteListError, match="the service reports 4 entries but returned 3"):
        read(page(item(1), item(None), item(2), count=4))


def test_a_backup_without_a_server_counts_once() -> None:
    backups, _ = read(page(item(1), item(2, server=None), count=2))

    assert ids(backups) == [1]
    with pytest.raises(IncompleteListError, match="the service reports 3 entries but returned 2"):
        read(page(item(1), item(2, server=None), item(2, server=None), count=3))


def test_a_list_without_a_single_id_is_refused() -> None:
    with pytest.raises(OutcomeUnknownError, match="not as documented: no entry of the list has an id"):
        read(page(item(None)))


def test_ids_that_only_their_type_tells_apart_refuse_the_list() -> None:
    with pytest.raises(OutcomeUnknownError, match="differ only in their type"):
        read(page(item(7), item("7")))


def test_ids_of_both_types_are_read() -> None:
    backups, _ = read(page(item(7), item("b7")))

    assert ids(backups) == [7, "b7"]
