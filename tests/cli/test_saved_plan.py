"""Saved plans: shown offline, and applied exactly, or not at all."""

import json
import re
from pathlib import Path

import httpx
import pytest
from support.build import held
from support.command import TOKEN, Sandbox, run, sandbox
from support.killer import Killer, killer
from support.schedules import FAILED, JUNK, OLD, SMALL_FILE, is_exact

FILE = (
    "[servers.web-server-01]\nid = 12345\nprune = true\n"
    'backups = [{ description = "nightly", every = "1d", keep = 1 }]\n'
)


@pytest.fixture
def service(service_alone: Sandbox) -> Sandbox:
    service_alone.account.backup_seconds = 0.2
    service_alone.write(FILE)
    return service_alone


def test_it_is_shown_offline_and_applied_exactly(service: Sandbox) -> None:
    made = service.run("plan", "--out", "saved.plan")
    assert made.returncode == 0
    assert "reconcile apply saved.plan" in made.stderr

    shown = run("show", "saved.plan", folder=service.folder)
    assert shown.stdout == made.stdout
    assert re.fullmatch(r"Planned at \d{4}-\d\d-\d\d \d\d:\d\d\.\n", shown.stderr)
    as_json = json.loads(run("show", "saved.plan", "--json", folder=service.folder).stdout)
    summary = {"create": 1, "delete": 1, "withheld": 0, "unchanged": 0, "unmanaged": 0}
    assert as_json["reconcile"]["summary"] == summary
    assert "### reconcile: 1 to create" in run("show", "saved.plan", "--markdown", folder=service.folder).stdout

    service.write("")  # what is applied is the plan, not the file
    applied = service.run("apply", "saved.plan")

    assert applied.returncode == 0, applied.stderr
    assert [backup["description"] for backup in service.backups()] == ["nightly"]


def test_it_is_stale_once_it_was_applied(service: Sandbox) -> None:
    service.run("plan", "--out", "saved.plan")
    service.run("apply", "saved.plan")

    again = service.run("apply", "saved.plan", "--auto-approve")

    assert again.returncode == 1
    assert "Saved plan is stale; nothing was changed" in again.stderr
    assert again.stderr.count("error:") == 1
    assert "\n  - changed since: web-server-01/Pre-update backup#499: gone\n" in again.stderr
    assert "changed since: web-server-01/nightly#502: new, completed" in again.stderr
    assert len(service.backups()) == 1


