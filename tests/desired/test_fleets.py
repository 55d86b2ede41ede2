"""Which servers a fleet chooses, and what their keys are."""

from dataclasses import replace

import pytest
from support.build import config, inventory

from reconcile.actual.inventory import Server
from reconcile.desired.desired import Desired, resolve, select
from reconcile.diagnostics import Place, UserError

WEB_1 = Server(id=11, name="web-1", location="us-west", status="active")
WEB_2 = Server(id=12, name="web-2", location="us-east", status="stopped")
WEB_TEST = Server(id=13, name="web-test", location="us-west", status="active")
DB = Server(id=14, name="db", location=None, status=None)
ACCOUNT = (WEB_2, DB, WEB_TEST, WEB_1)
SERIES = "backups = [{ description = 'nightly' }]"


def resolved(text: str, *targets: str, servers: tuple[Server, ...] | None = ACCOUNT) -> Desired:
    seen = inventory(servers=servers)
    return select(resolve(config(text), seen), seen, targets)


def keys(text: str, *targets: str, servers: tuple[Server, ...] = ACCOUNT) -> list[str]:
    return [server.key for server in resolved(text, *targets, servers=servers).servers]


@pytest.mark.parametrize(
    ("fleet", "members"),
    [
        ("match = '*'", ["db", "web-1", "web-2", "web-test"]),
        ("match = 'web-*'", ["web-1", "web-2", "web-test"]),
        ("match = ['web-1', 'd?']", ["db", "web-1"]),
        ("match = 'web-[!t]*'", ["web-1", "web-2"]),
        ("match = 'WEB-*'", []),
        ("match = 'web'", []),
        ("match = '*', exclude = '*-test'", ["db", "web-1", "web-2"]),
        ("match = '*', exclude = ['*-test', 'd*']", ["web-1", "web-2"]),
        ("match = '*', exclude = []", ["db", "web-1", "web-2", "web-test"]),
        ("match = '*', location = 'us-west'", ["web-1", "web-test"]),
        ("match = '*', location = ['us-west', 'us-east']", ["web-1", "web-2", "web-test"]),
        ("match = '*', status = 'active', exclude = '*-test'", ["web-1"]),
    ],
)
def test_a_fleet_chooses_by_name_location_and_status(fleet: str, members: list[str]) -> None:
    assert keys(f"[fleets]\nf = {{ {fleet} }}") == members


def test_members_stand_after_the_tables_fleet_by_fleet_by_name() -> None:
    found = resolved(f"[fleets.z]\nmatch = 'web-*'\n{SERIES}\n[fleets.a]\nmatch = '*'\n[servers.web-2]\nid = 12\n")

    assert [(server.key, server.fleet) for server in found.servers] == [
        ("web-2", None),
        ("web-1", "z"),
        ("web-test", "z"),
        ("db", "a"),
    ]
    assert [len(server.series) for server in found.servers] == [0, 1, 1, 0]
    assert found.declared == {11: "web-1", 12: "web-2", 13: "web-test", 14: "db"}
    assert found.undeclared(inventory(servers=ACCOUNT)) == ()


def test_a_server_with_a_table_of_its_own_is_in_no_fleet_whatever_it_is_called() -> None:
    assert keys("[servers.mine]\nid = 11\nname = 'other'\n[fleets.f]\nmatch = 'web-1'") == ["mine"]


def test_a_table_whose_id_is_right_but_for_its_quotes_keeps_the_server_out_of_fleets() -> None:
    """The pins and the policy in that table are refused until the id is fixed; a fleet's rules must not apply."""
    assert keys("[servers.web-1]\nid = '11'\n[fleets.f]\nmatch = 'web-1'") == ["web-1"]
    assert resolved("[servers.web-1]\nid = '11'\n[fleets.f]\nmatch = 'web-1'").servers[0].fleet is None


def test_a_member_points_at_its_fleet_and_is_never_pruned_by_the_settings() -> None:
    text = "[settings]\nprune = true\n[fleets.f]\nmatch = 'db'\n[fleets.g]\nmatch = 'web-1'\nprune = '30d'"
    db, web = resolved(text).servers

    assert (db.place.path, db.pinned, db.prune) == (("fleets", "f"), (), False)
    assert str(web.prune) == "30d"


