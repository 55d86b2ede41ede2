"""The health of every series: for eyes, for a monitoring job, for programs, and for Prometheus."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.build import NOW, WEB, backup, config, days, declare, hours, inventory
from support.render import shown, value

from reconcile.actual.inventory import Inventory, Server
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve
from reconcile.desired.locate import Source
from reconcile.insight.status import Status, status
from reconcile.report.status import check_text, metrics, status_json, status_text
from reconcile.report.status.pages import status_markdown
from reconcile.report.terminal import Screen, printed

NIGHTLY = declare('{ description = "nightly", every = "1d", keep = { last = 3, daily = 7 } }')
FRESH = inventory(backup(1, age=hours(2)))
COMING = backup(12, age=timedelta(minutes=3), status="in_progress")
NO_DAY, TODAY = " " * 30, " " * 29 + "█"
LEGEND = "Last 30 days: █ held, x missed, · none needed (thinned, or not due)."
ONE, ODD = "1 usable (keep last=1), 1.0 GiB", "1 misdated (#3), unknown status: #2 'archiving'"
OTHER = Server(id=9, name="other")
BAD_WEEK_DECLARED = config(
    "[servers.web]\nid = 1\nbackups = [\n"
    '{ description = "fine", every = "1d", keep = 1 },\n'
    '{ description = "stalled", keep = 1 },\n'
    '{ description = "failed", keep = 1 },\n'
    '{ description = "overdue", every = "1d", keep = 1 },\n'
    '{ description = "empty", keep = 1 },\n'
    '{ description = "first", keep = 1 },\n'
    "]\n[servers.gone]\nid = 7\n"
)
BAD_WEEK_SEEN = inventory(
    backup(1, "fine", age=hours(3)),
    backup(2, "fine", status="archiving"),
    backup(3, "fine", age=-days(1)),
    backup(10, "stalled"),
    backup(11, "stalled", age=days(2), status="queued"),
    backup(20, "failed"),
    *(backup(20 + number, "failed", status="failed", age=-timedelta(seconds=number)) for number in range(1, 5)),
    backup(30, "overdue", age=days(3)),
    backup(31, "overdue", age=hours(1), status="in_progress"),
    backup(40, "first", age=timedelta(minutes=3), status="in_progress"),
    backup(50, "by hand", age=days(1)),
    servers=(WEB, OTHER),
)
BAD_WEEK = status(resolve(BAD_WEEK_DECLARED, BAD_WEEK_SEEN), BAD_WEEK_SEEN, NOW)


RULES = config(
    '[require]\nall_servers = true\nretention = "7d"\nmin_age = "3d"\n'
    '[servers.web]\nid = 1\nbackups = [{ description = "a", every = "1d", keep = 3 }]\n'
    '[servers.db]\nid = 2\nbackups = [{ description = "a", every = "1d", keep = 30 }]\n'
)
RULED = inventory(servers=(WEB, Server(id=2, name="db"), OTHER))
REACHES = "the backups of server 'web' reach back only 2d; [require] retention needs 7d"


def of(declared: Config, seen: Inventory) -> Status:
    return status(resolve(declared, seen), seen, NOW)


class TestText:
    def lines(self, found: Status, *, verbose: bool = False, width: int = 1000) -> list[str]:
        return shown(status_text(found, verbose=verbose), width).splitlines()

    def test_what_needs_a_person_comes_first(self) -> None:
        assert self.lines(BAD_WEEK) == [
            f"EMPTY        web/empty    {NO_DAY}  no usable backup, due now",
            f"EMPTY        web/first    {NO_DAY}  no usable backup yet, #40 in progress for 3min",
            f"OVERDUE      web/overdue  {' ' * 26}█xx·  newest 3d old (#30), #31 in progress for 1h, due in 6h, {ONE}",
            f"FAILED       web/failed   {TODAY}  newest 0s old (#20), {ONE}, 4 failed (… #22 #23 #24)",
            f"STALLED      web/stalled  {TODAY}  newest 0s old (#10), {ONE}, 1 stalled (#11)",
            f"UNPROTECTED  other (9)    {' ' * 30}  not declared in any file",
            f"healthy      web/fine     {TODAY}  newest 3h old (#1), due in 6h, {ONE}, {ODD}",
            LEGEND,
            "1 undeclared backup, 1.0 GiB (-v lists them)",
            "1 of 6 series healthy, 1 server unprotected, 1 error.",
        ]

    def test_undeclared_ones_are_named_if_asked_for(self) -> None:
        lines = self.lines(BAD_WEEK, verbose=True)

        assert lines[-3:-1] == ["1 undeclared backup, 1.0 GiB", "  web/by hand#50, 1.0 GiB"]

    def test_all_is_well(self) -> None:
        facts = "newest 2h old (#1), due in 6h, complete from 2026-03-16, 1 usable (keep last=3 daily=7), 1.0 GiB"

        assert self.lines(of(NIGHTLY, FRESH)) == [
            f"healthy  web/nightly  {TODAY}  {facts}",
            LEGEND,
            "1 of 1 series healthy, 0 servers unprotected.",
        ]

    def test_a_file_without_series_watches_over_nothing(self) -> None:
        assert self.lines(of(declare(""), inventory())) == [
            "Nothing is protected: no series is declared.",
            "0 of 0 series healthy, 0 servers unprotected.",
        ]

    def test_what_could_not_be_checked_is_said_and_not_counted(self) -> None:
        lines = self.lines(of(NIGHTLY, inventory(backup(1), servers=None)))

        assert any(line.startswith("warning: server names") for line in lines)
        assert lines[-1] == "1 of 1 series healthy."

    def test_each_day_shows_what_is_held_thinned_and_missed_and_each_gap_is_a_notice(self) -> None:
        held = [backup(day, age=days(day)) for day in (*range(6), 9, 16, 23) if day not in {3, 4}]
        declared = declare('{ description = "nightly", every = "1d", keep = { daily = 7, weekly = 4 } }')
        found = of(declared, inventory(*held))

        lines = self.lines(found, width=200)

        assert lines[0].startswith(f"GAP      web/nightly  {' ' * 30}  03-04 missing: the policy would hold 1 there")
        assert lines[1].startswith("GAP      web/nightly  ")
        assert "03-06 to 03-07 missing: the policy would hold 2 there" in lines[1]
        assert lines[2].startswith(
            f"healthy  web/nightly  {' ' * 6}█{'·' * 6}█{'·' * 6}█··x█xx███  newest 0s old (#0), "
        )
        assert found.is_healthy

    def test_many_gaps_are_counted_and_listed_only_if_asked_for(self) -> None:
        held = [backup(day, age=days(day)) for day in range(0, 50, 2)]
        found = of(declare('{ description = "nightly", every = "1d", keep = 99 }'), inventory(*held))

        assert "24 gaps (-v lists them)" in self.lines(found)
        assert len([line for line in self.lines(found, verbose=True) if line.startswith("GAP ")]) == 24

    @pytest.mark.parametrize("width", [50, 200])
    def test_where_the_stream_has_only_ascii_the_days_are_still_to_be_read(self, width: int) -> None:
        lines = status_text(of(NIGHTLY, FRESH), verbose=False).lines
        shown = "".join(text for line in lines for text, _ in printed(line, Screen(width, ascii_only=True)))

        assert f"{' ' * 29}#" in shown
        assert "# held, x missed, . none needed" in shown
        assert shown.isascii()

    @pytest.mark.parametrize("verbose", [False, True])
    def test_many_that_are_well_are_counted_and_listed_only_if_asked_for(self, *, verbose: bool) -> None:
        servers = [Server(id=number, name=f"web-{number}") for number in range(30)]
        tables = (
            f'[servers.{each.name}]\nid = {each.id}\nbackups = [{{ description = "a", keep = 1 }}]\n'
            for each in servers
        )
        others = [Server(id=number, name=f"other-{number}") for number in range(30, 60)]
        held = (backup(each.id, "a", server=each) for each in servers[1:])

        lines = self.lines(of(config("".join(tables)), inventory(*held, servers=(*servers, *others))), verbose=verbose)

        assert lines[0].startswith("EMPTY")
        assert lines[-1] == "29 of 30 series healthy, 30 servers unprotected."
        assert sum(line.startswith("healthy") for line in lines) == (29 if verbose else 0)
        assert sum(line.startswith("UNPROTECTED") for line in lines) == (30 if verbose else 0)
        assert ("29 healthy series (-v lists them)" in lines) is not verbose
        assert ("30 unprotected servers (-v lists them)" in lines) is not verbose

    @pytest.mark.parametrize("length", [10, 34, 60])
    def test_on_80_columns_an_address_is_shortened_and_the_facts_are_below_it(self, length: int) -> None:
        description = "x" * length
        declared = declare(f'{{ description = "{description}", every = "1d", keep = {{ last = 3, monthly = 12 }} }}')
        held = (backup(1, description, age=days(3)), backup(2, description, status="failed"))

        lines = self.lines(of(declared, inventory(*held)), width=80)

        assert max(map(len, lines)) <= 80
        assert lines[0].startswith("OVERDUE  web/xxxxxxxxxx")
        assert ("…" in lines[0]) is (length > 32)
        unbroken = " ".join(lines).split()
        assert {"newest", "OVERDUE", "monthly=12),", "failed"} <= set(unbroken)


class TestCheck:
    def lines(self, found: Status) -> list[str]:
        return shown(check_text(found)).splitlines()

    def test_is_one_line_per_problem(self) -> None:
        assert self.lines(BAD_WEEK) == [
            "ERROR gone: the account has no server with the id 7",
            "EMPTY web/empty: no usable backup",
            "EMPTY web/first: no usable backup yet, #40 in progress for 3min",
            "OVERDUE web/overdue: newest usable backup is 3d old, overdue by 2d",
            "FAILED web/failed: 4 failed backups (latest: #24)",
            "STALLED web/stalled: 1 stalled backup (latest: #11)",
        ]

    def test_is_one_line_where_there_is_none(self) -> None:
        assert self.lines(of(NIGHTLY, FRESH)) == ["OK: 1 of 1 series healthy, 0 servers unprotected"]

    def test_is_not_ok_where_nothing_is_declared(self) -> None:
        assert self.lines(of(declare(""), inventory())) == ["ERROR: no series is declared"]


class TestJson:
    def test_is_complete_and_valid(self) -> None:
        read = value(status_json(BAD_WEEK))

        assert (read["healthy"], read["has_series"], read["checked_at"]) == (False, True, "2026-03-10T12:00:00Z")
        assert [error["address"] for error in read["errors"]] == ["gone"]
        assert [file["filename"] for file in read["files"]] == ["backups.toml"]
        assert read["unprotected"] == [{"id": 9, "name": "other"}]
        assert [each["id"] for each in read["undeclared"]] == [50]
        by_address = {each["address"]: each for each in read["series"]}
        fine, overdue, first = (by_address[f"web/{name}"] for name in ("fine", "overdue", "first"))
        assert (fine["healthy"], fine["troubles"], fine["due"], fine["due_reason"]) == (True, [], False, None)
        assert (fine["newest"]["id"], fine["newest_age_seconds"], fine["size_mb"]) == (1, 3 * 3600, 1024)
        assert (fine["misdated"], fine["unknown"]) == ([3], [{"id": 2, "status": "archiving"}])
        assert (fine["every"], fine["keep"], fine["next_due"]) == ("1d", ["last=1"], "2026-03-10T18:00:00Z")
        assert overdue["troubles"] == [
            {"kind": "overdue", "explanation": "newest usable backup is 3d old, overdue by 2d"}
        ]
        assert [each["id"] for each in first["in_progress"]] == [40]
        assert (first["newest"], first["newest_age_seconds"], first["next_due"]) == (None, None, None)
        assert (by_address["web/empty"]["due"], by_address["web/empty"]["due_reason"]) == (True, "missing")
        assert by_address["web/failed"]["failed"] == [24, 23, 22, 21][::-1]
        assert by_address["web/stalled"]["stalled"] == [11]

    def test_a_backup_just_ahead_of_our_clock_has_age_zero(self) -> None:
        (found,) = value(status_json(of(NIGHTLY, inventory(backup(1, age=-timedelta(minutes=5))))))["series"]

        assert (found["newest"]["id"], found["newest_age_seconds"]) == (1, 0)

    def test_has_each_gap_and_how_far_back_a_series_reaches(self) -> None:
        held = [backup(day, age=days(day)) for day in (0, 1, 4, 5)]
        read: Any = value(
            status_json(of(declare('{ description = "nightly", every = "1d", keep = 9 }'), inventory(*held)))
        )

        (series,) = read["series"]
        assert series["gaps"] == [{"from": "2026-03-07", "to": "2026-03-08", "missing": 2}]
        assert (series["oldest"], series["complete_from"]) == ("2026-03-05T12:00:00Z", "2026-03-13")
        assert read["healthy"] is True

    def test_has_how_many_servers_satisfy_each_rule_and_who_does_not(self) -> None:
        read: Any = value(status_json(of(RULES, RULED)))

        assert [(each["name"], each["required"], each["servers"], each["satisfied"]) for each in read["rules"]] == [
            ("all_servers", True, 3, 2),
            ("retention", "7d", 2, 1),
            ("min_age", "3d", 2, 2),
        ]
        assert [each["name"] for each in read["unprotected"]] == ["other"]
        assert [(each["address"], each["summary"]) for each in read["errors"]] == [("web/a", REACHES)]

    def test_says_null_where_nobody_can_tell(self) -> None:
        assert value(status_json(of(NIGHTLY, inventory(servers=None))))["unprotected"] is None


class TestMarkdown:
    def test_is_a_record_of_when_by_which_files_and_what_was_found(self) -> None:
        source = Source(filename="a.toml", text="\ufeff[settings]\r\n")
        text = status_markdown(of(replace(BAD_WEEK_DECLARED, sources=(source,)), BAD_WEEK_SEEN))

        newest = "2026-03-10 09:00 UTC, 3h old, <code>&#35;1</code>"
        no_day, today = (f"<code>{'-' * 29}{last}</code>" for last in ("-", "&#9608;"))
        digest = hashlib.sha256(b"\xef\xbb\xbf[settings]\r\n").hexdigest()
        assert text.startswith("## Backups: 1 of 6 series healthy, 1 server unprotected, 1 error\n")
        for line in (
            "| read at | 2026-03-10 12:00 UTC |",
            f"| file <code>a&#46;toml</code> | sha256 <code>{digest}</code> |",
            "| series | 6, 1 of them healthy |",
            "| usable backups | 4, 4.0\N{NO-BREAK SPACE}GiB |",
            "| undeclared backups | 1 |",
            "| unprotected servers | 1 |",
            "| OVERDUE | <code>web/overdue</code> | newest usable backup is 3d old, overdue by 2d |",
            "| <code>other</code> | <code>9</code> |",
            f"| <code>web/empty</code> | EMPTY | none | once | last=1 | 0 | 0\N{NO-BREAK SPACE}MiB |  | {no_day} |",
            f"| <code>web/fine</code> | healthy | {newest} | 1d | last=1 | 1 | 1.0\N{NO-BREAK SPACE}GiB |  | {today} |",
        ):
            assert line in text.splitlines()
        assert "| ERROR | <code>gone</code> | the account has no server with the id 7" in text

    def test_says_how_many_servers_satisfy_each_rule_and_why_the_others_do_not(self) -> None:
        lines = status_markdown(of(RULES, RULED)).splitlines()

        for line in (
            "| <code>all&#95;servers</code> | true | 2 of 3 |",
            "| <code>retention</code> | 7d | 1 of 2 |",
            "| <code>min&#95;age</code> | 3d | 2 of 2 |",
            "| UNPROTECTED | <code>other (9)</code> | not declared in any file |",
        ):
            assert line in lines
        (broken,) = (line for line in lines if line.startswith("| ERROR | <code>web/a</code> |"))
        assert "retention needs 7d&#46;" in broken

    def test_names_the_gaps_and_shows_the_last_days(self) -> None:
        held = [backup(day, age=days(day)) for day in (0, 1, 4, 5)]
        declared = declare('{ description = "nightly", every = "1d", keep = 9 }')

        lines = status_markdown(of(declared, inventory(*held))).splitlines()

        assert "| <code>web/nightly</code> | 03-07 to 03-08 missing&#58; the policy would hold 2 there |" in lines
        assert any(unescape(line).endswith(f"| 2026-03-13 | <code>{'-' * 24}██xx██</code> |") for line in lines)
        assert "<code>x</code> missed" in lines[-2]

    def test_where_all_is_well_nothing_needs_attention(self) -> None:
        text = status_markdown(of(NIGHTLY, FRESH))

        assert text.startswith("## Backups: 1 of 1 series healthy, 0 servers unprotected\n")
        assert [line for line in text.splitlines() if line.startswith("#")][1:] == ["### Every series"]

    def test_says_what_was_not_checked(self) -> None:
        found = of(NIGHTLY, inventory(servers=None))

        assert "| unprotected servers | not checked |" in status_markdown(found)

    def test_sums_up_the_known_sizes_only(self) -> None:
        declared = declare("{ description = 'nightly', every = '1d' }, { description = 'other', every = '1d' }")
        known, unknown = backup(1), backup(2, "other", size_mb=None)
        rows = [status_markdown(of(declared, inventory(*held))) for held in ((unknown,), (known, unknown))]

        assert "| usable backups | 1, size unknown |" in rows[0]
        assert "| usable backups | 2, 1.0\N{NO-BREAK SPACE}GiB |" in rows[1]

    def test_says_that_nothing_is_protected(self) -> None:
        text = status_markdown(of(declare(""), inventory()))

        assert text.startswith("## Backups: 0 of 0 series healthy, 0 servers unprotected\n")
        assert "| ERROR |  | no series is declared |" in text


def test_an_error_is_in_the_verdict_of_every_format() -> None:
    files = config("[servers.web]\nid = 1\nbackups = [{ description = 'nightly' }]\n[servers.gone]\nid = 9\n")
    found = of(files, inventory(backup(1)))
    verdict = "1 of 1 series healthy, 0 servers unprotected, 1 error"

    assert shown(status_text(found, verbose=False)).splitlines()[-1] == f"{verdict}."
    assert status_markdown(found).startswith(f"## Backups: {verdict}\n")


class TestMetrics:
    def samples(self, found: Status) -> dict[tuple[str, str], float]:
        """Return the value of each metric by its name and series, as Prometheus reads them."""
        families = text_string_to_metric_families(metrics(found))
        return {
            (sample.name.removeprefix("reconcile_"), sample.labels.get("series", "")): sample.value
            for family in families
            for sample in family.samples
        }

    def test_count_the_withheld_deletes_that_lose_too_much_and_no_others(self) -> None:
        held = [backup(number, age=days(number)) for number in range(20)]
        series = '{ description = "nightly", keep = 1 }'
        pause = 'pause = { until = 9999-01-01, reason = "moving" }'

        free, paused = (self.samples(of(declare(series, server=each), inventory(*held))) for each in ("", pause))

        assert (free["withheld_deletes", ""], paused["withheld_deletes", ""]) == (19, 0)

    def test_have_no_size_if_none_is_known(self) -> None:
        unknown, empty = (self.samples(of(NIGHTLY, inventory(*held))) for held in ((backup(1, size_mb=None),), ()))

        assert ("backups_size_bytes", "nightly") not in unknown
        assert empty["backups_size_bytes", "nightly"] == 0

    def test_are_timestamps_and_intervals_and_no_ages(self) -> None:
        samples = self.samples(of(NIGHTLY, inventory(backup(1, age=hours(2)), backup(2, status="failed"), COMING)))

        assert samples == {
            ("newest_backup_timestamp_seconds", "nightly"): (NOW - hours(2)).timestamp(),
            ("backup_interval_seconds", "nightly"): 86400,
            ("next_backup_due_timestamp_seconds", "nightly"): (NOW + hours(6)).timestamp(),
            ("usable_backups", "nightly"): 1,
            ("backups_size_bytes", "nightly"): 1024**3,
            ("failed_backups", "nightly"): 1,
            ("undersized_backups", "nightly"): 0,
            ("stalled_backups", "nightly"): 0,
            ("missing_backups", "nightly"): 0,
            ("oldest_backup_timestamp_seconds", "nightly"): (NOW - hours(2)).timestamp(),
            ("in_progress_backups", "nightly"): 1,
            ("backup_due", "nightly"): 0,
            ("declared_series", ""): 1,
            ("errors", ""): 0,
            ("withheld_deletes", ""): 0,
            ("unprotected_servers", ""): 0,
            ("last_observation_timestamp_seconds", ""): NOW.timestamp(),
        }

    def test_are_missing_where_there_is_nothing_to_say(self) -> None:
        samples = self.samples(of(declare('{ description = "nightly", keep = 1 }'), inventory(servers=(WEB, OTHER))))

        assert ("newest_backup_timestamp_seconds", "nightly") not in samples
        assert ("backup_interval_seconds", "nightly") not in samples
        assert samples["unprotected_servers", ""] == 1

    def test_are_missing_where_nobody_can_tell(self) -> None:
        assert ("unprotected_servers", "") not in self.samples(of(NIGHTLY, inventory(servers=None)))

    @pytest.mark.parametrize(("age", "due"), [(18, 0), (18.1, 1)])
    def test_are_due_exactly_where_the_planner_would_create(self, age: float, due: int) -> None:
        assert self.samples(of(NIGHTLY, inventory(backup(1, age=hours(age)))))["backup_due", "nightly"] == due

    def test_have_labels_that_text_cannot_break(self) -> None:
        name = 'a"b\\c{}=,'
        declared = declare(f"{{ description = {json.dumps(name)} }}")

        assert self.samples(of(declared, inventory()))["usable_backups", name] == 0