def test_it_is_applied_if_only_another_server_has_changed(service: Sandbox) -> None:
    service.run("plan", "--out", "saved.plan")
    made = httpx.post(
        f"{service.url}/backups/", json={"server_id": 12346}, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert made.status_code == 201

    assert service.run("apply", "saved.plan").returncode == 0


def test_it_takes_no_file_and_no_target(service: Sandbox) -> None:
    service.run("plan", "--out", "saved.plan")

    for wrong in (["-f", "backups.toml"], ["--target", "web-server-01"], ["--max-age", "1h"]):
        done = service.run("apply", "saved.plan", *wrong)
        assert done.returncode == 1
        assert "-f, --target and --max-age can't be used with PLANFILE" in done.stderr
    assert len(service.backups()) == 1


@pytest.mark.parametrize("text", ["", "{}", "\x00", "# no plan", "[" * 100_000], ids=["", "{}", "NUL", "text", "deep"])
def test_one_that_is_damaged_is_one_error(text: str, service: Sandbox) -> None:
    (service.folder / "saved.plan").write_text(text)

    for command in (["apply", "saved.plan"], ["show", "saved.plan"]):
        done = service.run(*command)
        assert (done.returncode, done.stdout) == (1, "")
        assert "saved.plan is not a saved plan" in done.stderr
        assert done.stderr.count("error:") == 1


def test_one_that_is_not_text_is_one_error(service: Sandbox) -> None:
    (service.folder / "saved.plan").write_bytes(b"\xff\xfe")

    done = service.run("show", "saved.plan")

    assert done.returncode == 1
    assert "saved.plan is not a saved plan" in done.stderr


def test_one_for_another_service_is_refused(service: Sandbox) -> None:
    service.run("plan", "--out", "saved.plan")

    done = service.run("apply", "saved.plan", VPS_API_URL="http://127.0.0.1:9/api/v1")

    assert done.returncode == 1
    assert service.url in done.stderr
    assert "http://127.0.0.1:9/api/v1" in done.stderr


def test_it_cannot_be_made_for_another_time(service: Sandbox) -> None:
    assert service.run("plan", "--out", "saved.plan", "--at", "2026-01-01").returncode == 1
    assert not (service.folder / "saved.plan").exists()


def test_it_is_not_made_of_a_part(service: Sandbox) -> None:
    service.write(f"{FILE}[servers.gone]\nid = 99\n")

    done = service.run("plan", "--out", "saved.plan")

    assert done.returncode == 1
    assert "Not saved to saved.plan" in done.stderr
    assert not (service.folder / "saved.plan").exists()


def test_it_replaces_no_file_in_toml(service: Sandbox) -> None:
    done = service.run("plan", "--out", "backups.toml")

    assert done.returncode == 1
    assert "--out backups.toml would replace a TOML file by a plan" in done.stderr
    assert (service.folder / "backups.toml").read_text() == FILE


class TestOlderPlan:
    @pytest.mark.parametrize(
        "mistake",
        ['[servers.gone]\nid = 99\nbackups = [{ description = "x" }]\n', "unknown = 1\n"],
        ids=["a server that the account lacks", "a file that can't be read"],
    )
    def test_that_is_left_where_nothing_could_be_saved_is_pointed_out(self, service: Sandbox, mistake: str) -> None:
        service.run("plan", "--out", "saved.plan")
        (service.folder / "wrong.toml").write_text(mistake, encoding="utf-8")

        done = service.run("plan", "--out", "saved.plan", "-f", "wrong.toml", "-q")

        assert done.returncode == 1
        assert "saved.plan was not replaced, and may contain an older plan" in done.stderr

    def test_is_not_mentioned_where_there_is_none(self, service: Sandbox) -> None:
        (service.folder / "wrong.toml").write_text("unknown = 1\n", encoding="utf-8")

        assert "older plan" not in service.run("plan", "--out", "saved.plan", "-f", "wrong.toml").stderr


def test_what_is_withheld_stays_withheld_without_the_number(tmp_path: Path) -> None:
    with sandbox(tmp_path, seed=held("nightly", 9)) as service:
        service.write('[servers.web]\nid = 1\nbackups = [{ description = "nightly", keep = 2 }]\n')
        service.run("plan", "--out", "saved.plan")

        withheld = service.run("apply", "saved.plan")
        assert withheld.returncode == 1
        assert "--allow-loss 7" in withheld.stdout
        assert len(service.backups()) == 9

        assert service.run("apply", "saved.plan", "--allow-loss", "7").returncode == 0
        assert len(service.backups()) == 2


def test_any_change_of_what_it_is_about_refuses_it(tmp_path: Path) -> None:
    with killer(tmp_path) as service:
        service.write(SMALL_FILE)
        assert service.run("plan", "--out", "saved.plan").returncode == 0
        backups = {backup["id"]: backup for backup in service.world.account.backups}

        backups[FAILED]["status"] = "completed"
        assert f"db/nightly#{FAILED}: status was 'failed', is 'completed'" in _refused(service)
        backups[FAILED]["status"] = "failed"
        service.world.account.backups.remove(backups[OLD])
        assert f"db/nightly#{OLD}: gone" in _refused(service)
        service.world.account.backups.append(backups[OLD])
        service.world.servers[0]["name"] = "renamed"
        assert "web: name was 'web', is 'renamed'" in _refused(service)
        service.world.servers[0]["name"] = "web"
        backups[JUNK]["description"] = "kept"
        assert f"web/by hand#{JUNK}: description was 'by hand', is 'kept'" in _refused(service)
        backups[JUNK]["description"] = "by hand"

        done = service.run("apply", "saved.plan")
        assert done.returncode == 0, done.shown
        assert is_exact(service.world)


def _refused(service: Killer) -> str:
    done = service.run("apply", "saved.plan", "--auto-approve")
    assert done.returncode == 1
    assert not service.world.record
    return done.stderr