ODD = ["a/b", "", " x", "\x1b[31m", "a\nb", "\u202eevil", "🐘", "x" * 300, "x" * 300 + "y", "twin", "twin", "server-4"]


def test_odd_names_get_distinct_keys_and_none_is_left_out() -> None:
    servers = tuple(Server(id=number, name=name) for number, name in enumerate(ODD))

    found = keys("[servers.'🐘']\nid = 99\nname = 'gone'\n[fleets.f]\nmatch = '*'", servers=servers)

    members = found[1:]
    assert len(set(found)) == len(found) == len(ODD) + 1
    assert set(members) == {
        *("server-0", "server-1", "server-2", "server-3", "server-4-2", "server-6", "server-9", "server-10"),
        *("\u202eevil", "x" * 300, "x" * 300 + "y", "server-4"),
    }


def test_a_namesake_that_no_fleet_chooses_leaves_a_key_as_it_is() -> None:
    outside = Server(id=99, name="web-1", location="elsewhere")

    assert keys("[fleets.f]\nmatch = '*'\nlocation = 'us-west'", servers=(*ACCOUNT, outside)) == ["web-1", "web-test"]


@pytest.mark.parametrize(
    ("target", "members"),
    [
        ("fleet:web", ["web-1", "web-2"]),
        ("fleet:*", ["web-1", "web-2", "db"]),
        ("fleet:web/nightly", ["web-1", "web-2"]),
        ("web-1", ["web-1"]),
        ("f*", ["fleeting"]),
        ("fleet:rest/*", ["db"]),
    ],
)
def test_a_target_may_name_a_fleet(target: str, members: list[str]) -> None:
    text = f"[servers.fleeting]\nid = 13\nname = 'web-test'\n[fleets.web]\nmatch = 'web-*'\n{SERIES}\n"

    found = resolved(f"{text}[fleets.rest]\nmatch = '*'\n{SERIES}", target)

    assert [server.key for server in found.servers] == members
    assert {fleet.name for fleet in found.fleets} == {server.fleet for server in found.servers} - {None}
    assert found.empty_fleets == ()


def test_a_target_that_names_no_fleet_is_an_error() -> None:
    with pytest.raises(UserError) as refused:
        resolved("[fleets.web]\nmatch = '*'", "fleet:wbe")

    assert refused.value.diagnostics[0].detail == 'Did you mean "fleet:web"?'


def test_without_a_list_of_servers_nothing_is_resolved() -> None:
    with pytest.raises(UserError, match="the token has no permission to list servers") as refused:
        resolved("[fleets.web]\nmatch = '*'", servers=None)

    assert refused.value.diagnostics[0].place == config("[fleets.web]\nmatch = '*'").fleets[0].place
    assert resolved("[servers.a]\nid = 1", servers=None).undeclared(inventory(servers=None)) is None


class TestAccount:
    TEXT = "[settings]\naccount = 'ops@example.com'\n"

    def test_that_the_files_are_for_is_as_if_they_did_not_say(self) -> None:
        seen = replace(inventory(), account="ops@example.com")

        assert resolve(config(self.TEXT), seen).config.settings.account == "ops@example.com"
        assert resolve(config(""), seen).config.settings.account is None

    @pytest.mark.parametrize(
        ("account", "message"),
        [
            (
                "dev@example.com",
                "the token belongs to 'dev@example.com', but [settings] has account = 'ops@example.com'",
            ),
            (
                "OPS@example.com",
                "the token belongs to 'OPS@example.com', but [settings] has account = 'ops@example.com'",
            ),
            (None, "can't confirm that the token belongs to 'ops@example.com'"),
        ],
    )
    def test_of_another_or_of_nobody_known_is_refused(self, account: str | None, message: str) -> None:
        with pytest.raises(UserError) as refused:
            resolve(config(self.TEXT), replace(inventory(), account=account))

        (problem,) = refused.value.diagnostics
        assert message in problem.summary
        assert problem.place == Place(filename="backups.toml", path=("settings", "account"))
