"""The rows of a difference: what is alike on many servers is one row."""

import pytest
from support.build import NOW, backup, config, days, inventory

from reconcile.actual.inventory import Server
from reconcile.desired.desired import resolve
from reconcile.insight.difference import compare
from reconcile.report.plan.sentences import action_rows

SERVERS = tuple(Server(id=number, name=f"s{number}") for number in range(1, 5))
HELD = inventory(
    *(backup(f"{server.id}{age}", server=server, age=days(age)) for server in SERVERS for age in (1, 2, 3)),
    servers=SERVERS,
)


@pytest.mark.parametrize(
    ("match", "rows"),
    [
        ("s[1-3]", [f"s{server}/nightly#{server}{age}" for server in (1, 2, 3) for age in (3, 2)]),
        ("*", ["nightly on s1, s2, s3 and 1 more: 8 backups"]),
    ],
)
def test_what_is_alike_on_many_servers_is_one_row(match: str, rows: list[str]) -> None:
    before, after = (
        config(f'[fleets.all]\nmatch = "{match}"\nbackups = [{{ description = "nightly", keep = {keep} }}]')
        for keep in (3, 1)
    )

    found = list(action_rows(compare(before, resolve(after, HELD), HELD, NOW).actions, NOW))

    assert [row.name for row in found] == rows
    assert {row.why for row in found} == {"withheld: not kept by last=1"}
