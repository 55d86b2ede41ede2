"""What an import declares, and what it says about the rest."""

from typing import Any

import pytest
from support.build import NOW, WEB, backup, config, days, declare, inventory, make_plan

from reconcile.actual.inventory import Backup, Inventory, Server
from reconcile.diagnostics import UserError
from reconcile.insight.importing import MANY, FailedPinned, LeftUnmanaged, NotDeclared
from reconcile.insight.importing import declare as import_
from reconcile.report.toml import declaration_toml

DB = Server(id=2, name="db")


def tables(seen: Inventory, *only: str) -> dict[str, Any]:
    servers: dict[str, Any] = import_(seen, NOW, only=only).document.get("servers", {})
    return servers


def test_a_series_keeps_as_many_as_it_has() -> None:
    held = (backup(1), backup(2, age=days(1)), backup(3, "weekly"), backup(4, status="archiving", age=days(9)))

    assert tables(inventory(*held)) == {
        "web": {"id": 1, "backups": [{"description": "nightly", "keep": 3}, {"description": "weekly"}]}
    }


def test_a_server_without_backups_is_declared_empty() -> None:
    assert tables(inventory()) == {"web": {"id": 1, "backups": []}}


def test_nothing_is_an_empty_document() -> None:
    assert import_(inventory(servers=()), NOW).document == {}


def test_failed_ones_are_pinned_and_do_not_count() -> None:
    failed = backup(2, status="failed")
    declaration = import_(inventory(backup(1), failed), NOW)

    assert declaration.document["servers"]["web"] == {
        "id": 1,
        "pinned": [2],
        "backups": [{"description": "nightly"}],
    }
    assert declaration.not_shown == (FailedPinned(key="web", backup=failed),)


@pytest.mark.parametrize(
    ("held", "problem"),
    [
        (backup(1, None), "is empty"),
        (backup(1, " x"), "starts or ends with white space"),
        (backup(1, "a\nb"), "has control characters"),
        (backup(1, status="failed"), None),
        (backup(1, age=days(9), status="queued"), None),
        (backup(1, age=-days(9)), None),
    ],
)
def test_what_can_be_in_no_series_is_left_and_never_pruned(held: Backup, problem: str | None) -> None:
    declaration = import_(inventory(held), NOW)

    assert declaration.document["servers"]["web"] == {"id": 1, "prune": False, "backups": []}
    assert declaration.not_shown == (LeftUnmanaged(key="web", backup=held, unclean=problem),)


class TestKeys:
    @pytest.mark.parametrize(
        ("servers", "keys"),
        [
            ((WEB, DB), ["db", "web"]),
            ((Server(id=1, name="twin"), Server(id=2, name="twin")), ["server-1", "server-2"]),
            ((Server(id=1, name="a/b"), Server(id="x/y z", name="")), ["server-x-y-z", "server-1"]),
            ((Server(id=1, name="a/b"), Server(id=2, name="server-1")), ["server-1-2", "server-1"]),
            ((Server(id="a/b", name=""), Server(id="a-b", name="")), ["server-a-b", "server-a-b-2"]),
        ],
    )
    def test_are_names_or_else_ids(self, servers: tuple[Server, ...], keys: list[str]) -> None:
        assert sorted(tables(inventory(servers=servers))) == sorted(keys)

    def test_that_are_not_names_say_the_name(self) -> None:
        assert tables(inventory(servers=(Server(id=1, name="a/b"),)))["server-1"]["name"] == "a/b"

    def test_of_another_file_are_taken(self) -> None:
        existing = config("[servers.web]\nname = 'www'\nid = 9\n")

        declaration = import_(inventory(), NOW, existing=existing)

        assert declaration.document["servers"] == {"server-1": {"id": 1, "name": "web", "backups": []}}


class TestOnly:
    SEEN = inventory(servers=(WEB, DB))

    @pytest.mark.parametrize("only", [("db",), ("2",), ("db", "2")])
    def test_servers_by_name_or_id(self, only: tuple[str, ...]) -> None:
        assert list(tables(self.SEEN, *only)) == ["db"]

    def test_a_server_that_the_account_has(self) -> None:
        with pytest.raises(UserError, match="the account has no server 'nobody'") as refused:
            tables(self.SEEN, "nobody")
        assert refused.value.diagnostics[0].detail.startswith("Its servers: ")


class TestBesideAFile:
    EXISTING = declare('{ description = "nightly" }', settings="prune = true")
    SEEN = inventory(backup(1), backup(2, "x"), backup(3, "x"), backup(4, "y", server=DB), servers=(WEB, DB))

    def test_only_other_servers_are_declared_and_what_is_missing_is_noted(self) -> None:
        declaration = import_(self.SEEN, NOW, existing=self.EXISTING)

        assert list(declaration.document["servers"]) == ["db"]
        (note,) = declaration.not_shown
        assert isinstance(note, NotDeclared)
        assert (note.key, note.description, note.count) == ("web", "x", 2)
        assert note.filename.endswith("backups.toml")


def test_servers_that_hold_the_same_series_suggest_a_fleet_that_keeps_as_many_as_any_of_them() -> None:
    servers = tuple(Server(id=10 + number, name="web" + "-2" * number) for number in range(MANY))
    held = [backup(number, server=server) for number, server in enumerate(servers)]
    held += [backup(100 + number, age=days(number), server=servers[0]) for number in (1, 2)]
    held += [backup(200 + number, "once", server=server) for number, server in enumerate(servers)]

    (fleet,) = import_(inventory(*held, servers=(*servers, DB)), NOW).fleets

    backups = [{"description": "nightly", "keep": 3}, {"description": "once"}]
    assert fleet == {"fleets": {"nightly": {"match": "web*", "backups": backups}}}


def test_plan_on_what_is_imported_says_no_changes_and_the_file_is_valid() -> None:
    held = (
        backup(1),
        backup(2, age=days(1), status="failed"),
        backup(3, "weekly", age=days(30)),
        backup(4, "\x1b[31m"),
        backup(5, "gone", status="error"),
        backup(6, "y", server=Server(id="u/1", name="")),
    )
    seen = inventory(*held, servers=(WEB, Server(id="u/1", name="")))

    declared = config(declaration_toml(import_(seen, NOW)).text)

    plan = make_plan(declared, seen)
    assert (plan.actions, plan.errors, plan.warnings) == ((), (), ())
