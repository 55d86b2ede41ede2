"""Services that are not broken and still dangerous, and plans that could lose a server's last backup on them."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import httpx

from reconcile.sandbox.account import Record
from support.build import NOW, config
from support.faults import BY_NAME, CRASHES
from support.schedules import Schedule, item, kinds_for
from support.world import Crash, World

WEB, DB = {"id": 1, "name": "web"}, {"id": 2, "name": "db"}
OLD, NIGHTLY = 10, 20


# --- services ---


class Refusing(World):
    """The token may not create."""

    def create(self, server: Record, description: str) -> httpx.Response:  # noqa: ARG002 - the world's signature
        return httpx.Response(403, json={"detail": "You do not have permission to perform this action."})


class Failing(World):
    """Every backup fails in the end."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.account.fails = lambda: True


class Deduplicating(World):
    """A create is answered with the newest backup of the server, where there is one."""

    def create(self, server: Record, description: str) -> httpx.Response:
        listed = self.account.list_backups(str(server["id"]))
        held = [backup for backup in listed if backup["status"] == "completed"]
        return (
            httpx.Response(201, json={**held[0], "description": description})
            if held
            else super().create(server, description)
        )


class Misdating(World):
    """New backups are dated two hours ahead."""

    ahead = timedelta(hours=2)

    def create(self, server: Record, description: str) -> httpx.Response:
        answer = super().create(server, description)
        self.account.backups[-1]["created_at"] = (self.now() + self.ahead).isoformat()
        return answer


class Backdating(Misdating):
    """New backups are dated two hours ago."""

    ahead = -timedelta(hours=2)


class Undating(World):
    """The list shows new backups without a date: for ever, or until they are completed."""

    is_for_ever = True

    def handle(self, request: httpx.Request) -> httpx.Response:
        for backup in self.account.list_backups():
            if backup["id"] > 500 and backup["status"] == "completed" and not self.is_for_ever:
                backup["created_at"] = NOW.isoformat()
            elif backup["id"] > 500:
                backup["created_at"] = None
        return super().handle(request)


class Trimming(World):
    """The answer echoes the description that was sent, the list shows it cut."""

    def create(self, server: Record, description: str) -> httpx.Response:
        answer = super().create(server, description)
        self.account.backups[-1]["description"] = description[:2]
        return answer


class Renaming(World):
    """Backups that are completed have a status that is not documented."""

    def handle(self, request: httpx.Request) -> httpx.Response:
        for backup in self.account.list_backups():
            if backup["id"] > 500 and backup["status"] == "completed":
                backup["status"] = "available"
        return super().handle(request)


SERVICES: dict[str, type[World]] = {
    "sound": World,
    "refusing": Refusing,
    "failing": Failing,
    "deduplicating": Deduplicating,
    "misdating": Misdating,
    "trimming": Trimming,
    "renaming": Renaming,
}


# --- plans ---

FILES = {
    # A rename in effect: the old description is pruned while the new one is made.
    "rename": "[settings]\nprune = true\n[servers.web]\nid = 1\nbackups = [{ description = 'new' }]\n",
    # One comes and one goes.
    "rotation": "[servers.web]\nid = 1\nbackups = [{ description = 'nightly', every = '1d', keep = 1 }]\n",
    # Two servers: what is made on one must not be counted on to let the last backup of the other go.
    "move": (
        "[settings]\nprune = true\n"
        "[servers.web]\nid = 1\nbackups = []\n"
        "[servers.db]\nid = 2\nbackups = [{ description = 'new' }]\n"
    ),
}
HELD: dict[str, list[Record]] = {
    "rename": [item(OLD, WEB, "old", 3)],
    "rotation": [item(NIGHTLY, WEB, "nightly", 2)],
    "move": [item(OLD, WEB, "old", 3)],
}
CONFIGS = {name: config(text) for name, text in FILES.items()}


def dangerous_world(
    service: str | type[World],
    file: str,
    **changes: Any,  # noqa: ANN401 - a field of World each
) -> World:
    backups = [{**backup, "server": dict(backup["server"])} for backup in HELD[file]]
    kind = SERVICES[service] if isinstance(service, str) else service
    return kind(config=CONFIGS[file], servers=[dict(WEB), dict(DB)], backups=backups, **changes)


def usable(world: World, file: str) -> dict[object, int]:
    """Return how many backups of each server can be restored from, misdated and renamed ones left out.

    Of all servers together, where the file itself says that one of them is to be left with nothing.
    """
    counts: dict[object, int] = {}
    for backup in world.account.list_backups(backup_type="manual"):
        is_dated_now = datetime.fromisoformat(backup["created_at"]) <= world.now() + timedelta(minutes=10)
        server = "all" if file == "move" else backup["server"]["id"]
        counts[server] = counts.get(server, 0) + (backup["status"] == "completed" and is_dated_now)
    return counts


def run(service: str, file: str, schedule: Schedule = (), **options: Any) -> World:  # noqa: ANN401 - as `World.apply`
    """Apply twice, the first time under the faults of the schedule; check that no server was left without a backup."""
    world = dangerous_world(service, file, faults={number: BY_NAME[kind] for number, kind in schedule})
    had = usable(world, file)
    for _ in range(2):
        with suppress(Crash):
            world.apply(**options)
        world.faults = {}
        world.wait(25)
        left = usable(world, file)
        emptied = [server for server, count in had.items() if count and not left.get(server)]
        assert not emptied, f"server {emptied} had a usable backup, and has none: {world.requests}"
    return world


DISTINCT = {
    "GET": ("lost_before", "limited", "slow", "refused", "shortened", "crash_before"),
    "POST": ("lost_before", "lost_after", "limited", "hidden_and_lost", "crash_before", "crash_after"),
    "DELETE": ("lost_before", "lost_after", "refused", "crash_after"),
}
"""Of each kind of fault that looks the same to a client, one: pairs are made of these."""

_FIRST, _LAST = 10, 4
"""A long wait is many looks that are all the same: faults happen to so many requests at its ends."""


def schedules(service: str, file: str, *, distinct: bool = False) -> Iterator[Schedule]:
    """Return every single fault and crash in an apply to this service, or one of each distinct kind."""
    world = dangerous_world(service, file)
    world.apply()
    for number, request in _ends(world.requests):
        method = request.partition(" ")[0]
        for kind in DISTINCT[method] if distinct else (*kinds_for(request), *CRASHES):
            yield ((number, kind),)


def pairs(service: str, file: str, first: Schedule) -> Iterator[Schedule]:
    """Return the first fault together with every distinct one that may come after it."""
    world = dangerous_world(service, file, faults={number: BY_NAME[kind] for number, kind in first})
    try:
        world.apply()
    except Crash:
        return
    ((start, _),) = first
    for number, request in _ends(world.requests):
        for kind in DISTINCT[request.partition(" ")[0]] if number > start else ():
            yield (*first, (number, kind))


def _ends(requests: list[str]) -> list[tuple[int, str]]:
    numbered = list(enumerate(requests))
    return numbered if len(numbered) <= _FIRST + _LAST else [*numbered[:_FIRST], *numbered[-_LAST:]]
