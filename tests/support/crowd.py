"""Many servers, of which some hang, some are busy for ever and some are odd."""

from typing import TypeVar

import httpx

from reconcile.sandbox.account import Record
from support.build import config
from support.schedules import item
from support.world import World


class Crowd(World):
    """The backups of some servers never end, and some servers reject every create."""

    hanging: frozenset[int] = frozenset()
    busy: frozenset[int] = frozenset()
    odd: frozenset[int] = frozenset()

    def create(self, server: Record, description: str) -> httpx.Response:
        if server["id"] in self.busy:
            return httpx.Response(409, json={"detail": "The server is busy."})
        answer = super().create(server, description)
        if server["id"] in self.hanging:
            self.account._due.pop()  # noqa: SLF001 - it never ends
        return answer


Kind = TypeVar("Kind", bound=Crowd)


def crowd(number: int, kind: type[Kind], *, backup_seconds: float = 300) -> Kind:
    """Return so many servers with an old backup each; the first tenth of them hangs, is busy or is odd."""
    some = min(10, number // 20)
    hanging, busy, odd = (frozenset(range(first, first + some)) for first in (1, some + 1, 2 * some + 1))
    known: list[Record] = [{"id": each, "name": f"s{each}"} for each in range(1, number + 1)]
    held = [item(each["id"] * 10, each, "nightly", 1.5) for each in known]
    for record in held:
        if record["id"] // 10 in odd:
            record["created_at"] = None
    tables = "[servers.s{0}]\nid = {0}\nbackups = [{{ description = 'nightly', every = '1d', keep = 1 }}]\n"
    file = config("".join(tables.format(each["id"]) for each in known))
    world = kind(config=file, servers=known, backups=held, backup_seconds=backup_seconds)
    world.hanging, world.busy, world.odd = hanging, busy, odd
    return world


def check(world: Crowd) -> None:
    """Check that every server that is sound or odd has its new backup, and every sound one has lost its old one."""
    served = {each["id"] for each in world.servers} - world.hanging - world.busy
    by_kind = {
        kind: {change.record["server"]["id"] for change in world.record if change.what == kind}
        for kind in ("create", "delete")
    }
    assert by_kind["create"] - world.hanging == served
    assert by_kind["delete"] == served - world.odd, "each old backup goes once its replacement is completed"
    (converged,) = world.converged
    assert not converged.is_complete
