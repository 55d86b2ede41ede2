"""Renaming a series, from the file to the account and back: nothing is made twice, and nothing is lost."""

import json
from datetime import timedelta
from pathlib import Path

from support.build import entry
from support.command import sandbox

HELD = {
    "servers": [{"id": 1, "name": "web"}],
    "backups": [entry(number, "daily", timedelta(days=3 - number, hours=2)) for number in (1, 2)],
}
PRUNING = "[settings]\nprune = true\n[servers.web]\nid = 1\n[[servers.web.backups]]\n"
RULES = 'every = "1d"\nkeep = 2\n'
RENAMED = f'{PRUNING}description = "nightly"\nrenamed_from = "daily"\n{RULES}'


def test_a_rename_from_the_first_plan_until_the_line_can_go(tmp_path: Path) -> None:
    with sandbox(tmp_path, backup_seconds=0.1, seed=HELD) as service:
        service.write(RENAMED)

        planned = service.run("plan")
        assert "+  nightly" in planned.stdout
        assert "-  daily#1 (renamed)" in planned.stdout
        assert "web/daily#1 (renamed)" in service.run("plan", "--markdown").stdout.replace("&#35;", "#")

        assert service.run("apply", "--auto-approve").returncode == 0
        assert sorted((backup["id"], backup["description"]) for backup in service.backups()) == [
            (2, "daily"),
            (501, "nightly"),
        ]
        again = service.run("plan")
        assert "No changes." in again.stdout
        assert "old description" not in again.shown
        found = json.loads(service.run("status", "--json").stdout)
        assert ([series["usable"] for series in found["series"]], found["undeclared"]) == ([2], [])
        assert "daily" not in service.run("import", "-f", "backups.toml").stderr

        service.write(RENAMED.replace("keep = 2", "keep = 1"))
        assert service.run("apply", "--auto-approve").returncode == 0
        assert {backup["description"] for backup in service.backups()} == {"nightly"}
        note = service.run("plan")
        assert note.returncode == 0
        assert "no backup has the old description 'daily'" in note.shown
        assert "backups.toml:7:16" in note.shown

        service.write(RENAMED.replace("keep = 2", "keep = 1").replace('renamed_from = "daily"\n', ""))
        assert "No changes." in service.run("plan").stdout


def test_without_it_the_old_ones_would_go(tmp_path: Path) -> None:
    with sandbox(tmp_path, seed=HELD) as service:
        service.write(RENAMED.replace('renamed_from = "daily"\n', ""))

        changes = json.loads(service.run("plan", "--json").stdout)["reconcile"]["summary"]

        assert (changes["create"], changes["delete"]) == (1, 2)
