"""What `list` lists: every backup, by server, the newest first."""

from support.build import BASE_URL, NOW, WEB, backup, days, inventory

from reconcile.actual.inventory import Server, size_mb
from reconcile.insight.listing import BackupList, list_backups

DB, GONE = Server(id=2, name="db"), Server(id=3, name="gone")
SEEN = inventory(
    backup(1, age=days(3)),
    backup(2, "Automatic daily backup", age=days(1), backup_type="automatic"),
    backup(3, None, age=days(2), status="in_progress"),
    backup(4, server=GONE),
    servers=(WEB, DB),
)


def listed(found: BackupList) -> dict[str, list[object]]:
    return {server.server.name: [backup.id for backup in server.backups] for server in found.servers}


def test_all_of_them_by_the_servers_name_the_newest_first_whatever_their_type_and_status() -> None:
    assert listed(list_backups(SEEN)) == {"db": [], "gone": [4], "web": [2, 3, 1]}


def test_of_some_servers() -> None:
    assert listed(list_backups(SEEN, [WEB.id, DB.id])) == {"db": [], "web": [2, 3, 1]}


def test_of_one_type() -> None:
    found = list_backups(SEEN, backup_type="automatic")

    assert listed(found) == {"db": [], "gone": [], "web": [2]}
    assert found.backup_type == "automatic"


def test_it_says_of_which_account_it_is_and_when() -> None:
    found = list_backups(SEEN)

    assert (found.base_url, found.observed_at, found.backup_type) == (BASE_URL, NOW, None)


def test_a_server_has_the_name_that_the_account_lists_whatever_its_backups_say() -> None:
    renamed = Server(id=1, name="www")

    (found,) = list_backups(inventory(backup(1), servers=(renamed,))).servers

    assert found.server == renamed


def test_servers_of_one_name_are_two() -> None:
    twins = tuple(Server(id=id_, name="twin") for id_ in (10, 9))
    found = list_backups(inventory(backup(1, server=twins[0]), backup(2, server=twins[1]), servers=twins))

    assert [(server.server.id, [backup.id for backup in server.backups]) for server in found.servers] == [
        (9, [2]),
        (10, [1]),
    ]


def test_where_servers_cannot_be_listed_those_with_backups_are() -> None:
    assert listed(list_backups(inventory(backup(1), servers=None))) == {"web": [1]}


def test_a_size_that_is_not_known_counts_for_nothing() -> None:
    assert size_mb(list_backups(SEEN).backups) == 3 * 1024
