"""`plan --compare`: what a change to the files causes comes first, in every format."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.build import held
from support.command import Sandbox, sandbox

from reconcile.limits import MEBIBYTE

KEEP_7 = """\
[servers.web]
id = 1
backups = [{ description = "nightly", every = "1d", keep = 7 }]
"""
KEEP_3 = KEEP_7.replace("7", "3")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path, seed=held("nightly", 9)) as served:
        served.write(KEEP_3)
        (tmp_path / "before.toml").write_text(KEEP_7)
        yield served


def test_the_change_comes_first_and_then_what_is_due_in_any_case(service: Sandbox) -> None:
    done = service.run("plan", "--compare", "before.toml")

    lines = done.stdout.splitlines()
    assert lines[0].startswith("Because of this change: 4 more deletes withheld on web (")
    assert lines[0].endswith("2 deletes now withheld on web (200 MiB); 1 series gets a shorter policy.")
    assert "  web  nightly: keep last 7 → 3" in lines
    assert any(line.startswith("  !  web/nightly: 4 backups  3d to 6d, 400 MiB  withheld: ") for line in lines)
    assert sum("now withheld: not kept by last=3" in line for line in lines) == 2
    assert "Due in any case: 0 to create, 2 to delete (-v shows all of the plan)." in lines
    assert "The plan would lose 6 backups with data, 4 of them because of this change." in lines
    assert "Plan: 0 to create, 6 to delete (6 withheld); 3 backups unchanged, 0 unmanaged." in lines
    assert service.run("plan", "--compare", "before.toml", "-q").stdout.startswith(
        "Because of this change: 4 more deletes"
    )


def test_json_has_it_beside_the_plan(service: Sandbox) -> None:
    plan = json.loads(service.run("plan", "--json").stdout)
    compared = json.loads(service.run("plan", "--json", "--compare", "before.toml").stdout)

    comparison = compared["reconcile"].pop("comparison")
    assert [each["address"] for each in compared["resource_changes"]] == [
        each["address"] for each in plan["resource_changes"]
    ]
    assert [each["reconcile_reason"] for each in comparison["actions"][:4]] == ["not kept by last=3"] * 4
    assert comparison["policies"] == {"longer": 0, "shorter": 1, "other": 0}
    assert comparison["in_any_case"] == {"create": 0, "delete": 2}
    assert comparison["lost_before"] == 2


def test_a_change_that_causes_nothing_says_so_in_one_line(service: Sandbox) -> None:
    withheld = service.run("plan", "--compare", "backups.toml").stdout
    assert withheld.startswith("This change has no effect: the files say the same as before.\nDue in any case: 0 to")
    assert "Withheld: 6 deletes." in withheld
    service.write(KEEP_7.replace("[servers.web]", '[servers.renamed]\nname = "web"'))

    assert service.run("plan", "--compare", "before.toml").stdout.startswith(
        "This change has no effect: the files say the same as before.\nDue in any case: 0 to create, 2 to delete"
    )
    markdown = service.run("plan", "--compare", "before.toml", "--markdown").stdout
    assert "This change has no effect" in markdown
    assert markdown.count("<details>") == markdown.count("</details>") == 2


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (KEEP_7.replace("keep", "keeps"), 'unknown key "keeps"'),
        (None, "no such file"),
        ('[settings]\naccount = "someone@example.com"\n' + KEEP_7, "the token belongs to"),
    ],
)
def test_files_before_that_are_refused_do_not_cost_the_plan(before: str | None, reason: str, service: Sandbox) -> None:
    file = service.folder / "before.toml"
    file.unlink() if before is None else file.write_text(before)
    plan = service.run("plan", "--target", "web")

    done = service.run("plan", "--target", "web", "--compare", "before.toml")

    assert done.returncode == plan.returncode == 0
    assert "no comparison with the files before the change: " in done.stdout
    assert reason in done.stdout
    assert [line for line in plan.stdout.splitlines() if line not in done.stdout] == []
    assert "no comparison" in service.run("plan", "--target", "web", "--compare", "before.toml", "--markdown").stdout


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x7fELF\x02\x01\xff", "before.toml: not UTF-8 text, in line 1"),
        (b"x = [", "invalid TOML: "),
        (b" " * (33 * MEBIBYTE), "before.toml: larger than 32 MiB"),
        (None, "before.toml: no *.toml in this folder"),
    ],
)
def test_whatever_stands_in_for_the_files_before_is_no_more_than_a_reason(
    content: bytes | None, reason: str, service: Sandbox
) -> None:
    file = service.folder / "before.toml"
    file.unlink()
    file.mkdir() if content is None else file.write_bytes(content)

    done = service.run("plan", "--compare", "before.toml")

    assert done.returncode == 0
    assert f"no comparison with the files before the change: {reason}" in done.stdout
    assert "Plan: 0 to create, 6 to delete" in done.stdout


def test_the_advice_is_about_compare(service: Sandbox) -> None:
    shown = [service.run("plan", "--compare", path).stdout for path in ("no-such.toml", "")]

    assert "Name a file, a folder, or - with --compare." in shown[0]
    assert "--compare '' names no file" in shown[1]
    assert not any("-f" in each.replace("--", "") for each in shown)


def test_an_empty_file_before_declares_nothing(service: Sandbox) -> None:
    (service.folder / "before.toml").write_text("")

    assert "; 1 server newly declared" in service.run("plan", "--compare", "before.toml").stdout


def test_the_files_before_may_be_several_a_folder_or_standard_input(service: Sandbox) -> None:
    before = service.folder / "before"
    before.mkdir()
    (before / "web.toml").write_text(KEEP_3)
    (service.folder / "db.toml").write_text("[servers.db]\nid = 2\nbackups = []\n")

    assert "the files say the same" in service.run("plan", "--compare", "before").stdout
    assert "1 server no longer declared" in service.run("plan", "--compare", "before", "--compare", "db.toml").stdout
    assert "the files say the same" in service.run("plan", "--compare", "-", standard_input=KEEP_3).stdout
    both = service.run("plan", "-f", "-", "--compare", "-", standard_input=KEEP_3)
    assert (both.returncode, both.stdout) == (1, "")
    assert "-f - can't be combined with --compare -" in both.stderr


def test_a_target_may_be_newly_declared(service: Sandbox) -> None:
    (service.folder / "before.toml").write_text("[servers.db]\nid = 2\nbackups = []\n")

    for option in (["--target", "web"], ["--max-age", "1d"], ["--target", "web/nightly", "--max-age", "1d"]):
        shown = service.run("plan", *option, "--compare", "before.toml").stdout
        assert shown.startswith("Because of this change: 6 more deletes withheld on web (")
        assert "1 server newly declared" in shown
    assert service.run("plan", "--target", "db", "--compare", "before.toml").returncode == 1


def test_both_plans_are_for_the_time_the_age_and_the_loss_that_the_options_say(service: Sandbox) -> None:
    old = service.run("plan", "--max-age", "1h", "--at", "2100-01-01", "--compare", "before.toml").stdout
    allowed = service.run("plan", "--allow-loss", "6", "--compare", "before.toml").stdout

    assert "Due in any case: 1 to create, 3 to delete" in old
    assert "4 more deletes on web (400 MiB); 1 series" in allowed
    assert "withheld" not in allowed


def test_the_exit_code_is_that_of_the_plan_whatever_the_change(service: Sandbox) -> None:
    for before in ("before.toml", "backups.toml", "no-such.toml"):
        assert service.run("plan", "--detailed-exitcode", "--compare", before).returncode == 2
    service.write(KEEP_3.replace("keep = 3", "keep = 9"))
    assert service.run("plan", "--detailed-exitcode", "--compare", "before.toml").returncode == 0


def test_what_is_saved_is_the_plan(service: Sandbox) -> None:
    service.run("plan", "--compare", "before.toml", "--out", "saved.plan")

    assert "Plan: 0 to create, 6 to delete" in service.run("show", "saved.plan").stdout
