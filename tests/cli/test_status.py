"""`status`: text, one line per problem, JSON and metrics."""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.build import entry
from support.command import Sandbox, sandbox

SERVERS = [{"id": number, "name": name} for number, name in ((1, "web"), (2, "db"), (3, "forgotten"))]
FILE = """
[servers.web]
id = 1
backups = [
    { description = "healthy", every = "24h", keep = 7 },
    { description = "empty" },
    { description = "stalled", every = "1mo" },
]
[servers.db]
id = 2
backups = [{ description = "failed" }, { description = "over \\"due\\"", every = "1d", keep = 1 }]
"""
HEALTHY = '[servers.web]\nid = 1\nbackups = [{ description = "healthy" }]\n'


def item(id_: int, server: int, description: str | None, hours: float, status: str = "completed") -> dict[str, Any]:
    return entry(id_, description, timedelta(hours=hours), status=status, server=SERVERS[server - 1], size_mb=1024)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    """An account with a series in every kind of trouble."""
    backups = [
        item(1, 1, "healthy", 3),
        item(2, 1, "healthy", 27),
        item(3, 1, "stalled", 50),
        item(4, 1, "stalled", 30, "in_progress"),
        item(5, 2, "failed", 5),
        item(6, 2, "failed", 4, "failed"),
        item(7, 2, 'over "due"', 48),
        item(8, 3, "by hand", 9),
    ]
    with sandbox(tmp_path, seed={"servers": SERVERS, "backups": backups}) as served:
        served.write(FILE)
        yield served


