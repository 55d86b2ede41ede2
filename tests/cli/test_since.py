"""`status --since`: what has changed since a record, and who did it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.build import held
from support.command import Sandbox, sandbox

FILE = """\
[settings]
max_shrink = "100%"

[servers.web]
id = 1
[[servers.web.backups]]
description = "nightly"
every = "1d"
keep = 5
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    """Serve an account that matches its file, with the record of an apply that had nothing to do."""
    with sandbox(tmp_path, seed=held("nightly", 5)) as served:
        served.write(FILE)
        apply(served)
        yield served


def apply(service: Sandbox) -> None:
    assert service.run("apply", "--auto-approve", "--record", "records").returncode == 0


def since(service: Sandbox, *options: str) -> str:
    done = service.run("status", "--since", "records", *options)
    assert done.returncode == 0, done.shown
    return done.stdout


def delete(service: Sandbox, backup_id: int) -> None:
    found = service.account.backup(str(backup_id))
    assert found
    service.account.delete(found)


def test_nothing_has_changed(service: Sandbox) -> None:
    for shown in (since(service), since(service, "--markdown")):
        assert "UTC: 0 new, 0 gone, 0 worse, 0 better\n" in shown


def test_a_backup_that_someone_else_deleted_is_named_and_no_other(service: Sandbox) -> None:
    delete(service, 3)
    found = json.loads(since(service, "--json"))["since"]
    text = since(service)

    assert [(each["backup"]["id"], each["cause"]) for each in found["gone"]] == [(3, "others")]
    assert "0 new, 1 gone (1 by someone else), 0 worse, 0 better" in text
    assert "GONE" in text
    assert "web/nightly#3" in text
    assert "someone else deleted it: no recorded run did, and no rule in the files does" in text
    assert "#4" not in text.partition("Since")[2]


def test_what_a_run_did_is_counted_and_what_a_rule_explains_says_so(service: Sandbox) -> None:
    service.write(FILE.replace("keep = 5", "keep = 3"))
    apply(service)
    assert "2 gone, 0 worse" in since(service)
    assert "2 backups created or deleted by recorded runs (-v lists them)" in since(service)
    assert "deleted by a recorded run" in since(service, "-v")

    service.write(FILE.replace("keep = 5", "keep = 2"))
    assert service.run("apply", "--auto-approve").returncode == 0  # without a record
    found = json.loads(since(service, "--json"))["since"]
    assert {each["cause"] for each in found["gone"]} == {"run", "rule"}


def test_an_older_record_has_the_later_ones_explain_what_they_did(service: Sandbox) -> None:
    oldest = min((service.folder / "records").iterdir())
    service.write(f'{FILE}[[servers.web.backups]]\ndescription = "extra"\n')
    apply(service)
    apply(service)

    done = service.run("status", "--since", str(oldest), "--json")

    new = json.loads(done.stdout)["since"]["new"]
    assert new
    assert {each["cause"] for each in new} == {"run"}


def test_what_someone_else_created_and_a_series_that_got_worse_are_named(service: Sandbox) -> None:
    server = service.account.servers[0]
    service.account.create(server, "by hand")
    failed = service.account.create(server, "nightly")
    service.account.list_backups()
    (found,) = [each for each in service.account.backups if each["id"] == failed["id"]]
    found["status"] = "failed"

    text, markdown = since(service), since(service, "--markdown")

    for shown in (text, markdown):
        assert "someone else created it" in shown
        assert "WORSE" in shown
        assert "failed" in shown.partition("WORSE")[2]
    assert "1 worse" in text


def test_a_record_of_another_account_is_an_error(service: Sandbox) -> None:
    service.write(FILE.replace("[settings]", '[settings]\naccount = "you@example.com"'))
    apply(service)
    newest = max((service.folder / "records").iterdir())
    newest.write_text(newest.read_text().replace("you@example.com", "me@example.com"))

    done = service.run("status", "--since", str(newest))

    assert done.returncode == 1
    assert "is a record of me@example.com, not of you@example.com" in done.stderr


def test_a_record_of_another_service_or_none_is_an_error(service: Sandbox) -> None:
    (file,) = (service.folder / "records").iterdir()
    text = file.read_text()
    file.write_text(text.replace(service.url, "http://127.0.0.1:1/api/v1"))
    assert "is a record of http://127.0.0.1:1/api/v1, not of" in service.run("status", "--since", "records").stderr

    file.write_text(json.dumps({**json.loads(text), "rounds": []}))
    assert "contains no observation" in service.run("status", "--since", "records").stderr
    assert service.run("status", "--since", "missing").returncode == 1


def test_of_a_folder_the_newest_record_of_this_account_counts_and_no_other_file(service: Sandbox) -> None:
    (file,) = (service.folder / "records").iterdir()
    other = file.read_text().replace(service.url, "http://127.0.0.1:1/api/v1")
    (service.folder / "records/99990101T000000.000000Z-apply.json").write_text(other)
    (service.folder / "records/package.json").write_text("{}")

    for shown in (since(service), since(service, "--markdown")):
        assert "UTC: 0 new, 0 gone, 0 worse, 0 better\n" in shown


def test_a_record_that_can_not_be_read_costs_no_other_output(service: Sandbox) -> None:
    (service.folder / "record.json").write_text("{")

    done = service.run("status", "--since", "record.json", "--metrics", "metrics.prom")

    assert done.returncode == 1
    assert "record.json is not a record" in done.stderr
    assert "1 of 1 series healthy" in done.stdout
    assert (service.folder / "metrics.prom").exists()


def test_a_run_that_could_not_read_the_account_is_passed_over(service: Sandbox) -> None:
    service.run("apply", "--auto-approve", "--record", "records", VPS_API_TOKEN="vps_wrong_token")

    assert "Since" in since(service)


def test_a_record_that_never_comes_ends_with_the_time_limit(service: Sandbox) -> None:
    os.mkfifo(service.folder / "never.json")

    done = service.run("status", "--since", "never.json", "--timeout", "1s")

    assert done.returncode == 1
    assert "out of time while reading the records" in done.stderr
    assert "1 of 1 series healthy" in done.stdout


PAUSED = 'pause = { until = 9999-01-01, reason = "moving" }\n'


def test_what_a_rule_would_have_deleted_but_for_a_pause_was_deleted_by_someone_else(service: Sandbox) -> None:
    service.write(FILE.replace("id = 1\n", f"id = 1\n{PAUSED}").replace("keep = 5", "keep = 2"))
    delete(service, 5)

    found = json.loads(since(service, "--json"))["since"]

    assert [(each["backup"]["id"], each["cause"]) for each in found["gone"]] == [(5, "others")]


def test_a_rule_explains_what_is_gone_outside_the_targets_too(service: Sandbox) -> None:
    service.write(FILE.replace("keep = 5", "keep = 2") + '[[servers.web.backups]]\ndescription = "other"\n')
    assert service.run("apply", "--auto-approve").returncode == 0

    found = json.loads(since(service, "--json", "--target", "web/other"))["since"]

    assert {each["cause"] for each in found["gone"]} == {"rule"}


def test_each_value_of_a_backup_that_has_changed_is_named(service: Sandbox) -> None:
    changed = service.account.backups[1]
    size = changed["size_mb"]
    changed.update(status="failed", size_mb=None)

    found = json.loads(since(service, "--json"))["since"]

    assert [(each["backup"]["id"], each["field"], each["before"], each["after"]) for each in found["changed"]] == [
        (changed["id"], "status", "completed", "failed"),
        (changed["id"], "size_mb", size, None),
    ]
