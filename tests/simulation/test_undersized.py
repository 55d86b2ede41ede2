"""Empty backups, as the whole program meets them: they replace nothing, and the new one must not be one."""

import httpx
from support.build import config
from support.schedules import DB, item
from support.world import Handler, World

from reconcile.diagnostics import UserError
from reconcile.outcomes import Outcome
from reconcile.plan.reasons import Veto

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
