"""`apply`: from a file to an account that is as declared, over real HTTP."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.build import entry, held
from support.command import FIRST, READ_ONLY, Sandbox, sandbox

PRUNING = """\
[settings]
prune = true

[servers.web-server-01]
id = 12345
backups = [{ description = "nightly", every = "1d", keep = 7 }]
"""
NIGHTLY = '[servers.web]\nid = 1\nbackups = [{ description = "nightly", every = "1d", keep = 1 }]\n'
WEB = [{"id": 1, "name": "web"}]
TWO_DAYS = timedelta(days=2)


@pytest.fixture
def service(service_alone: Sandbox) -> Sandbox:
    service_alone.account.backup_seconds = 0.2
    service_alone.write(FIRST)
    return service_alone


def changes(service: Sandbox) -> list[tuple[str, list[str], str | None]]:
    entries = json.loads(service.run("plan", "--json").stdout)["resource_changes"]
    return [(change["address"], change["change"]["actions"], change.get("action_reason")) for change in entries]


def ids(service: Sandbox, backup_type: str = "manual") -> list[int]:
    return sorted(backup["id"] for backup in service.backups(backup_type))


def test_after_an_apply_there_is_nothing_left_to_do(service: Sandbox) -> None:
    assert service.run("plan", "--detailed-exitcode").returncode == 2
    assert changes(service) == [
        ('vps_backup.web-server-01["Pre-update backup#499"]', ["no-op"], None),
        ('vps_backup.web-server-01["nightly"]', ["create"], "missing"),
    ]

    applied = service.run("apply", "--auto-approve")

    assert applied.returncode == 0, applied.stderr
    assert "Apply complete: 1 created, 0 deleted." in applied.stdout
    assert [(backup["description"], backup["status"]) for backup in service.backups()] == [
        ("nightly", "completed"),
        ("Pre-update backup", "completed"),
    ]
    again = service.run("plan", "--detailed-exitcode")
    assert again.returncode == 0
    assert "No changes." in again.stdout


def test_an_undeclared_backup_is_pruned_and_automatic_ones_are_never_touched(service: Sandbox) -> None:
    service.run("apply", "--auto-approve")
    service.write(PRUNING)

    deletes = [change for change in changes(service) if change[1] != ["no-op"]]
    assert deletes == [('vps_backup.web-server-01["Pre-update backup#499"]', ["delete"], "undeclared")]
    assert service.run("apply", "--auto-approve").returncode == 0

    assert ids(service) == [502]
    assert ids(service, "automatic") == [495, 501]


def test_apply_twice_makes_one(service: Sandbox) -> None:
    for _ in range(2):
        assert service.run("apply", "--auto-approve").returncode == 0

    assert len(service.backups()) == 2


def test_no_wait_leaves_every_delete_beside_a_create_to_the_next_run(tmp_path: Path) -> None:
    seed = {"servers": WEB, "backups": [entry(1, "nightly", TWO_DAYS), entry(2, "x", TWO_DAYS)]}
    with sandbox(tmp_path, backup_seconds=60, seed=seed) as service:
        service.write(NIGHTLY.replace("id = 1", "id = 1\nprune = true"))

        sent = service.run("apply", "--auto-approve", "--no-wait")
        assert "web/nightly: started after 0s (#" in sent.stderr

        assert sent.returncode == 0, sent.stderr
        assert "1 created, 0 deleted, 2 left to the next run" in sent.stdout
        assert ids(service) == [1, 2, 501]
        service.complete_backups()
        assert service.run("apply", "--auto-approve").returncode == 0
        assert ids(service) == [501]


def test_no_delete_creates_everything_withholds_every_delete_and_succeeds(tmp_path: Path) -> None:
    seed = {"servers": WEB, "backups": [entry(1, "nightly", TWO_DAYS), entry(2, "x", TWO_DAYS)]}
    with sandbox(tmp_path, seed=seed) as service:
        service.write(NIGHTLY.replace("id = 1", "id = 1\nprune = true"))

        done = service.run("apply", "--auto-approve", "--no-delete")

        assert done.returncode == 0, done.stderr
        assert "1 created, 0 deleted, 2 withheld" in done.stdout
        assert "Withheld: 2 deletes. This run deletes nothing: --no-delete." in done.stdout
        assert ids(service) == [1, 2, 501]
        assert service.run("apply", "--auto-approve").returncode == 0
        assert ids(service) == [501]


def test_a_pause_withholds_everything_until_it_is_over(tmp_path: Path) -> None:
    seed = {"servers": WEB, "backups": [entry(1, "nightly", TWO_DAYS), entry(2, "nightly", 2 * TWO_DAYS)]}
    with sandbox(tmp_path, seed=seed) as service:
        for until, expected in (("9000-01-01", [1, 2]), ("2020-01-01", [501])):
            service.write(NIGHTLY.replace("id = 1", f'id = 1\npause = {{ until = {until}, reason = "moving" }}'))

            done = service.run("apply", "--auto-approve")

            assert done.returncode == 0, done.stderr
            assert ("paused until 9000-01-01: moving" in done.stdout) == (expected == [1, 2])
            assert ids(service) == expected


def test_a_saved_plan_can_be_applied_without_its_deletes(tmp_path: Path) -> None:
    seed = {"servers": WEB, "backups": [entry(1, "nightly", TWO_DAYS), entry(2, "x", TWO_DAYS)]}
    with sandbox(tmp_path, seed=seed) as service:
        service.write(NIGHTLY.replace("id = 1", "id = 1\nprune = true"))
        assert service.run("plan", "--out", "p").returncode == 0

        assert service.run("apply", "p", "--no-delete").returncode == 0
        assert ids(service) == [1, 2, 501]


def test_a_failed_create_leaves_the_old_backup_alone_and_exits_1(tmp_path: Path) -> None:
    seed = {"servers": WEB, "backups": [entry(1, "nightly", TWO_DAYS)]}
    with sandbox(tmp_path, fails=True, seed=seed) as service:
        service.write(NIGHTLY)

        failed = service.run("apply", "--auto-approve")

        assert failed.returncode == 1
        assert "web/nightly: failed: #501 ended as 'failed'" in failed.stdout
        assert "web/nightly#1: skipped: the new backup was not created" in failed.stdout
        assert "Apply incomplete: 0 created, 0 deleted, 1 failed, 1 skipped." in failed.stdout
        assert {backup["id"]: backup["status"] for backup in service.backups()} == {1: "completed", 501: "failed"}


def test_a_backup_that_is_not_done_in_time_deletes_nothing_and_the_next_apply_goes_on(tmp_path: Path) -> None:
    seed = {"servers": WEB, "backups": [entry(1, "nightly", TWO_DAYS)]}
    with sandbox(tmp_path, backup_seconds=60, seed=seed) as service:
        service.write(NIGHTLY)

        late = service.run("apply", "--auto-approve", "--timeout", "5s")

        assert late.returncode == 1
        assert "web/nightly#501: still in progress: not completed in time; counted by the next apply" in late.stdout
        assert "1 not started" in late.stdout
        assert len(service.backups()) == 2
        service.complete_backups()
        assert service.run("apply", "--auto-approve").returncode == 0
        assert ids(service) == [501]


def test_a_token_that_may_only_read_plans_and_cannot_apply(service: Sandbox) -> None:
    assert service.run("plan", VPS_API_TOKEN=READ_ONLY).returncode == 0

    refused = service.run("apply", "--auto-approve", VPS_API_TOKEN=READ_ONLY)

    assert refused.returncode == 1
    assert refused.stdout.count("403 Forbidden: You do not have permission to perform this action. Give the token") == 1
    assert "Run apply again" not in refused.stdout
    assert len(service.backups()) == 1


def test_yes_is_the_only_yes(service: Sandbox) -> None:
    for answer in ("y", "YES", ""):
        done = service.ask("apply", answer=answer)
        assert done.returncode == 1
        assert "Only 'yes' will be accepted" in done.stderr
        assert "apply cancelled; nothing was changed" in done.stderr
    assert len(service.backups()) == 1

    assert "Apply complete" in service.ask("apply", answer="yes").stdout
    assert len(service.backups()) == 2


def test_no_to_a_later_question_does_not_mean_that_nothing_was_changed(tmp_path: Path) -> None:
    seed = {"servers": WEB, "backups": [entry(1, "nightly", TWO_DAYS)]}
    with sandbox(tmp_path, backup_seconds=1.5, seed=seed) as service:
        service.write(NIGHTLY)
        service.run("apply", "--auto-approve", "--no-wait")
        service.write(NIGHTLY.replace("[{", '[{ description = "new" }, {'))

        done = service.ask("apply", answer="yes\nno")

    assert done.returncode == 1
    assert "So far: 1 created, 0 deleted. Planning again" in done.stdout
    assert "apply cancelled; nothing more was changed" in done.stderr


def test_a_question_without_an_answer_ends_with_the_timeout_and_holds_up_no_other_apply(service: Sandbox) -> None:
    done = service.ask("apply", "--timeout", "1s", answer=None)

    assert done.returncode == 1
    assert "Out of time; nothing was changed." in done.stderr
    assert "stopped: out of time while waiting for an answer" in done.stderr
    assert len(service.backups()) == 1
    assert service.run("apply", "--auto-approve").returncode == 0


def test_without_a_terminal_nobody_is_asked_and_nothing_changed(service: Sandbox) -> None:
    done = service.run("apply")

    assert done.returncode == 1
    assert "apply --auto-approve" in done.stderr
    assert len(service.backups()) == 1


class TestWithheld:
    """Deletes that lose too much wait for a person; everything else is done."""

    def test_deletes_are_announced_withheld_and_done_with_the_number(self, tmp_path: Path) -> None:
        with sandbox(tmp_path, seed=held("nightly", 10)) as service:
            service.write('[servers.web]\nid = 1\nbackups = [{ description = "nightly", keep = 2 }]\n')

            planned = service.run("plan")
            withheld = service.run("apply", "--auto-approve", "--allow-loss", "7")
            assert planned.returncode == 0
            share = "The plan would lose 8 of 10 backups with data on the declared servers; the limit is 3 "
            assert f"Withheld: 8 deletes. {share}(max_shrink: 20% of these, at least 3)." in planned.stdout
            assert "  !  nightly: 8 backups  2d to 9d, 800 MiB  withheld: not kept by last=2" in planned.stdout
            assert "--allow-loss 8" in planned.stdout
            assert withheld.returncode == 1
            assert "--allow-loss 8" in withheld.stdout
            assert ids(service) == list(range(1, 11))

            assert service.run("apply", "--auto-approve", "--allow-loss", "8").returncode == 0
            assert ids(service) == [1, 2]

    def test_plan_shows_what_a_number_would_allow(self, tmp_path: Path) -> None:
        with sandbox(tmp_path, seed=held("nightly", 10)) as service:
            service.write('[servers.web]\nid = 1\nbackups = [{ description = "nightly", keep = 2 }]\n')

            too_few = service.run("plan", "--allow-loss", "7")
            enough = service.run("plan", "--allow-loss", "8")

            assert "0 to create, 8 to delete (8 withheld)" in too_few.stdout
            assert "0 to create, 8 to delete;" in enough.stdout
            assert "ithheld" not in enough.stdout
            value = json.loads(service.run("plan", "--allow-loss", "8", "--json").stdout)
            assert value["reconcile"]["summary"]["withheld"] == 0
            refused = service.run("plan", "--allow-loss", "8", "--out", "saved.plan")
            assert refused.returncode == 1
            assert "pass --allow-loss to apply FILE" in refused.stderr
            assert ids(service) == list(range(1, 11))

    def test_a_create_is_made_all_the_same_and_the_number_named_last_does_the_rest(self, tmp_path: Path) -> None:
        with sandbox(tmp_path, seed=held("nightly", 10, first=TWO_DAYS)) as service:
            service.write('[servers.web]\nid = 1\nbackups = [{ description = "nightly", every = "1d", keep = 2 }]\n')

            withheld = service.run("apply", "--auto-approve")

            assert withheld.returncode == 1
            assert "1 created, 1 deleted, 8 withheld" in withheld.stdout
            assert withheld.stdout.count("--allow-loss 8\n") == 1
            assert service.run("apply", "--auto-approve", "--allow-loss", "7").returncode == 1
            done = service.run("apply", "--auto-approve", "--allow-loss", "8")
            assert done.returncode == 0, done.shown
            assert ids(service) == [1, 501]

    def test_json_counts_and_marks_them(self, tmp_path: Path) -> None:
        with sandbox(tmp_path, seed=held("nightly", 10)) as service:
            service.write('[servers.web]\nid = 1\nbackups = [{ description = "nightly", keep = 2 }]\n')

            planned = json.loads(service.run("plan", "--json").stdout)
            applied = service.run("apply", "--auto-approve", "--json")

            assert planned["reconcile"]["summary"]["withheld"] == 8
            assert len(planned["reconcile"]["withheld"]) == 8
            assert applied.returncode == 1
            assert summary(applied.stdout)["withheld"] == 8

    def test_a_target_does_not_narrow_what_the_share_is_taken_of(self, tmp_path: Path) -> None:
        backups = [entry(1, "x", TWO_DAYS), *(entry(number, "nightly", TWO_DAYS) for number in range(2, 6))]
        with sandbox(tmp_path, seed={"servers": WEB, "backups": backups}) as service:
            declared = '{ description = "nightly", keep = "all" }'
            service.write(f"[servers.web]\nid = 1\nprune = true\nbackups = [{declared}]\n")

            done = service.run("apply", "--auto-approve", "--target", "web/x")

            assert done.returncode == 0, done.shown
            assert "would be lost" not in done.stdout
            assert ids(service) == [2, 3, 4, 5]


class TestServerThatDoesNotFit:
    """One that is gone or renamed is left out, with an error that points at its line; the others go on."""

    FILE = """\
