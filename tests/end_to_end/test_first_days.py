"""`import` and `status`, with the installed command."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.command import Sandbox, sandbox

SERVERS = [{"id": number, "name": name} for number, name in ((1, "web"), (2, "db"), (3, "forgotten"))]
FILE = """
[servers.web]
id = 1
backups = [
    { description = "healthy", every = "1d", keep = 7 },
    { description = "empty" },
    { description = "stalled", every = "1mo" },
]
[servers.db]
id = 2
backups = [{ description = "failed" }, { description = "over \\"due\\"", every = "1d" }]
"""


def item(id_: int, server: int, description: str | None, hours: float, status: str = "completed") -> dict[str, Any]:
    return {
        "id": id_,
        "server": SERVERS[server - 1],
        "backup_type": "manual",
        "status": status,
        "size_mb": 1024 if status == "completed" else None,
        "created_at": (datetime.now(UTC) - timedelta(hours=hours)).isoformat(),
        "expires_at": None,
        "description": description,
    }


def troubled(tmp_path: Path) -> Any:  # noqa: ANN401 - a context manager of Sandbox
    held = [
        item(1, 1, "healthy", 3),
        item(2, 1, "healthy", 27),
        item(3, 1, "stalled", 50),
        item(4, 1, "stalled", 30, "in_progress"),
        item(5, 2, "failed", 5),
        item(6, 2, "failed", 4, "failed"),
        item(7, 2, 'over "due"', 48),
        item(8, 3, "by hand", 9),
    ]
    return sandbox(tmp_path, seed={"servers": SERVERS, "backups": held})


def words(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines()]


class TestStatus:
    def test_all_six_are_shown_the_worst_first(self, tmp_path: Path) -> None:
        with troubled(tmp_path) as service:
            service.write(FILE)
            done = service.run("status")

        assert done.returncode == 0
        assert words(done.stdout)[:6] == ["overdue", "failed", "stalled", "empty", "healthy", "unprotected"]
        assert "newest 2d old (#7) 1 of last=1, 1.0 GB" in " ".join(done.stdout.split())
        assert "due in 21h" in done.stdout.replace("20h 59min", "21h")
        assert "forgotten (3)" in done.stdout
        assert "1 undeclared backup, 1.0 GB:\n  forgotten/by hand#8, 1.0 GB" in done.stdout
        assert done.stdout.endswith("1 of 5 series healthy, 1 server unprotected.\n")

    def test_check_is_one_line_a_trouble_and_2(self, tmp_path: Path) -> None:
        with troubled(tmp_path) as service:
            service.write(FILE)
            done = service.run("status", "--check")

            assert done.returncode == 2
            assert done.stdout.splitlines() == [
                'OVERDUE db/over "due": newest usable is 2d old, due since 1d',
                "FAILED db/failed: 1 backup failed, the last is #6",
                "STALLED web/stalled: 1 backup stalled, the last is #4",
                "EMPTY web/empty: no usable backup",
            ]
            service.write('[servers.web]\nid = 1\nbackups = [{ description = "healthy" }]\n')
            done = service.run("status", "--check")
            assert (done.returncode, done.stdout) == (0, "OK: 1 series healthy\n")

    def test_only_what_is_meant(self, tmp_path: Path) -> None:
        with troubled(tmp_path) as service:
            service.write(FILE)
            done = service.run("status", "--target", "web/h*", "--check")
            assert (done.returncode, done.stdout) == (0, "OK: 1 series healthy\n")
            assert "unprotected" not in service.run("status", "--target", "web/h*").stdout.replace(
                "0 servers unprotected", ""
            )
            assert service.run("status", "--target", "wbe").returncode == 1

    def test_json(self, tmp_path: Path) -> None:
        with troubled(tmp_path) as service:
            service.write(FILE)
            done = service.run("status", "--json", "--check")

        assert done.returncode == 2
        said = json.loads(done.stdout)
        assert [it["troubles"][0]["kind"] if it["troubles"] else None for it in said["series"]] == [
            "overdue",
            "failed",
            "stalled",
            "empty",
            None,
        ]
        assert said["unprotected"] == [{"id": 3, "name": "forgotten"}]
        assert [it["id"] for it in said["undeclared"]] == [8]
        assert said["series"][4]["newest"]["id"] == 1

    def test_metrics_are_what_prometheus_reads(self, tmp_path: Path) -> None:
        file = tmp_path / "reconcile.prom"
        with troubled(tmp_path) as service:
            service.write(FILE)
            assert service.run("status", "--metrics", str(file)).returncode == 0

        families = {it.name: it for it in text_string_to_metric_families(file.read_text(encoding="utf-8"))}
        by_series = {
            name: {it.labels["series"]: it.value for it in family.samples}
            for name, family in families.items()
            if "series" in family.samples[0].labels
        }
        assert by_series["reconcile_usable_backups"]["healthy"] == 2
        assert by_series["reconcile_backups_size_bytes"]["healthy"] == 2 * 1024**3
        assert by_series["reconcile_backup_due"] == {
            "healthy": 0,
            "empty": 1,
            "stalled": 0,
            "failed": 0,
            'over "due"': 1,
        }
        assert by_series["reconcile_failed_backups"]["failed"] == 1
        assert by_series["reconcile_stalled_backups"]["stalled"] == 1
        assert set(by_series["reconcile_newest_backup_age_seconds"]) == {"healthy", "stalled", "failed", 'over "due"'}
        seen = families["reconcile_last_observation_timestamp_seconds"].samples[0].value
        assert abs(seen - datetime.now(UTC).timestamp()) < 60
        assert [it.name for it in tmp_path.iterdir() if it.name.startswith(".")] == []


class TestImport:
    @pytest.fixture
    def service(self, tmp_path: Path) -> Any:  # noqa: ANN401 - a fixture's iterator
        with sandbox(tmp_path) as served:
            yield served

    def test_the_sample_account(self, service: Sandbox) -> None:
        done = service.run("import")

        assert done.returncode == 0
        assert done.stdout.startswith("# Written by reconcile import at 20")
        assert service.url in done.stdout.splitlines()[0]
        service.write(done.stdout)
        assert "No changes." in service.run("plan").stdout
        assert "[servers.web-server-01]" in done.stdout
        assert 'description = "Pre-update backup"' in done.stdout

    def test_only_what_is_missing(self, service: Sandbox) -> None:
        service.write("[servers.web-server-01]\nid = 12345\n")

        said = service.run("import", "-f", "backups.toml").stdout

        assert "[servers.web-server-01]" not in said
        assert "[servers.db-server-01]" in said
        assert "# - web-server-01 (backups.toml) does not declare 'Pre-update backup', of which there are 1" in said

    @pytest.mark.parametrize("name", ["12346", "db-server-01"])
    def test_one_server(self, name: str, service: Sandbox) -> None:
        said = service.run("import", "--server", name).stdout

        assert "[servers.db-server-01]" in said
        assert "web" not in said

    def test_a_server_that_is_not_there(self, service: Sandbox) -> None:
        done = service.run("import", "--server", "nobody")

        assert (done.returncode, done.stdout) == (1, "")
        assert "the account has no server 'nobody'" in done.stderr

    def test_a_file_that_is_there_is_not_written_over(self, service: Sandbox) -> None:
        assert service.run("import", "--out", "new.toml").returncode == 0
        assert service.run("validate", "-f", "new.toml").returncode == 0

        again = service.run("import", "--out", "new.toml")

        assert again.returncode == 1
        assert "new.toml is there already" in again.stderr


def test_what_can_not_be_declared_is_named_and_stays(tmp_path: Path) -> None:
    held = [item(1, 1, None, 1), item(2, 1, " blank ", 2), item(3, 1, "\x1b[31m", 3), item(4, 1, "x", 4, "failed")]
    with sandbox(tmp_path, seed={"servers": SERVERS, "backups": held}) as service:
        said = service.run("import").stdout

        assert "# - web: backup 1 (None) stays unmanaged: its description is empty" in said
        assert "# - web: backup 2 (' blank ') stays unmanaged: its description has white space at an end" in said
        assert r"# - web: backup 3 ('\x1b[31m') stays unmanaged: its description has control characters" in said
        assert "# - web: backup 4 ('x') stays unmanaged: none of its series counts, it is 'failed'" in said
        assert "\x1b" not in said
        service.write(f"[settings]\nprune = true\n{said}")
        assert "No changes." in service.run("plan").stdout
