"""`demo`: the whole loop on a sandbox, by the very commands that it shows."""

import re
from pathlib import Path

import pytest
from support.command import run


def test_it_shows_a_rotation_and_a_mass_delete_that_is_withheld_and_says_what_to_do_next(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    done = run("demo", folder=tmp_path, RECONCILE_HEARTBEAT_URL="http://127.0.0.1:1/")

    of_its_commands, errors = capfd.readouterr()
    assert "heartbeat" not in errors, "a real heartbeat waits for real applies"
    assert done.returncode == 0, done.stderr
    assert re.findall(r"Plan: .*? delete|No changes", of_its_commands) == [
        "Plan: 1 to create, 1 to delete",
        "Plan: 1 to create, 1 to delete",
        "No changes",
        "Plan: 0 to create, 6 to delete",
    ]
    assert (
        "The plan would lose 6 of 8 backups with data on the declared servers; the limit is 3 (max_shrink: 20% of these"
        in of_its_commands
    )
    assert "8 manual backups" in of_its_commands
    assert done.stdout.count("$ reconcile apply --auto-approve") == 2
    assert "export VPS_API_TOKEN=" in done.stdout
    assert not (tmp_path / "backups.toml").exists()
