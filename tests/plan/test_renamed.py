"""A series whose description was changed in the file: the backups with the old one are still its own."""

from dataclasses import replace

import pytest
from support.build import NOW, backup, config, days, declare, hours, inventory, make_plan
from support.build import config as parse
from support.render import value

from reconcile.actual.inventory import Inventory, Server
from reconcile.addresses import Descriptions
from reconcile.desired.desired import resolve
from reconcile.diagnostics import UserError
from reconcile.insight.importing import declare as declare_account
from reconcile.insight.status import status
from reconcile.plan.model import Delete
from reconcile.plan.saved import dump
from reconcile.plan.saved import parse as parse_plan
from reconcile.plan.stale import renewed
from reconcile.report.plan.json import plan_json
from reconcile.report.status import metrics

FILE = declare(
    '{ description = "nightly", every = "1d", keep = 2, renamed_from = "daily" }, { description = "weekly", keep = 1 }',
    settings="prune = true",
)
HELD = (backup(1, "daily", age=days(2)), backup(2, "daily", age=hours(26)), backup(3, "weekly"), backup(4, "by hand"))
SEEN = inventory(*HELD)
PLAN = make_plan(FILE, SEEN)


def test_the_old_ones_count_for_freshness_and_retention_and_only_the_new_one_is_made() -> None:
    (create,) = PLAN.creates

    assert (str(create.address), create.description, create.reason.kind) == ("web/nightly", "nightly", "due")
    assert [str(delete.address) for delete in PLAN.deletes] == ["web/daily#1 (renamed)", "web/by hand#4"]
    assert [str(kept.address) for kept in PLAN.kept] == ["web/daily#2 (renamed)", "web/weekly#3"]


def test_a_failed_one_is_deleted_as_one_of_the_series() -> None:
    plan = make_plan(FILE, inventory(backup(1, "daily", status="failed"), backup(2, "daily"), backup(3, "weekly")))

    assert [(str(delete.address), delete.reason.kind) for delete in plan.deletes] == [
        ("web/daily#1 (renamed)", "failed")
    ]


def test_one_in_progress_puts_the_next_off() -> None:
    held = (backup(1, "daily", age=days(2)), backup(2, "daily", status="in_progress"), backup(3, "weekly"))

    assert not make_plan(FILE, inventory(*held)).creates


def test_the_new_address_is_the_target_and_the_old_one_is_none() -> None:
    plan = make_plan(FILE, SEEN, "web/nightly")

    assert [str(action.address) for action in plan.actions] == ["web/nightly", "web/daily#1 (renamed)"]
    with pytest.raises(UserError, match="a target matches nothing"):
        make_plan(FILE, SEEN, "web/daily")


def test_once_none_is_left_the_plan_says_where_the_line_is_that_can_go() -> None:
    text = '[servers.web]\nid = 1\n[[servers.web.backups]]\ndescription = "nightly"\nrenamed_from = ["old", "daily"]\n'
    declared = parse(text)

    plan = make_plan(declared, inventory(backup(1, "daily"), backup(2)))

    (note,) = plan.warnings
    assert (note.severity, note.summary, note.address) == (
        "warning",
        "no backup has the old description 'old'",
        "web/nightly",
    )
    assert note.spot
    assert (note.spot.start.line, note.spot.start.column) == (5, 17)


def test_with_targets_the_plan_does_not_say_so_since_it_has_not_looked_everywhere() -> None:
    assert make_plan(FILE, inventory(backup(1), backup(3, "weekly")), "web/nightly").warnings == ()


def test_of_a_fleet_the_plan_says_so_once_and_only_when_no_server_of_it_has_one_left() -> None:
    servers = tuple(Server(id=number, name=f"web-{number}") for number in (1, 2, 3))
    declared = config(
        '[fleets.web]\nmatch = "*"\nbackups = [{ description = "nightly", renamed_from = "daily", keep = 1 }]\n'
    )
    new = [backup(server.id, server=server) for server in servers]

    gone = make_plan(declared, inventory(*new, servers=servers))
    left = make_plan(declared, inventory(*new, backup(9, "daily", age=days(1), server=servers[2]), servers=servers))

    assert [warning.summary for warning in gone.warnings] == ["no backup has the old description 'daily'"]
    assert left.warnings == ()


def test_what_is_odd_about_an_old_one_is_said_with_its_address() -> None:
    plan = make_plan(FILE, inventory(backup(1, "daily", status="archiving"), backup(3, "weekly")))

    (warning,) = plan.warnings
    assert (warning.address, warning.summary) == ("web/daily#1 (renamed)", "unknown status 'archiving'")


def test_undeclared_ones_may_go_while_only_an_old_one_is_usable() -> None:
    (server,) = PLAN.servers

    assert server.declared == (Descriptions("nightly", ("daily",)), Descriptions("weekly"))


def test_the_json_names_each_by_its_own_description() -> None:
    changes = value(plan_json(PLAN))["resource_changes"]
    assert isinstance(changes, list)

    assert [change["address"] for change in changes] == [
        'vps_backup.web["nightly"]',
        'vps_backup.web["daily#1"]',
        'vps_backup.web["daily#2"]',
        'vps_backup.web["weekly#3"]',
        'vps_backup.web["by hand#4"]',
    ]


def test_status_and_metrics_count_them_as_the_series_own() -> None:
    found = status(resolve(FILE, SEEN), SEEN, NOW)

    nightly = next(series for series in found.series if series.address.description == "nightly")
    assert [each.id for each in nightly.state.usable] == [1, 2]
    assert [each.id for each in found.undeclared] == [4]
    assert 'reconcile_usable_backups{series="nightly",server="web"} 2.0' in metrics(found)


