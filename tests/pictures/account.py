"""The account of the pictures: one server is well, one has missed some nights, and one is in no file."""

from collections.abc import Iterator
from dataclasses import replace

from support.build import backup, config, days, hours, inventory

from reconcile.actual.inventory import Backup, Server

WEB, DB, CACHE = (
    Server(id=id_, name=name) for id_, name in ((12345, "web-server-01"), (12346, "db-server-01"), (12347, "cache-01"))
)
TOML = """
[policies.standard]
every = "1d"
keep = { daily = 14, weekly = 4, monthly = 6 }
[servers.web-server-01]
id = 12345
backups = [{ description = "nightly", policy = "standard" }]
[servers.db-server-01]
id = 12346
backups = [{ description = "nightly", policy = "standard" }, { description = "before the migration" }]
"""
DECLARED = config(TOML)


def _nightly(server: Server, first: int, missing: set[int]) -> Iterator[Backup]:
    for age in (*range(14), 16, 23, 30, 58, 89, 117, 149):
        if age not in missing:
            yield _sized(backup(first - age, "nightly", server=server, age=days(age) + hours(9)))


def _automatic(server: Server, first: int) -> Iterator[Backup]:
    for age in range(7):
        made = days(age) + hours(5)
        yield _sized(backup(first - age, "automatic", server=server, age=made, backup_type="automatic"))


def _sized(made: Backup) -> Backup:
    return replace(made, size_mb=4300 + int(made.id) % 50 * 7)


OBSERVED = inventory(
    *_nightly(WEB, 840, set()),
    *_nightly(DB, 640, {0, 1, 2, 6}),
    backup(638, "nightly", server=DB, age=days(2) + hours(9), status="failed"),
    _sized(backup(602, "before the migration", server=DB, age=days(20))),
    _sized(backup(333, "by hand", server=WEB, age=days(71))),
    *(each for number, server in enumerate((WEB, DB, CACHE), 1) for each in _automatic(server, 1000 * number)),
    servers=(WEB, DB, CACHE),
)
