"""The first step: what a command says where there is no file, and the file that `init` writes."""

import json
import re
from pathlib import Path

import pytest
from support.command import COMMANDS, Sandbox, run

from reconcile.cli.files import write_file
from reconcile.diagnostics import UserError

NEED_NONE = {"import", "forecast", "restore", "doctor", "replay"}
"""Commands that do without a file, or say something else where there is none."""

WITH_FILES = [
    name
    for name, command in COMMANDS.items()
    if any("--file" in parameter.opts for parameter in command.params) and name not in NEED_NONE
]


class TestWithoutAFile:
    @pytest.mark.parametrize("command", WITH_FILES)
    def test_every_command_says_how_to_begin(self, command: str, service_alone: Sandbox) -> None:
        done = service_alone.run(command)

        assert done.returncode == 1
        assert "backups.toml: no such file" in done.shown
        for way in ("reconcile init", "reconcile import --out backups.toml", "reconcile demo", "reconcile sandbox"):
            assert way in done.shown

    def test_so_does_json(self, tmp_path: Path) -> None:
        (diagnostic,) = json.loads(run("plan", "--json", folder=tmp_path).stdout)["diagnostics"]

        assert diagnostic["summary"] == "backups.toml: no such file"
        assert diagnostic["detail"].startswith("To start: reconcile init.")

    def test_a_file_that_was_named_is_just_missing(self, tmp_path: Path) -> None:
        done = run("plan", "-f", "backups.toml", folder=tmp_path)

        assert "backups.toml: no such file" in done.stderr
        assert "reconcile init" not in done.stderr


class TestInit:
    def test_writes_a_file_that_can_be_planned_and_applied_as_it_is(self, service_alone: Sandbox) -> None:
        done = service_alone.run("init")

        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == (
            "Wrote backups.toml: 2 servers, 1 of 1 manual backups adopted. "
            "To preview it: reconcile plan. For the first runs: reconcile apply --no-delete\n"
        )
        assert "Plan: 2 to create, 0 to delete; 1 backup unchanged, 0 unmanaged." in service_alone.run("plan").stdout
        assert service_alone.run("apply", "--auto-approve").returncode == 0
        assert "No changes." in service_alone.run("plan").stdout

    def test_lists_servers_that_are_alike_and_proposes_the_glob_for_those_to_come(self, service_alone: Sandbox) -> None:
        service_alone.account.servers[:] = [{"id": number, "name": f"api-{number}"} for number in (1, 2)]
        service_alone.account.backups.clear()

        service_alone.run("init")
        service_alone.account.servers.append({"id": 3, "name": "api-3"})

        assert "Plan: 2 to create, 0 to delete" in service_alone.run("plan").stdout
        written = (service_alone.folder / "backups.toml").read_text()
        assert 'account = "you@example.com"' in written
        service_alone.write(re.sub(r"match = \[[^]]*\].*\n# match = \"api", 'match = "api', written))
        assert "Plan: 3 to create, 0 to delete" in service_alone.run("plan").stdout

    def test_goes_on_with_the_series_of_another_init(self, service_alone: Sandbox) -> None:
        service_alone.run("init")
        service_alone.run("apply", "--auto-approve")

        done = service_alone.run("init", "--out", "second.toml")

        assert "reconcile plan -f second.toml" in done.stderr
        assert "No changes." in service_alone.run("plan", "-f", "second.toml").stdout

    @pytest.mark.parametrize("command", [["init"], ["import", "--out", "backups.toml"]], ids=lambda command: command[0])
    def test_never_overwrites(self, command: list[str], service_alone: Sandbox) -> None:
        service_alone.write("mine")

        done = service_alone.run(*command)

        assert done.returncode == 1
        assert "error: backups.toml exists already" in done.stderr
        assert (service_alone.folder / "backups.toml").read_text() == "mine"

    def test_does_not_overwrite_what_was_written_meanwhile(self, service_alone: Sandbox) -> None:
        path = service_alone.folder / "backups.toml"
        path.write_text("mine")

        with pytest.raises(UserError, match="exists already"):
            write_file(path, "ours", new=True)

        assert path.read_text() == "mine"

    def test_without_a_token_writes_an_example_and_says_so(self, service_alone: Sandbox) -> None:
        done = run("init", folder=service_alone.folder, VPS_API_URL=service_alone.url)

        assert (done.returncode, done.stdout) == (0, "")
        assert "Wrote backups.toml: an example, because there is no token." in done.stderr
        assert service_alone.run("validate").stdout == "Valid: 1 series on 1 server.\n"
        assert "1 to create, 0 to delete" in service_alone.run("plan").stdout

    def test_with_a_token_that_is_refused_writes_nothing(self, service_alone: Sandbox) -> None:
        done = service_alone.run("init", VPS_API_TOKEN="vps_wrong")

        assert done.returncode == 1
        assert "401 Unauthorized" in done.stderr
        assert not (service_alone.folder / "backups.toml").exists()