def test_every_series_is_shown_the_worst_first(service: Sandbox) -> None:
    done = service.run("status")

    kinds = [line.split()[0] for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert kinds[:6] == ["EMPTY", "OVERDUE", "FAILED", "STALLED", "UNPROTECTED", "healthy"]
    assert "newest 2d old (#7), due now, 1 usable (keep last=1), 1.0 GiB" in done.stdout
    assert re.search(r"healthy .* newest 3h old .* complete from [\d-]+, 2 usable", done.stdout)
    assert "forgotten (3)" in done.stdout
    assert "1 undeclared backup, 1.0 GiB" in done.stdout
    assert "forgotten/by hand#8, 1.0 GiB" in service.run("status", "-v").stdout
    assert done.stdout.endswith("1 of 5 series healthy, 1 server unprotected.\n")


def test_at_80_columns_an_address_is_shortened(service: Sandbox) -> None:
    service.write('[servers.web]\nid = 1\nbackups = [{ description = "quite a long description of a series" }]\n')

    shown = service.ask("status", answer="", COLUMNS="80", TERM="dumb").stdout

    assert "EMPTY        web/quite a long…tion of a series\n    no usable backup, due now\n" in shown.replace("\r", "")
    assert max(map(len, shown.splitlines())) <= 80


def test_check_is_one_line_per_problem_and_2(service: Sandbox) -> None:
    done = service.run("status", "--check")

    assert done.returncode == 2
    assert done.stdout.splitlines() == [
        "EMPTY web/empty: no usable backup",
        'OVERDUE db/over "due": newest usable backup is 2d old, overdue by 1d',
        "FAILED db/failed: 1 failed backup (latest: #6)",
        "STALLED web/stalled: 1 stalled backup (latest: #4)",
    ]
    service.write(HEALTHY)
    done = service.run("status", "--check")
    assert (done.returncode, done.stdout) == (0, "OK: 1 of 1 series healthy, 2 servers unprotected\n")


def test_only_what_a_target_matches(service: Sandbox) -> None:
    done = service.run("status", "--target", "web/h*", "--check")

    assert (done.returncode, done.stdout) == (0, "OK: 1 of 1 series healthy\n")
    assert "UNPROTECTED" not in service.run("status", "--target", "web/h*").stdout
    assert service.run("status", "--target", "wbe").returncode == 1


def test_a_first_backup_that_is_in_progress_is_shown(tmp_path: Path) -> None:
    backups = [item(1, 1, "nightly", 0.1, "in_progress")]
    with sandbox(tmp_path, backup_seconds=3600, seed={"servers": SERVERS[:1], "backups": backups}) as service:
        service.write('[servers.web]\nid = 1\nbackups = [{ description = "nightly" }]\n')

        done = service.run("status", "--check")

        assert done.returncode == 2
        assert "#1 in progress for 6min" in done.stdout
        assert "#1 in progress for 6min" in service.run("status").stdout


def test_an_interval_beyond_the_calendar_is_never_due(service: Sandbox) -> None:
    service.write('[servers.web]\nid = 1\nbackups = [{ description = "healthy", every = "999999999y" }]\n')

    for options in ([], ["-v"], ["--json"], ["--check"], ["--metrics", "reconcile.prom"]):
        assert service.run("status", *options).returncode == 0, options
    assert service.run("plan").returncode == 0


class TestNoSeries:
    @pytest.fixture(params=["", "[servers.web]\nid = 1\n"], ids=["an empty file", "a server without one"])
    def file(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def test_is_a_warning_of_validate_and_plan(self, file: str, service: Sandbox) -> None:
        service.write(file)

        validated, planned = service.run("validate"), service.run("plan")

        assert (validated.returncode, planned.returncode) == (0, 0)
        assert "warning:" in validated.stderr
        assert "no series" in validated.stderr
        assert "warning:" in planned.shown
        assert "no series" in planned.shown
        assert json.loads(service.run("validate", "--json").stdout)["warning_count"] == 1

    def test_is_trouble_for_check(self, file: str, service: Sandbox) -> None:
        service.write(file)

        done = service.run("status", "--check")

        assert (done.returncode, done.stdout) == (2, "ERROR: no series is declared\n")
        assert service.run("status").returncode == 0


def test_json(service: Sandbox) -> None:
    done = service.run("status", "--json", "--check")

    report = json.loads(done.stdout)
    assert done.returncode == 2
    assert [series["troubles"][0]["kind"] if series["troubles"] else None for series in report["series"]] == [
        "empty",
        "overdue",
        "failed",
        "stalled",
        None,
    ]
    assert report["unprotected"] == [{"id": 3, "name": "forgotten"}]
    assert [backup["id"] for backup in report["undeclared"]] == [8]
    assert report["series"][4]["newest"]["id"] == 1


def test_metrics_count_what_apply_would_withhold_and_what_does_not_fit(tmp_path: Path) -> None:
    with sandbox(tmp_path) as service:
        service.write("""
            [settings]
            prune = true
            [servers.web-server-01]
            id = 12345
            backups = []
            [servers.gone]
            id = 9
            backups = [{ description = "nightly" }]
        """)
        service.run("status", "--metrics", "reconcile.prom")

    written = (tmp_path / "reconcile.prom").read_text(encoding="utf-8")
    assert "\nreconcile_withheld_deletes 1.0\n" in written
    assert "\nreconcile_errors 1.0\n" in written
    assert "\nreconcile_declared_series 0.0\n" in written
    assert "\nreconcile_unprotected_servers 1.0\n" in written


def test_markdown_is_a_record_with_the_digest_of_the_file(service: Sandbox) -> None:
    done = service.run("status", "--markdown", "--check")

    digest = hashlib.sha256((service.folder / "backups.toml").read_bytes()).hexdigest()
    assert done.returncode == 2
    assert f"| file <code>backups&#46;toml</code> | sha256 <code>{digest}</code> |" in done.stdout
    assert json.loads(service.run("status", "--json").stdout)["files"] == [
        {"filename": "backups.toml", "sha256": digest}
    ]
    assert service.run("status", "--markdown", "--json").returncode == 1


@pytest.mark.parametrize("options", [["-f", "no.toml"], ["--no-such-option"]], ids=str)
def test_a_record_that_cannot_be_made_says_so(service: Sandbox, options: list[str]) -> None:
    done = service.run("status", "--markdown", *options)

    assert done.returncode == 1
    assert done.stdout.startswith("<!-- reconcile status -->\n### reconcile: no status, 1 error\n")


def test_metrics_are_what_prometheus_reads(service: Sandbox) -> None:
    file = service.folder / "reconcile.prom"

    assert service.run("status", "--metrics", str(file)).returncode == 0

    families = {family.name: family for family in text_string_to_metric_families(file.read_text(encoding="utf-8"))}
    values = {
        name: {sample.labels["series"]: sample.value for sample in family.samples}
        for name, family in families.items()
        if family.samples and "series" in family.samples[0].labels
    }
    now = datetime.now(UTC).timestamp()
    assert values["reconcile_usable_backups"]["healthy"] == 2
    assert values["reconcile_backups_size_bytes"]["healthy"] == 2 * 1024**3
    assert values["reconcile_backup_due"] == {"healthy": 0, "empty": 1, "stalled": 0, "failed": 0, 'over "due"': 1}
    assert values["reconcile_failed_backups"]["failed"] == 1
    assert values["reconcile_stalled_backups"]["stalled"] == 1
    newest = values["reconcile_newest_backup_timestamp_seconds"]
    assert set(newest) == {"healthy", "stalled", "failed", 'over "due"'}
    assert abs(now - 3 * 3600 - newest["healthy"]) < 60
    assert values["reconcile_backup_interval_seconds"]["healthy"] == 86400
    observed = families["reconcile_last_observation_timestamp_seconds"].samples[0].value
    assert abs(observed - now) < 60
    assert [entry.name for entry in service.folder.iterdir() if entry.name.startswith(".")] == []


def test_the_page_holds_automatic_backups_too_and_changes_nothing_else(service: Sandbox) -> None:
    automatic = {**item(9, 3, "Automatic daily backup", 30), "backup_type": "automatic"}
    with sandbox(service.folder, seed={"servers": SERVERS, "backups": [item(1, 1, "healthy", 3), automatic]}) as other:
        without, done = other.run("status"), other.run("status", "--html", "status.html")

    page = (service.folder / "status.html").read_text(encoding="utf-8")
    assert (done.returncode, done.stdout) == (0, without.stdout)
    assert page.startswith("<!doctype html>")
    assert "automatic backups of forgotten (3)" in page
    assert "#9</span>" in page


def test_a_page_that_cannot_be_written_is_an_error(service: Sandbox) -> None:
    done = service.run("status", "--html", "no/such/folder.html")

    assert done.returncode == 1
    assert "can't be written" in done.stderr


@pytest.mark.parametrize("failing", ["--metrics", "--html"])
def test_an_output_that_cannot_be_written_does_not_keep_the_others_from_being_written(
    service: Sandbox, failing: str
) -> None:
    files = {"--metrics": "reconcile.prom", "--html": "status.html"} | {failing: "no/such/folder"}

    done = service.run("status", "--json", *(argument for option in files.items() for argument in option))

    (written,) = (name for option, name in files.items() if option != failing)
    assert (service.folder / written).is_file()
    assert json.loads(done.stdout)["series"]
    assert "no/such/folder can't be written" in done.stderr
    assert done.returncode == 1
