"""What a restore shows without a usable choice."""

from support.build import WEB, backup, config, days, declare, hours, inventory
from support.render import shown

from reconcile.actual.inventory import Inventory, Server
from reconcile.desired.config import Config
from reconcile.insight.timeline import server_timeline
from reconcile.report.status import points_text

SEEN = inventory(
    backup(1, age=days(4)),
    backup(2, age=hours(3)),
    backup(3, age=hours(1), status="in_progress"),
    backup(4, age=days(9)),
    backup(5, "by hand", age=days(2)),
    backup(6, "Automatic", age=hours(9), backup_type="automatic"),
    backup(7, age=hours(2), server=Server(id=2, name="db")),
)
NIGHTLY = declare('{ description = "nightly", every = "1d", keep = 7 }', server="pinned = [4]")


def points(declared: Config, seen: Inventory = SEEN) -> list[str]:
    found = server_timeline(WEB, declared, seen)
    return shown(points_text(found)).splitlines()


def test_it_shows_each_series_with_its_gaps_its_last_days_and_why_a_backup_is_pinned() -> None:
    lines = points(NIGHTLY)

    assert lines[0] == "web (1)"
    assert lines[1].startswith("nightly healthy: newest 3h old (#2), #3 in progress for 1h, ")
    assert "03-07 to 03-09 missing: the policy would hold 3 there" in lines[1]
    assert lines[2] == f"  last 30 days: {' ' * 20}█    █xxx█"
    first = [line.split()[0] for line in lines[3:]]
    assert first == ["ID", "#3", "#2", "#1", "#4", "by", "#5", "automatic", "#6", "Same"]
    assert lines[7].endswith("nightly (pinned in backups.toml)")
    assert lines[8].startswith("by hand undeclared: newest 2d old, 1 restore point, 1.0 GiB, longest interval 2d (")


def test_without_files_no_backup_is_called_undeclared() -> None:
    assert [line.split(":")[0] for line in points(config("")) if not line.startswith("  ")] == [
        *("web (1)", "nightly", "by hand", "automatic backups"),
        "Same for all",
    ]


def test_a_token_that_cannot_list_servers_changes_nothing() -> None:
    seen = inventory(*SEEN.backups, servers=None)

    assert points(NIGHTLY, seen) == points(NIGHTLY)


def test_a_series_of_a_server_that_has_another_name_is_shown_as_undeclared() -> None:
    lines = points(declare('{ description = "nightly" }', server="name = 'other'"))

    assert [line.split(":")[0] for line in lines if not line.startswith("  ")] == [
        *("web (1)", "by hand", "automatic backups", "nightly"),
        "Same for all",
    ]


def test_a_server_without_a_backup_says_so() -> None:
    assert points(config(""), inventory()) == ["web (1): no backup", "Times in UTC."]