def test_import_beside_the_file_does_not_report_them_as_undeclared() -> None:
    notes = declare_account(SEEN, NOW, existing=FILE).not_shown

    assert [note.description for note in notes] == ["by hand"]  # type: ignore[union-attr]


class TestSaved:
    OLD = (backup(1, "b", age=days(1)), backup(2, "b"))
    saved = parse_plan(dump(PLAN, "1"), "x")

    def changes(self, seen: Inventory) -> list[str]:
        with pytest.raises(UserError) as stale:
            renewed(self.saved, seen)
        return [*stale.value.diagnostics[0].facts]

    def test_it_holds_as_long_as_the_old_ones_are_as_they_were(self) -> None:
        assert self.saved == PLAN
        assert renewed(self.saved, SEEN) == PLAN

    def test_it_is_stale_once_one_has_come_or_gone(self) -> None:
        assert self.changes(inventory(*HELD[1:])) == ["changed since: web/daily#1 (renamed): gone"]
        assert self.changes(inventory(*HELD, backup(9, "daily"))) == [
            "changed since: web/daily#9 (renamed): new, completed"
        ]

    def test_one_that_was_edited_to_delete_all_the_old_ones_is_refused(self) -> None:
        plan = make_plan(declare('{ description = "a", renamed_from = "b", keep = 1 }'), inventory(*self.OLD))
        (server,) = plan.servers
        (series,) = server.series
        (reason,) = (delete.reason for delete in series.deletes)
        deletes = tuple(Delete(address=kept.address, backup=kept.backup, reason=reason) for kept in series.kept)
        edited = replace(series, deletes=(*series.deletes, *deletes), kept=())

        with pytest.raises(UserError) as refused:
            renewed(replace(plan, servers=(replace(server, series=(edited,)),)), inventory(*self.OLD), allowed=9)

        assert refused.value.diagnostics[0].facts == ("web/a: all 2 usable backups would be deleted",)


class TestGlobs:
    FILE = declare(
        '{ description = "nightly", every = "1d", keep = 2, renamed_from = "auto-*" },'
        '{ description = "auto-weekly", keep = 1 }, { description = "yearly", renamed_from = "auto-yearly" }',
        settings="prune = true",
    )
    HELD = (
        backup(1, "auto-2026-11-20", age=days(3)),
        backup(2, "auto-2026-11-21", age=days(2)),
        backup(3, "auto-2026-11-22", age=hours(26)),
        backup(4, "auto-weekly"),
        backup(5, "auto-yearly"),
    )

    def test_dated_names_of_a_script_become_one_series_and_a_declared_name_is_not_taken(self) -> None:
        plan = make_plan(self.FILE, inventory(*self.HELD))

        (create,) = plan.creates
        assert create.description == "nightly"
        assert [str(delete.address) for delete in plan.deletes] == [
            "web/auto-2026-11-20#1 (renamed)",
            "web/auto-2026-11-21#2 (renamed)",
        ]
        assert [str(kept.address) for kept in plan.kept] == [
            "web/auto-2026-11-22#3 (renamed)",
            "web/auto-weekly#4",
            "web/auto-yearly#5 (renamed)",
        ]
        assert not plan.unmanaged
        assert not plan.warnings

    def test_what_ignore_matches_is_not_taken(self) -> None:
        file = declare(
            '{ description = "nightly", keep = 1, renamed_from = "auto-*" }', settings='prune = true\nignore = "*-20"'
        )

        plan = make_plan(file, inventory(*self.HELD[:3]))

        assert [str(delete.address) for delete in plan.deletes] == ["web/auto-2026-11-21#2 (renamed)"]
        assert [each.backup.id for each in plan.ignored] == [1]

    def test_once_nothing_matches_the_plan_says_so(self) -> None:
        plan = make_plan(self.FILE, inventory(*self.HELD[3:]))

        assert [warning.summary for warning in plan.warnings] == ["no backup matches the old description 'auto-*'"]

    def test_a_backup_that_two_series_match_is_an_error_and_only_that_server_waits(self) -> None:
        file = declare('{ description = "a", renamed_from = "x*" }, { description = "b", renamed_from = "*y" }')

        plan = make_plan(file, inventory(backup(1, "xy"), backup(2, "xz")))

        assert [error.summary for error in plan.errors] == ["'xy' matches renamed_from of both 'a' and 'b'"]
        assert not plan.servers
        assert not make_plan(file, inventory(backup(2, "xz"), backup(3, "zy"))).errors

    def test_a_saved_plan_is_stale_once_another_one_matches(self) -> None:
        plan = parse_plan(dump(make_plan(self.FILE, inventory(*self.HELD)), "1"), "x")

        with pytest.raises(UserError) as stale:
            renewed(plan, inventory(*self.HELD, backup(9, "auto-2026-11-23")))

        assert [*stale.value.diagnostics[0].facts] == ["changed since: web/auto-2026-11-23#9 (renamed): new, completed"]


def test_a_glob_that_matches_the_present_description_hides_no_name_that_can_be_removed() -> None:
    declared = declare('{ description = "weekly", renamed_from = ["by hand", "gone", "*ly"] }')

    plan = make_plan(declared, inventory(backup(1, "weekly")))

    assert [warning.summary for warning in plan.warnings] == [
        "no backup has the old description 'by hand'",
        "no backup has the old description 'gone'",
        "no backup matches the old description '*ly'",
    ]
