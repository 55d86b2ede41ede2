"""Many servers, of which some hang, some are busy for ever and some are odd: all the others are backed up."""

import httpx
import pytest
from support.build import config
from support.schedules import item
from support.world import World

from reconcile.diagnostics import UserError
from reconcile.outcomes import Outcome
from reconcile.plan.model import Create
from reconcile.sandbox.account import Record


class Crowd(World):
    """The backups of some servers never end, and some servers reject every create."""

    hanging: frozenset[int] = frozenset()
    busy: frozenset[int] = frozenset()

    def create(self, server: Record, description: str) -> httpx.Response:
        if server["id"] in self.busy:
            return httpx.Response(409, json={"detail": "The server is busy."})
        answer = super().create(server, description)
        if server["id"] in self.hanging:
            self.account._due.pop()  # noqa: SLF001 - it never ends
        return answer


@pytest.mark.parametrize("number", [60, pytest.param(1000, marks=pytest.mark.all_schedules)])
def test_every_other_server_is_backed_up_with_requests_that_stay_linear(number: int) -> None:
    some = min(10, number // 20)
    hanging, busy, odd = (frozenset(range(first, first + some)) for first in (1, some + 1, 2 * some + 1))
    known: list[Record] = [{"id": each, "name": f"s{each}"} for each in range(1, number + 1)]
    held = [item(each["id"] * 10, each, "nightly", 1.5) for each in known]
    for record in held:
        if record["id"] // 10 in odd:
            record["created_at"] = None
    tables = "[servers.s{0}]\nid = {0}\nbackups = [{{ description = 'nightly', every = '1d', keep = 1 }}]\n"
    world = Crowd(
        config=config("".join(tables.format(each["id"]) for each in known)),
        servers=known,
        backups=held,
        backup_seconds=300,
    )
    world.hanging, world.busy = hanging, busy

    results = world.apply()

    assert not isinstance(results, UserError)
    (result,) = results
    created = {
        int(ended.action.server_id)
        for ended in result.finished
        if isinstance(ended.action, Create) and ended.outcome is Outcome.SUCCEEDED
    }
    assert created == set(range(1, number + 1)) - hanging - busy - odd
    deleted = {change.record["server"]["id"] for change in world.record if change.what == "delete"}
    assert deleted == created, "each old backup goes once its replacement is completed"
    assert not result.is_complete
    assert len(world.requests) < 10 * number + 700, "looking at what hangs until the deadline takes some"
