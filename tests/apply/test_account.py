"""Which lists are read again before a change, and which are fresh enough."""

from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from plan.test_linear import steps as steps_of
from support.build import backup, inventory
from support.virtual import VirtualClock, run_virtually

from reconcile.actual.errors import ApiError, OutcomeUnknownError
from reconcile.actual.http import FRESH
from reconcile.actual.inventory import Backup, OddEntry, Server
from reconcile.actual.reader import Reader
from reconcile.apply.account import AccountView, Listing
from reconcile.desired.min_sizes import DEFAULT
from reconcile.ids import Id

HELD = (backup(1), backup(2, server=Server(id=2, name="db")))
ALL = None
ERROR = OutcomeUnknownError("GET https://vps.example/api/v1/backups/", "500 Internal Server Error", "")


@dataclass
class Lists(Reader):
    """Answers from `held`, and keeps which server was asked for each time."""

    held: tuple[Backup, ...] = HELD
    pages: int = 1
    asked: list[Id | None] = field(default_factory=list)
    error: ApiError | None = None
    fails: Container[Id | None] = (ALL, 1, 2)
    """What meets the error, if there is one."""
    takes: float = 0.0
    http: Any = field(default_factory=lambda: SimpleNamespace(parallelism=10))

    async def backups(
        self, server_id: Id | None = None, *, automatic: bool = False, is_quick: bool = False
    ) -> tuple[Backup, ...]:
        assert is_quick, "a list that fails must not hold up others"
        assert not automatic
        self.asked.append(server_id)
        if self.error and server_id in self.fails:
            await anyio.sleep(self.takes)
            raise self.error
        return tuple(each for each in self.held if server_id in {None, each.server_id})


def look(lists: Lists, steps: Callable[[AccountView], Awaitable[None]]) -> list[Id | None]:
    """Run `steps` on a view that starts from the whole list, and return what was listed then."""

    async def main() -> None:
        view = AccountView(lists, VirtualClock())
        view.start_from(inventory(*lists.held), 0, DEFAULT)
        await steps(view)

    run_virtually(main)
    return lists.asked


def test_a_list_is_read_once_in_five_seconds() -> None:
    async def steps(view: AccountView) -> None:
        assert await view.fresh(1) == HELD[:1]
        await anyio.sleep(FRESH + 1)
        for seconds in (0, FRESH, 1):
            await anyio.sleep(seconds)
            assert await view.fresh(1) == HELD[:1]

    assert look(Lists(), steps) == [1, 1]


def test_a_list_is_read_again_after_a_change_to_its_server_and_to_no_other() -> None:
    async def steps(view: AccountView) -> None:
        await anyio.sleep(1)
        view.record_change(1)
        await view.fresh(2)
        await view.fresh(1)  # asked for at the moment of the change: it may not show it
        await anyio.sleep(1)
        await view.fresh(1)
        await view.fresh(1)

    assert look(Lists(), steps) == [1, 1]


@pytest.mark.parametrize(("pages", "expected"), [(1, []), (2, [1])])
def test_where_a_list_must_be_of_one_piece_that_of_the_account_will_do_if_it_has_one_page(
    pages: int, expected: list[Id]
) -> None:
    async def steps(view: AccountView) -> None:
        for _ in range(2):
            assert await view.fresh(1, by_itself=True) == HELD[:1]
        await view.fresh(1)

    assert look(Lists(pages=pages), steps) == expected


def test_what_is_gone_is_gone_from_every_list_without_another_request() -> None:
    async def steps(view: AccountView) -> None:
        await view.fresh(2, by_itself=True)
        for held in HELD:
            view.record_deleted(held)
            assert await view.fresh(held.server_id) == ()

    assert look(Lists(pages=2), steps) == [2]


class TestRefresh:
    def read(self, lists: Lists, servers: tuple[Id, ...]) -> dict[Id, Listing | ApiError]:
        found: dict[Id, Listing | ApiError] = {}

        async def steps(view: AccountView) -> None:
            await anyio.sleep(1)
            found.update(await view.refresh(servers))
            for server_id, listing in found.items():
                if isinstance(listing, Listing):
                    assert await view.fresh(server_id) == listing.backups

        look(lists, steps)
        return found

    @pytest.mark.parametrize(
        ("pages", "servers", "asked"),
        [(1, (1,), [1]), (1, (1, 2), [ALL]), (2, (1, 2), [ALL]), (3, (1, 2), [1, 2])],
    )
    def test_takes_as_few_requests_as_will_do(
        self, pages: int, servers: tuple[Id, ...], asked: list[Id | None]
    ) -> None:
        lists = Lists(pages=pages)

        found = self.read(lists, servers)

        assert lists.asked == asked
        assert found == {
            each.server_id: Listing(1, (each,), is_whole=asked == [ALL]) for each in HELD if each.server_id in servers
        }

    @pytest.mark.parametrize("pages", [1, 3])
    def test_that_fails_says_so_for_each_server(self, pages: int) -> None:
        assert self.read(Lists(pages=pages, error=ERROR), (1, 2)) == {1: ERROR, 2: ERROR}

    def test_asks_for_each_server_where_the_list_of_the_account_fails(self) -> None:
        lists = Lists(error=ERROR, fails=[ALL, 2])

        assert self.read(lists, (1, 2)) == {1: Listing(1, HELD[:1]), 2: ERROR}
        assert lists.asked == [ALL, 1, 2]

    def test_asks_for_the_list_of_the_account_where_those_of_servers_fail(self) -> None:
        lists = Lists(pages=3, error=ERROR, fails=[2])

        assert self.read(lists, (1, 2)) == {1: Listing(1, HELD[:1]), 2: Listing(1, HELD[1:], is_whole=True)}
        assert lists.asked == [1, 2, ALL]

    def test_that_avoids_the_list_of_the_account_avoids_it_for_a_server_whose_list_fails_too(self) -> None:
        lists = Lists(error=ERROR, fails=[ALL, 2], takes=60)

        async def steps(view: AccountView) -> None:
            for _ in range(2):
                await view.refresh((1, 2))

        assert look(lists, steps) == [ALL, 1, 2, 1, 2]

    def test_asks_for_the_list_of_the_account_no_more_for_ten_times_as_long_as_it_took_to_fail(self) -> None:
        lists = Lists(error=ERROR, fails=[ALL], takes=60)
        seconds: list[float] = []

        async def steps(view: AccountView) -> None:
            for pause in (1.0, 10 * 60 - 1, 2.0):
                await anyio.sleep(pause)
                begun = anyio.current_time()
                await view.refresh((1, 2))
                seconds.append(anyio.current_time() - begun)

        assert look(lists, steps) == [ALL, 1, 2, 1, 2, ALL, 1, 2]
        assert seconds == [60, 0, 60]


def test_a_backup_that_is_being_deleted_counts_for_nothing_in_any_list() -> None:
    async def steps(view: AccountView) -> None:
        assert await view.fresh(1) == HELD[:1]
        await anyio.sleep(FRESH + 1)
        assert await view.fresh(1) == HELD[:1]

    assert look(Lists((*HELD, backup(3, status="deleting"))), steps) == [1]


def test_to_ask_whether_an_entry_may_be_a_backup_takes_the_same_however_many_cannot_be_read() -> None:
    def work(number: int) -> int:
        odd = tuple(OddEntry(kind="backup", id=9 + each, unreadable=("backup_type",)) for each in range(number))
        view = AccountView(Lists(), VirtualClock())
        view.start_from(replace(inventory(*HELD), unidentified=odd), 0, DEFAULT)
        return steps_of(lambda: view.possible_entry(1, 1))

    assert work(1000) == work(1)