[servers.gone]
id = 99
backups = [{ description = "nightly" }]

[servers.web]
id = 1
backups = [{ description = "nightly" }]

[servers.former-name]
id = 2
backups = [{ description = "nightly" }]
"""

    @pytest.fixture
    def service(self, tmp_path: Path) -> Iterator[Sandbox]:
        servers = [*WEB, {"id": 2, "name": "db"}]
        with sandbox(tmp_path, seed={"servers": servers, "backups": []}) as served:
            served.write(self.FILE)
            yield served

    def test_the_others_are_planned(self, service: Sandbox) -> None:
        done = service.run("plan", "--detailed-exitcode")

        assert done.returncode == 1
        assert "Plan: 1 to create" in done.stdout
        assert "the account has no server with the id 99" in done.stderr
        assert " --> backups.toml:2:6" in done.stderr
        assert "server 2 is named 'db' in the account, not 'former-name'" in done.stderr
        assert " --> backups.toml:10:6" in done.stderr
        assert "If it was renamed, write name = 'db'" in done.stderr

    def test_the_others_are_applied(self, service: Sandbox) -> None:
        done = service.run("apply", "--auto-approve")

        assert done.returncode == 1
        assert "1 created" in done.stdout
        assert " --> backups.toml:2:6" in done.stderr
        assert [backup["server"]["name"] for backup in service.backups()] == ["web"]
        assert service.run("apply", "--auto-approve").returncode == 1

    def test_the_others_are_watched_over(self, service: Sandbox) -> None:
        done = service.run("status", "--check", "--metrics", "reconcile.prom")

        assert done.returncode == 2
        assert "EMPTY web/nightly" in done.stdout
        assert "no server with the id 99" in done.stdout
        assert " --> backups.toml:2:6" in done.stderr
        metrics = (service.folder / "reconcile.prom").read_text()
        assert 'reconcile_usable_backups{series="nightly",server="web"}' in metrics
        assert service.run("status").returncode == 1

    def test_its_errors_are_annotations_in_github_actions(self, service: Sandbox) -> None:
        for command in (["plan"], ["apply", "--auto-approve"], ["status"]):
            done = service.run(*command, GITHUB_ACTIONS="true")

            assert "::error file=backups.toml,line=2,col=6," in done.stderr, command

    def test_json_has_its_place(self, service: Sandbox) -> None:
        planned = json.loads(service.run("plan", "--json").stdout)
        applied = events(service.run("apply", "--auto-approve", "--json").stdout)

        (place,) = {error["range"]["start"]["line"] for error in planned["reconcile"]["errors"][:1]}
        assert place == 2
        places = [
            event["diagnostic"]["range"]["start"]["line"]
            for event in applied
            if event["type"] == "diagnostic" and "range" in event["diagnostic"]
        ]
        assert set(places) == {2, 10}


def events(out: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in out.splitlines()]
    assert all({"@level", "@message", "@timestamp", "type"} <= set(line) for line in lines)
    return lines


def summary(out: str) -> dict[str, int]:
    last = events(out)[-1]
    assert (last["type"], last["operation"]) == ("change_summary", "apply")
    changes: dict[str, int] = {key: count for key, count in last["changes"].items() if key != "operation"}
    return changes


class TestJson:
    def test_is_one_event_a_line_and_ends_with_the_figures(self, service: Sandbox) -> None:
        service.write(PRUNING)

        done = service.run("apply", "--auto-approve", "--json")

        assert (done.returncode, done.stderr) == (0, "")
        kinds = [event["type"] for event in events(done.stdout)]
        assert kinds[:4] == ["version", "planned_change", "planned_change", "change_summary"]
        assert kinds.count("apply_start") == kinds.count("apply_complete") == 2
        figures = {name: count for name, count in summary(done.stdout).items() if count}
        assert figures == {"add": 1, "remove": 1}

    def test_nothing_to_do_is_a_summary_too(self, service: Sandbox) -> None:
        service.run("apply", "--auto-approve")

        assert set(summary(service.run("apply", "--json").stdout).values()) == {0}

    def test_failures_are_diagnostics(self, tmp_path: Path) -> None:
        with sandbox(tmp_path, fails=True) as service:
            service.write(FIRST)

            done = service.run("apply", "--auto-approve", "--json")

            assert done.returncode == 1
            (failure,) = [event["diagnostic"] for event in events(done.stdout) if event["type"] == "diagnostic"]
            assert (failure["severity"], failure["address"]) == ("error", "web-server-01/nightly")
            assert "ended as 'failed'" in failure["detail"]
            assert summary(done.stdout)["failed"] == 1

    @pytest.mark.parametrize(
        ("arguments", "environment", "message"),
        [
            ([], {"VPS_API_TOKEN": "vps_wrong"}, "401 Unauthorized"),
            (["-f", "missing.toml"], {}, "missing.toml: no such file"),
            (["missing.plan"], {}, "missing.plan: No such file"),
            ([], {}, "can't ask for approval without a terminal"),
        ],
    )
    def test_what_stops_it_is_a_diagnostic_before_the_summary(
        self, service: Sandbox, arguments: list[str], environment: dict[str, str], message: str
    ) -> None:
        done = service.run("apply", "--json", *arguments, **environment)

        diagnostics = [event["diagnostic"] for event in events(done.stdout) if event["type"] == "diagnostic"]
        assert done.returncode == 1
        assert message in diagnostics[-1]["summary"]
        assert summary(done.stdout)["not_started"] == (1 if "terminal" in message else 0)
