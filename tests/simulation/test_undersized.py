"""Empty backups, as the whole program meets them: they replace nothing, and the new one must not be one."""

import httpx
import pytest
from support.build import config
from support.schedules import DB, WEB, item
from support.world import Handler, World

from reconcile.diagnostics import UserError
from reconcile.outcomes import Outcome
from reconcile.plan.guards import KeptOneChanged
from reconcile.plan.model import Create
from reconcile.plan.planning import RunOptions
from reconcile.plan.reasons import Veto
from reconcile.sandbox.account import Record

NIGHTLY = config('[servers.db]\nid = 2\nbackups = [{ description = "nightly", every = "1d", keep = 1 }]\n')


def held(world: World) -> list[object]:
    return sorted(backup["id"] for backup in world.account.backups)


def world(**more: object) -> World:
    backups = [item(1, DB, "nightly", 3), *({**item(number, DB, "nightly", 2), "size_mb": 0} for number in (2, 3))]
    return World(config=NIGHTLY, servers=[DB], backups=backups, **more)  # type: ignore[arg-type] # as World


def test_all_but_the_newest_go_after_the_create_and_that_with_the_next_apply() -> None:
    account = world()

    account.apply()
    assert held(account) == [3, 501]
    account.apply()
    assert held(account) == [501]


def test_a_new_one_that_is_empty_does_not_count_and_nothing_is_deleted_for_it() -> None:
    def comes_out_empty(account: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        response = handle(request)
        new = next((backup for backup in account.account.backups if backup["id"] == 501), None)
        if request.method == "GET" and new and new["size_mb"]:
            new["size_mb"] = 0
            return handle(request)
        return response

    account = world(faults=dict.fromkeys(range(100), comes_out_empty))

    results = account.apply()

    assert not isinstance(results, UserError)
    create, *deletes = results[-1].finished
    assert (create.outcome, create.explanation) == (
        Outcome.FAILED,
        "#501 ended as 'completed' with 0 MiB, less than min_size",
    )
    assert [delete.objection for delete in deletes] == [Veto.NOT_CREATED] * len(deletes)
    assert held(account) == [1, 2, 3, 501]


class SizedLate(World):
    """A service that lists the backup `odd` as completed with an unknown size `lists` times, and then as empty."""

    odd, lists = 2, 1

    def handle(self, request: httpx.Request) -> httpx.Response:
        is_list = request.method == "GET" and "backups" in request.url.path
        odd = next((backup for backup in self.account.list_backups() if backup["id"] == self.odd), None)
        if odd and odd["status"] == "completed":
            odd["size_mb"] = None if self.lists > 0 else 0
            self.lists -= is_list
        return super().handle(request)


@pytest.mark.parametrize(("every", "odd", "lists"), [("7d", 2, 1), ("1d", 501, 2)], ids=["kept", "new"])
def test_one_that_turns_out_empty_before_the_delete_replaces_no_other(every: str, odd: int, lists: int) -> None:
    backups = [item(1, DB, "nightly", 3), item(2, DB, "nightly", 1.5)][: 2 if odd == 2 else 1]
    file = config(f'[servers.db]\nid = 2\nbackups = [{{ description = "nightly", every = "{every}", keep = 1 }}]\n')
    world = SizedLate(config=file, servers=[DB], backups=backups, latency=lambda: 3.0)
    world.odd, world.lists = odd, lists

    results = world.apply()

    assert 1 in held(world), "the only one that can be restored"
    assert not isinstance(results, UserError)
    assert results[-1].finished[-1].objection == KeptOneChanged(id=odd)


def test_a_response_that_says_completed_is_not_believed_where_nothing_is_waited_for() -> None:
    class CompletesAtOnce(World):
        """Responds to a create with a completed backup, of this size."""

        size_mb: int

        def create(self, server: Record, description: str) -> httpx.Response:
            super().create(server, description)
            self.account.backups[-1] |= {"status": "completed", "size_mb": self.size_mb}
            return httpx.Response(201, json=self.account.backups[-1])

    file = "".join(
        f"[servers.{server['name']}]\nid = {server['id']}\n"
        'backups = [{ description = "nightly", every = "1d", keep = 1 }]\n'
        for server in (WEB, DB)
    )
    for size_mb, outcome in ((0, Outcome.FAILED), (100, Outcome.SUCCEEDED)):
        backups = [item(1, WEB, "nightly", 3), item(2, DB, "nightly", 2)]
        world = CompletesAtOnce(config=config(file), servers=[WEB, DB], backups=backups)
        world.size_mb = size_mb

        results = world.apply(options=RunOptions(wait=False))

        assert not isinstance(results, UserError)
        assert [each.outcome for each in results[-1].finished if isinstance(each.action, Create)] == [outcome] * 2
        assert {1, 2} <= set(held(world)), "their replacements are not known to be usable"
