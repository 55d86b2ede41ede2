"""`list` as text and as JSON."""

from datetime import timedelta
from typing import Any

import pytest
from support.build import NOW, WEB, backup, days, inventory
from support.render import shown, value

from reconcile.actual.inventory import Backup, Server
from reconcile.insight.servers import list_backups
from reconcile.report.backups import list_json, list_text

DB = Server(id=2, name="")
HELD = (
    backup(501, "Automatic daily backup", age=days(1), backup_type="automatic", expires_at=NOW + timedelta(days=30)),
    backup(499, age=days(2), status="in_progress"),
    backup("seven", None, server=DB),
)


def text(*held: Backup, width: int = 1000, backup_type: str | None = None) -> list[str]:
    found = list_backups(inventory(*held, servers=(WEB, DB)), backup_type=backup_type)
    return shown(list_text(found, verbose=False), width).splitlines()


def test_a_sum_of_unknown_sizes_is_unknown_and_of_no_backups_zero() -> None:
    unknown = backup(1, size_mb=None)
    found = [list_json(list_backups(inventory(*held))) for held in ((), (unknown,), (unknown, backup(2)))]

    assert [each["size_mb"] for each in found] == [0, None, 1024]
    assert text(unknown)[-2] == "1 backup, size unknown, on 2 servers."


def test_text_has_one_header_and_the_columns_of_all_servers_in_line() -> None:
    assert text(*HELD) == [
        "2 (2): 1 backup, 1.0 GiB",
        "  ID      CREATED           SIZE         TYPE       EXPIRES     DESCRIPTION",
        "  #seven  2026-03-10 12:00  1.0 GiB      manual     never",
        "web (1): 2 backups, 1.0 GiB",
        "  #501    2026-03-09 12:00  1.0 GiB      automatic  2026-04-09  Automatic daily backup",
        "  #499    2026-03-08 12:00  in_progress  manual     never       nightly",
        "",
        "3 backups, 2.0 GiB, on 2 servers.",
        "At https://vps.example/api/v1, times in UTC.",
    ]


def test_text_of_one_type_says_so() -> None:
    assert text(*HELD, backup_type="automatic")[-2] == "1 automatic backup, 1.0 GiB, on 2 servers."


def test_text_of_nothing() -> None:
    assert text() == [
        "2 (2): 0 backups",
        "web (1): 0 backups",
        "",
        "0 backups, on 2 servers.",
        "At https://vps.example/api/v1, times in UTC.",
    ]


def test_what_is_the_same_for_all_is_said_once() -> None:
    assert text(HELD[0], backup(500, "Automatic daily backup", backup_type="automatic"))[1:] == [
        "web (1): 2 backups, 2.0 GiB",
        "  ID    CREATED           SIZE     EXPIRES     DESCRIPTION",
        "  #500  2026-03-10 12:00  1.0 GiB  never       Automatic daily backup",
        "  #501  2026-03-09 12:00  1.0 GiB  2026-04-09  Automatic daily backup",
        "",
        "2 backups, 2.0 GiB, on 2 servers.",
        "Same for all: type automatic. At https://vps.example/api/v1, times in UTC.",
    ]


def test_a_long_description_is_shortened_on_a_narrow_terminal() -> None:
    assert (
        text(*HELD, width=82)[4] == "  #501    2026-03-09 12:00  1.0 GiB      automatic  2026-04-09  Automatic…y backup"
    )


def test_where_there_is_no_room_beside_the_facts_a_description_goes_below_them() -> None:
    long_id = backup("7f9c24e8-3b12-4fef-91e0-3b9c6f1d2a55", "Pre-update backup")

    assert "      Pre-update backup" in text(long_id, HELD[0], width=80)


@pytest.mark.parametrize("backup_type", [None, "manual"])
def test_json_has_every_backup_as_the_service_describes_it_and_the_sums(backup_type: str | None) -> None:
    found = list_backups(inventory(*HELD, servers=(WEB, DB)), backup_type=backup_type)

    read = value(list_json(found, verbose=False))

    assert list(read) == ["format_version", "base_url", "observed_at", "backup_type", "count", "size_mb", "servers"]
    servers: Any = read["servers"]
    nameless, web = servers
    assert (nameless["id"], nameless["name"], nameless["count"]) == (2, "", 1)
    assert [held["id"] for held in web["backups"]] == ([499] if backup_type else [501, 499])
    assert (read["count"], read["size_mb"]) == ((2, 1024) if backup_type else (3, 2048))
    assert web["backups"][-1] == {
        "id": 499,
        "server_id": 1,
        "server_name": "web",
        "description": "nightly",
        "backup_type": "manual",
        "status": "in_progress",
        "size_mb": None,
        "created_at": "2026-03-08T12:00:00Z",
        "expires_at": None,
    }
