"""Which server of the account a person means, and what `list` lists: every backup, by server, the newest first."""

import pytest
from support.build import BASE_URL, NOW, WEB, backup, days, inventory

from reconcile.actual.inventory import Server, size_mb
from reconcile.diagnostics import UserError
from reconcile.ids import Id
from reconcile.insight.servers import BackupList, find_server, list_backups, name_or_id

DB, NAMELESS, NUMBER = Server(id=2, name="db"), Server(id="u-3", name=""), Server(id=4, name="2")
SEEN = inventory(servers=(WEB, DB, NAMELESS, Server(id=5, name="twin"), Server(id=6, name="twin")))


def refusal(error: UserError) -> str:
    return f"{error.diagnostics[0].summary}: {error.diagnostics[0].detail}"


class TestFindServer:
    @pytest.mark.parametrize(("wanted", "found"), [("web", WEB), ("2", DB), ("db", DB), ("u-3", NAMELESS)])
    def test_by_its_name_or_its_id(self, wanted: str, found: Server) -> None:
        assert find_server(SEEN.names, wanted) == found

    def test_by_its_backups_where_servers_cannot_be_listed(self) -> None:
        assert find_server(inventory(backup(1), servers=None).names, "web") == WEB

    @pytest.mark.parametrize("wanted", ["web-01", "web-server-01.eu-centrl.example.org", "server-01"])
    def test_that_is_mistyped_is_found_also_without_its_domain(self, wanted: str) -> None:
        names: dict[Id, str] = {number: f"web-server-{number:02}.eu-central.example.org" for number in (1, 5)}

        with pytest.raises(UserError) as refused:
            find_server(names, wanted)

        assert refused.value.diagnostics[0].detail == 'Did you mean "web-server-01.eu-central.example.org"?'

    @pytest.mark.parametrize(
        ("wanted", "message"),
        [
            ("nobody", "the account has no server 'nobody': Its servers: '' (u-3), 'db' (2)"),
            ("wbe", "the account has no server 'wbe': Did you mean \"web\"?"),
            ("", "the account has no server ''"),
            ("twin", "2 servers match 'twin': Use an id: 5, 6"),
        ],
    )
    def test_that_is_not_one_is_refused(self, wanted: str, message: str) -> None:
        with pytest.raises(UserError) as refused:
            find_server(SEEN.names, wanted)

        assert message in refusal(refused.value)

    def test_that_is_called_like_anothers_id_is_refused(self) -> None:
        with pytest.raises(UserError, match="2 servers match '2'"):
            find_server(inventory(servers=(DB, NUMBER)).names, "2")

    def test_of_many_servers_a_few_are_named(self) -> None:
        with pytest.raises(UserError) as refused:
            find_server({number: f"server-{number}" for number in range(30)}, "xyz")

        assert refusal(refused.value).endswith("and 20 more (reconcile list names all).")

    def test_in_an_account_without_servers(self) -> None:
        with pytest.raises(UserError) as refused:
            find_server({}, "web")

        assert "Its servers: none." in refusal(refused.value)


def test_a_server_without_a_name_is_called_by_its_id() -> None:
    assert name_or_id(WEB) == "web"
    assert name_or_id(NAMELESS) == "u-3"
    assert name_or_id(Server(id=7, name="")) == "7"


GONE = Server(id=3, name="gone")
ACCOUNT = inventory(
    backup(1, age=days(3)),
    backup(2, "Automatic daily backup", age=days(1), backup_type="automatic"),
    backup(3, None, age=days(2), status="in_progress"),
    backup(4, server=GONE),
    servers=(WEB, DB),
)


def listed(found: BackupList) -> dict[str, list[object]]:
    return {server.name: [backup.id for backup in backups] for server, backups in found.servers.items()}


def test_all_of_them_by_the_servers_name_the_newest_first_whatever_their_type_and_status() -> None:
    assert listed(list_backups(ACCOUNT)) == {"db": [], "gone": [4], "web": [2, 3, 1]}


def test_of_some_servers() -> None:
    assert listed(list_backups(ACCOUNT, [WEB.id, DB.id])) == {"db": [], "web": [2, 3, 1]}


def test_of_one_type() -> None:
    found = list_backups(ACCOUNT, backup_type="automatic")

    assert listed(found) == {"db": [], "gone": [], "web": [2]}
    assert found.backup_type == "automatic"


def test_it_says_of_which_account_it_is_and_when() -> None:
    found = list_backups(ACCOUNT)

    assert (found.base_url, found.observed_at, found.backup_type) == (BASE_URL, NOW, None)


def test_a_server_has_the_name_that_the_account_lists_whatever_its_backups_say() -> None:
    renamed = Server(id=1, name="www")

    (found,) = list_backups(inventory(backup(1), servers=(renamed,))).servers

    assert found == renamed


def test_servers_of_one_name_are_two() -> None:
    twins = tuple(Server(id=id_, name="twin") for id_ in (10, 9))
    found = list_backups(inventory(backup(1, server=twins[0]), backup(2, server=twins[1]), servers=twins))

    assert [(server.id, [backup.id for backup in backups]) for server, backups in found.servers.items()] == [
        (9, [2]),
        (10, [1]),
    ]


def test_where_servers_cannot_be_listed_those_with_backups_are() -> None:
    assert listed(list_backups(inventory(backup(1), servers=None))) == {"web": [1]}


def test_a_size_that_is_not_known_counts_for_nothing() -> None:
    assert size_mb(list_backups(ACCOUNT).backups) == 3 * 1024
