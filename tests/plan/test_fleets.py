"""What a plan says of fleets: whose member each server is, which choose nobody, and who is in none."""

import pytest
from support.build import WEB, config, inventory, make_plan

from reconcile.actual.inventory import Server
from reconcile.diagnostics import Diagnostic

WEB_2, DB = Server(id=2, name="web-2"), Server(id=3, name="db")
TABLE = "[servers.web]\nid = 1\nbackups = [{ description = 'nightly' }]\n"
FLEET = "[fleets.web]\nmatch = 'web*'\nbackups = [{ description = 'nightly' }]\n"


def test_each_server_is_planned_with_the_fleet_that_it_is_in() -> None:
    plan = make_plan(config(f"{TABLE}{FLEET}"), inventory(servers=(WEB, WEB_2, DB)))

    assert plan.fleets == ("web",)
    assert [(server.key, server.fleet) for server in plan.servers] == [("web", None), ("web-2", "web")]


@pytest.mark.parametrize(
    ("match", "detail"),
    [
        ("web*", "It matches 1, but each of those has its own table or belongs to an earlier fleet."),
        ("app*", "Correct the fleet, or remove it."),
    ],
)
def test_a_fleet_that_chooses_no_server_is_a_warning_at_its_place(match: str, detail: str) -> None:
    declared = config(f"{TABLE}{FLEET.replace('web*', match)}")

    (warning,) = make_plan(declared, inventory(servers=(WEB, DB))).warnings

    assert (warning.severity, warning.summary) == ("warning", "fleet 'web' matches no server")
    assert (warning.detail, warning.place) == (detail, declared.fleets[0].place)


class TestAllServers:
    DECLARED = config(f"[require]\nall_servers = true\n{TABLE}")

    def errors(self, *others: Server, targets: tuple[str, ...] = ()) -> list[Diagnostic]:
        return list(make_plan(self.DECLARED, inventory(servers=(WEB, *others)), *targets).errors)

    def test_that_nothing_declares_are_named_at_the_place_of_the_rule(self) -> None:
        (one,) = self.errors(DB)
        (two,) = self.errors(WEB_2, DB)

        assert one.summary == "1 server in the account is not declared"
        assert two.summary == "2 servers in the account are not declared"
        assert two.detail.startswith("'db' (3), 'web-2' (2). Add a table or a fleet for each.")
        assert two.place
        assert two.place.path == ("require", "all_servers")

    def test_are_many_so_that_only_the_first_are_named(self) -> None:
        (error,) = self.errors(*(Server(id=number, name=f"s{number:04}") for number in range(2, 1204)))

        assert error.summary == "1,202 servers in the account are not declared"
        assert "'s0002' (2), 's0003' (3), " in error.detail
        named = error.detail.count("(") - 1
        assert f" and {1202 - named:,} more (reconcile status -v names all)." in error.detail

    def test_cannot_be_checked_by_a_token_that_may_not_list_them(self) -> None:
        (error,) = make_plan(self.DECLARED, inventory(servers=None)).errors

        assert error.summary == "can't check all_servers: the token has no permission to list servers"
        assert error.place
        assert error.place.path == ("require", "all_servers")

    def test_is_satisfied_by_a_table_or_a_fleet_for_each_and_not_asked_with_targets(self) -> None:
        assert self.errors() == []
        assert self.errors(DB, targets=("web",)) == []
