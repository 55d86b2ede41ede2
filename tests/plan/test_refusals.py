"""What is not planned: a clock that is off stops everything, a server that does not fit stops only itself."""

import pytest
from support.build import WEB, backup, config, declare, inventory, make_plan

from reconcile.actual.inventory import Server

DB = Server(id=2, name="db")
NIGHTLY = declare('{ description = "nightly" }')
TWO = config(
    '[servers.web]\nid = 1\nbackups = [{ description = "nightly" }]\n'
    '[servers.db]\nid = 2\npinned = [7]\nbackups = [{ description = "nightly" }]\n'
)


class TestAServerThatDoesNotFit:
    @pytest.mark.parametrize(
        ("servers", "summary", "advice", "key"),
        [
            (
                (WEB,),
                "the account has no server with the id 2",
                "remove the table if the server no longer exists",
                "id",
            ),
            (
                (WEB, Server(id=3, name="db")),
                "the account has no server with the id 2",
                "The server named 'db' has the id 3.",
                "id",
            ),
            (
                (WEB, Server(id="2", name="db")),
                "the account has no server with the id 2",
                "Write id = '2'.",
                "id",
            ),
            (
                (WEB, Server(id=2, name="db-old")),
                "server 2 is named 'db-old' in the account, not 'db'",
                "If it was renamed, write name = 'db-old'",
                "id",
            ),
        ],
    )
    def test_is_left_out_with_an_error_at_its_place_and_the_rest_is_planned(
        self, servers: tuple[Server, ...], summary: str, advice: str, key: str
    ) -> None:
        plan = make_plan(TWO, inventory(servers=servers))

        (error,) = plan.errors
        assert (error.severity, error.address, error.summary) == ("error", "db", summary)
        assert advice in error.detail
        assert error.place == TWO.servers[1].place.at(key)
        assert [str(action.address) for action in plan.actions] == ["web/nightly"]
        assert [server.key for server in plan.servers] == ["web"]

    def test_by_a_pin_of_another_type_too(self) -> None:
        held = backup("7", server=DB)

        (error,) = make_plan(TWO, inventory(held, servers=(WEB, DB))).errors

        assert error.summary == "there is no backup 7 to pin, only '7'"
        assert "Write '7' in pinned." in error.detail
        assert error.place == TWO.servers[1].place.at("pinned", 0)

    def test_is_one_error_each(self) -> None:
        assert len(make_plan(TWO, inventory(servers=())).errors) == 2

    def test_is_known_by_its_backups_where_servers_cannot_be_listed(self) -> None:
        renamed = backup(1, server=Server(id=1, name="www"))

        (error,) = make_plan(NIGHTLY, inventory(renamed, servers=None)).errors

        assert error.summary == "server 1 is named 'www' in the account, not 'web'"


def test_what_cannot_be_checked_is_a_warning() -> None:
    plan = make_plan(TWO, inventory(backup(1), servers=None))

    assert [str(create.address) for create in plan.creates] == ["db/nightly"]
    assert "Not checked, because there is no backup: db." in plan.warnings[0].detail


def test_a_pin_that_the_account_lacks_is_a_warning_at_its_place() -> None:
    (warning,) = make_plan(TWO, inventory(servers=(WEB, DB))).warnings

    assert (warning.severity, warning.summary) == ("warning", "pinned backup 7 does not exist")
    assert warning.place == TWO.servers[1].place.at("pinned", 0)
