"""`--record` and `replay`: every run leaves a whole record, and a record that was changed by hand is named."""

import json
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.build import held
from support.command import TOKEN, Sandbox, run, sandbox
from support.killer import killer
from support.schedules import CREATES, OLD, PLANNED_DELETES, SMALL_FILE

FILE = """\
[settings]
max_shrink = "100%"

[servers.web]
id = 1
[[servers.web.backups]]
description = "nightly"
every = "1d"
keep = 3
"""
APPLY = ("apply", "--auto-approve", "--record", "records")
CI = {
    "GITHUB_ACTOR": "mona",
    "GITHUB_SHA": "c0ffee",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "us/backups",
    "GITHUB_RUN_ID": "42",
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path, seed=held("nightly", 5)) as served:
        served.write(FILE)
        yield served


def records(folder: Path) -> list[Path]:
    return sorted((folder / "records").iterdir())


def recorded(folder: Path) -> dict[str, Any]:
    (file,) = records(folder)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


class TestRecord:
    def test_has_the_files_the_observation_the_plan_the_outcome_and_who_started_it(self, service: Sandbox) -> None:
        assert service.run(*APPLY, **CI).returncode == 0
        record = recorded(service.folder)

        assert record["started_by"] == {
            "actor": "mona",
            "commit": "c0ffee",
            "url": "https://github.com/us/backups/actions/runs/42",
        }
        assert record["files"][0]["text"] == FILE
        (round_,) = record["rounds"]
        assert round_["observed"]["backups"]["count"] == 5
        assert round_["plan"]["actions"]["verb"] == ["delete"] * 2 or round_["plan"]["actions"]["count"] == 2
        assert round_["plan"]["actions"]["outcome"] == {"all": "succeeded"}
        assert record["is_complete"] is True
        assert record["ended_at"] > record["started_at"]
        (file,) = records(service.folder)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.name.endswith("Z-apply.json")

    def test_knows_gitlab_and_a_machine_without_ci(self, service: Sandbox) -> None:
        given = {"GITLAB_USER_LOGIN": "tanuki", "CI_COMMIT_SHA": "abc", "CI_JOB_URL": "https://gitlab.example/j/1"}
        service.run(*APPLY, **given)
        service.run(*APPLY)
        first, second = (json.loads(file.read_text())["started_by"] for file in records(service.folder))

        assert first == {"actor": "tanuki", "commit": "abc", "url": "https://gitlab.example/j/1"}
        assert second == {"actor": None, "commit": None, "url": None}

    @pytest.mark.parametrize("kind", ["file", "inside a file", "read-only"])
    def test_that_can_not_be_written_stops_the_run_before_anything_changes(
        self, kind: str, service: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = service.folder / "records"
        if kind == "read-only":
            folder.mkdir()

            def fail(*_: object, **__: object) -> int:
                raise PermissionError(13, "Permission denied")

            monkeypatch.setattr("reconcile.cli.files.os.open", fail)
        else:
            folder.write_text("")
        done = service.run(
            "apply", "--auto-approve", "--record", "records/in" if kind == "inside a file" else "records"
        )

        monkeypatch.undo()
        assert done.returncode == 1
        assert "record" in done.stderr
        assert len(service.backups()) == 5

    def test_of_a_run_that_the_service_refuses_has_its_error(self, service: Sandbox) -> None:
        done = service.run(*APPLY, VPS_API_TOKEN="vps_wrong_token")

        assert done.returncode == 1
        record = recorded(service.folder)
        assert record["is_complete"] is False
        assert "401" in record["errors"][0]
        assert record["rounds"] == []

    def test_that_would_contain_the_token_is_refused(self, service: Sandbox) -> None:
        service.write(FILE + f'[[servers.web.backups]]\ndescription = "x {TOKEN}"\n')

        (service.folder / "token").write_text(TOKEN)

        done = service.run(*APPLY, "--token-file", "token", VPS_API_TOKEN="")

        assert done.returncode == 1
        assert ".json would contain the token" in done.stderr
        assert records(service.folder) == []
        assert len(service.backups()) == 5

    @pytest.mark.parametrize("files", ["-", "parts"])
    def test_of_files_from_standard_input_or_from_a_folder_replays_too(self, files: str, service: Sandbox) -> None:
        (service.folder / "parts").mkdir()
        settings, _, servers = FILE.partition("\n\n")
        (service.folder / "parts/1.toml").write_text(settings)
        (service.folder / "parts/2.toml").write_text(servers)
        done = run(*APPLY, "-f", files, folder=service.folder, standard_input=FILE, **service.environment)
        assert done.returncode == 0, done.shown

        done = run("replay", "records", folder=service.folder)

        assert done.returncode == 0, done.shown
        assert len(recorded(service.folder)["files"]) == (1 if files == "-" else 2)

    def test_of_a_saved_plan_that_was_changed_by_hand_is_named(self, service: Sandbox) -> None:
        service.run("plan", "--out", "saved.plan")
        service.run("apply", "saved.plan", "--record", "records")
        (file,) = records(service.folder)
        record = recorded(service.folder)
        record["saved_plan"]["plan"]["timezone"] = "Europe/Berlin"
        file.write_text(json.dumps(record))

        done = run("replay", "records", folder=service.folder)

        assert done.returncode == 1
        assert "the saved plan is damaged: its checksum does not match" in done.stdout

    def test_of_a_saved_plan_replays_too(self, service: Sandbox) -> None:
        service.run("plan", "--out", "saved.plan")
        assert service.run("apply", "saved.plan", "--record", "records").returncode == 0

        done = run("replay", "records", folder=service.folder)
        assert done.returncode == 0, done.stdout

    def test_of_a_run_that_is_killed_says_that_it_was_not_finished(self, tmp_path: Path) -> None:
        with killer(tmp_path) as service:
            service.at_request = "POST /backups/"
            service.write(SMALL_FILE)
            service.run_forked(*APPLY)

        assert recorded(tmp_path)["ended_at"] is None
        done = run("replay", "records", folder=tmp_path)
        assert (done.returncode, "1 of them started and not finished" in done.stdout) == (0, True), done.shown

    def test_of_a_restore_says_what_was_restored(self, tmp_path: Path) -> None:
        restore = ("restore", "db", "--backup", str(OLD), "--auto-approve", "--record", "records")
        with killer(tmp_path) as service:
            assert service.run(*restore).returncode == 0

        record = recorded(tmp_path)
        assert record["command"] == "restore"
        assert record["rounds"][0]["plan"]["actions"]["address"] == {"all": f"db/nightly#{OLD}"}
        assert record["rounds"][0]["plan"]["actions"]["outcome"] == {"all": "succeeded"}
        done = run("replay", "records", folder=tmp_path)
        assert (done.returncode, "1 run" in done.stdout) == (0, True), done.shown

    def test_of_a_restore_with_a_safety_backup_explains_both(self, tmp_path: Path) -> None:
        restore = ("restore", "db", "--backup", str(OLD), "--auto-approve", "--safety-backup", "--record", "records")
        with killer(tmp_path) as service:
            assert service.run(*restore).returncode == 0
            service.write(SMALL_FILE)
            status = service.run("status", "--since", "records", "--json")

        assert recorded(tmp_path)["rounds"][0]["plan"]["actions"]["verb"] == ["create", "restore"]
        (new,) = json.loads(status.stdout)["since"]["new"]
        assert (new["backup"]["description"][:14], new["cause"]) == ("before restore", "run")
        done = run("replay", "records", folder=tmp_path)
        assert (done.returncode, "1 run" in done.stdout) == (0, True), done.shown

    @pytest.mark.parametrize("is_lost", [False, True])
    def test_that_can_not_be_written_at_the_end_hides_nothing_of_what_was_done(
        self, *, is_lost: bool, tmp_path: Path
    ) -> None:
        def answer(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
            if not request.url.path.endswith("/restore/"):
                return response
            shutil.rmtree(tmp_path / "records")
            return None if is_lost else response

        with killer(tmp_path) as service:
            service.answer_instead = answer
            done = service.run("restore", "db", "--backup", str(OLD), "--auto-approve", "--record", "records")

        assert done.returncode == 1
        assert "can't be written" in done.stderr
        assert ("the restore may have started" in done.stderr) is is_lost
        assert ("Started restoring 'db'" in done.stdout) is not is_lost


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the records of two runs, of which the first creates and deletes."""
    folder = tmp_path_factory.mktemp("nights")
    with killer(folder) as service:
        service.apply("--record", "records")
        service.apply("--record", "records")
    assert CREATES
    assert PLANNED_DELETES
    return folder


class TestReplay:
    @pytest.fixture
    def nights(self, two_runs: Path, tmp_path: Path) -> Path:
        """Return a folder with such records to change."""
        shutil.copytree(two_runs, tmp_path, dirs_exist_ok=True)
        return tmp_path

    def test_says_how_many_runs_and_that_every_delete_follows(self, nights: Path) -> None:
        done = run("replay", "records", folder=nights)

        assert done.returncode == 0, done.stdout
        assert done.stdout.startswith("2 runs (")
        assert done.stdout.endswith(": every plan is identical, and every delete follows from its files.\n")

    def test_with_other_files_says_what_they_would_have_done(self, nights: Path) -> None:
        (nights / "new.toml").write_text(SMALL_FILE.replace('prune = "7d"', "prune = false"))
        done = run("replay", "records", "-f", "new.toml", folder=nights)
        as_json = json.loads(run("replay", "records", "-f", "new.toml", "--json", folder=nights).stdout)

        assert done.returncode == 0, done.shown
        assert "these files would have changed:\n     web/by hand#11" in done.stdout
        assert "no longer planned: undeclared: 10d" in done.stdout
        assert as_json["others"][0]["changes"] == [{"address": "web/by hand#11", "action": "delete", "fate": "gone"}]
        assert as_json["sent"] == {"create": CREATES, "delete": len(PLANNED_DELETES)}

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            (lambda record: record["files"][0].update(text=_sub(record, "keep = 1", "keep = 2")), "backups.toml:6"),
            (lambda record: _column(record, "observed", "backups")["id"].__setitem__(0, 77), "#77: this backup"),
            (lambda record: _plan_table(record)["address"].__setitem__(0, "web/other"), "web/other: the create"),
            (lambda record: _plan_table(record)["reason"].__setitem__(0, "{}"), "for another reason"),
            (
                lambda record: _plan_table(record)["address"].__setitem__(0, "web/other"),
                "web/other: the create was sent",
            ),
            (lambda record: record["rounds"][0]["plan"].update(rest="0" * 16), "concerns the whole account"),
            (lambda record: record.update(files=[]), "was planned, and is not planned again"),
        ],
        ids=["line", "backup", "action", "reason", "outcome", "rest", "no files"],
    )
    def test_names_what_was_changed_by_hand(
        self, change: Callable[[dict[str, Any]], object], named: str, nights: Path
    ) -> None:
        file = records(nights)[0]
        record = json.loads(file.read_text())
        change(record)
        file.write_text(json.dumps(record))

        done = run("replay", file.name, folder=nights / "records")

        assert done.returncode == 1
        assert named in done.stdout, done.stdout
        assert "not as recorded" in done.stdout

    def test_of_another_version_names_it_beside_what_differs(self, nights: Path) -> None:
        file = records(nights)[0]
        record = json.loads(file.read_text())
        record["rounds"][0]["plan"]["rest"] = "0" * 16
        file.write_text(json.dumps({**record, "version": "0.0.9"}))

        done = run("replay", "records", folder=nights)

        assert "in what concerns the whole account (recorded by reconcile 0.0.9)" in done.stdout

    @pytest.mark.parametrize(
        "text", ["", "[]", "{}", '{"reconcile_record": 1}', '{"reconcile_record": 9, "version": "7"}', "{" * 9999, "\0"]
    )
    def test_of_what_is_no_record_is_an_error(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_text(text)

        assert run("replay", "x.json", folder=tmp_path).returncode == 1
        assert run("replay", "--json", ".", folder=tmp_path).returncode == 1
        assert run("replay", "missing.json", folder=tmp_path).returncode == 1

    def test_of_any_record_that_is_damaged_is_an_error_and_no_traceback(self, nights: Path) -> None:
        file = records(nights)[0]
        whole = json.loads(file.read_text())
        values: tuple[object, ...] = (None, 7, "x", [{}])
        for key in whole:
            for value in values:
                file.write_text(json.dumps({**whole, key: value}))
                run("replay", str(file), folder=nights)  # checks that there is no traceback

    def test_of_a_record_with_an_endless_table_is_an_error(self, nights: Path) -> None:
        file = records(nights)[0]
        whole = json.loads(file.read_text())
        whole["rounds"][0]["observed"]["backups"]["count"] = 10**18
        file.write_text(json.dumps(whole))

        done = run("replay", str(file), folder=nights)

        assert (done.returncode, "is damaged" in done.stderr) == (1, True), done.shown

    def test_of_one_file_that_is_no_record_goes_on_with_the_others(self, nights: Path) -> None:
        (nights / "records/20260101T000000.000000Z-apply.json").write_text("{}")

        done = run("replay", "records", folder=nights)

        assert done.returncode == 1
        assert "20260101T000000.000000Z-apply.json is not a record" in done.stderr
        assert done.stdout.startswith("2 runs (")

    def test_of_a_folder_reads_only_what_has_the_name_of_a_record(self, nights: Path) -> None:
        (nights / "records/package.json").write_text("{}")

        done = run("replay", "records", folder=nights)

        assert (done.returncode, done.stdout.startswith("2 runs (")) == (0, True), done.shown

    def test_needs_a_record(self, tmp_path: Path) -> None:
        assert run("replay", folder=tmp_path).returncode == 1
        assert "contains no records" in run("replay", ".", folder=tmp_path).stderr


def _sub(record: dict[str, Any], old: str, new: str) -> str:
    return str(record["files"][0]["text"].replace(old, new, 1))


def _column(record: dict[str, Any], *path: str) -> dict[str, Any]:
    found: dict[str, Any] = record["rounds"][0]
    for key in path:
        found = found[key]
    return found


def _plan_table(record: dict[str, Any]) -> dict[str, Any]:
    return _column(record, "plan", "actions")
