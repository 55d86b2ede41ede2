"""The file to begin with: every server, a series each, and nothing that exists is deleted under it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.build import NOW, WEB, backup, config, days, inventory, make_plan

from reconcile.actual.inventory import Server
from reconcile.insight.first_file import EXAMPLE, first_file
from reconcile.plan.model import Create
from reconcile.report.toml import first_file_toml

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(["web", "a/b", "server-1", ""])


def test_servers_stand_by_name_under_the_keys_that_import_gives_them() -> None:
    servers = (Server(id=3, name="web"), Server(id="u/2", name="a/b"), Server(id=1, name="db"))

    first = first_file(inventory(servers=servers))

    assert [(key, server.id) for key, server in first.servers.items()] == [("server-u-2", "u/2"), ("db", 1), ("web", 3)]


@pytest.mark.parametrize(
    ("held", "series"),
    [((), "nightly"), (("nightly",), "nightly 2"), (("nightly", "nightly 2"), "nightly 3"), (("Nightly",), "nightly")],
)
def test_the_series_is_one_that_no_backup_belongs_to(held: tuple[str, ...], series: str) -> None:
    seen = inventory(*(backup(number, description) for number, description in enumerate(held)))

    assert first_file(seen).series == series


@given(st.lists(NAMES, max_size=5), st.lists(NAMES | st.sampled_from(["nightly", "nightly 2"]), max_size=4))
def test_a_plan_of_it_makes_one_backup_on_each_server_and_deletes_none(
    names: list[str], descriptions: list[str]
) -> None:
    servers = tuple(Server(id=number, name=name) for number, name in enumerate(names))
    held = [
        backup(number, description, server=servers[number % len(servers)], age=days(number), status=status)
        for number, description in enumerate(descriptions)
        for status in ["failed" if number % 3 else "completed"]
        if servers
    ]
    seen = inventory(*held, servers=servers)

    made = make_plan(config(first_file_toml(first_file(seen)).text), seen)

    assert made.errors == ()
    assert sorted(action.server_id for action in made.actions if isinstance(action, Create)) == sorted(
        server.id for server in servers
    )
    assert len(made.actions) == len(servers)


def test_the_example_is_a_valid_file() -> None:
    (server,) = config(first_file_toml(EXAMPLE).text).servers

    assert (server.key, server.name, server.id) == ("web-server-01", "web-server-01", 12345)


def test_where_servers_cannot_be_listed_those_with_backups_are_declared() -> None:
    first = first_file(inventory(backup(1), servers=None))

    assert (list(first.servers), first.origin and first.origin.held) == (["web"], 1)
    assert first.servers["web"] == WEB
    assert first.origin is not None
    assert first.origin.read_at == NOW
