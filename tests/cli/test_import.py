"""`import`: a file that declares what the account holds."""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.build import entry
from support.command import Sandbox, sandbox

WEB = {"id": 1, "name": "web"}


def item(id_: int, description: str | None, status: str = "completed", **server: object) -> dict[str, Any]:
    return entry(id_, description, timedelta(hours=id_), status=status, server={**WEB, **server}, size_mb=1024)


def test_nothing_is_left_to_do_with_what_it_writes(service_alone: Sandbox) -> None:
    done = service_alone.run("import")

    assert done.returncode == 0
    assert done.stdout.startswith("# Written by reconcile import at 20")
    assert service_alone.url in done.stdout.splitlines()[1]
    assert "[servers.web-server-01]" in done.stdout
    assert 'description = "Pre-update backup"' in done.stdout
    service_alone.write(done.stdout)
    assert "No changes." in service_alone.run("plan").stdout


def test_what_is_ignored_is_not_suggested(service_alone: Sandbox) -> None:
    service_alone.write('[settings]\nignore = "Pre-*"\n')

    assert "Pre-update" not in service_alone.run("import", "-f", "backups.toml").stdout


def test_with_files_only_what_they_lack(service_alone: Sandbox) -> None:
    service_alone.write("[servers.web-server-01]\nid = 12345\n")

    written = service_alone.run("import", "-f", "backups.toml").stdout

    assert "[servers.web-server-01]" not in written
    assert "[servers.db-server-01]" in written
    assert "# - web-server-01: backups.toml does not declare 'Pre-update backup' (1 backup)" in written


@pytest.mark.parametrize("name", ["12346", "db-server-01"])
def test_one_server(name: str, service_alone: Sandbox) -> None:
    written = service_alone.run("import", "--server", name).stdout

    assert "[servers.db-server-01]" in written
    assert "web" not in written


def test_a_server_that_the_account_lacks(service_alone: Sandbox) -> None:
    done = service_alone.run("import", "--server", "nobody")

    assert (done.returncode, done.stdout) == (1, "")
    assert "the account has no server 'nobody'" in done.stderr


def test_a_file_that_exists_is_not_overwritten(service_alone: Sandbox) -> None:
    assert service_alone.run("import", "--out", "new.toml").returncode == 0
    assert service_alone.run("validate", "-f", "new.toml").returncode == 0

    again = service_alone.run("import", "--out", "new.toml")

    assert again.returncode == 1
    assert "new.toml exists already" in again.stderr


def test_what_cannot_be_declared_is_named_and_stays(tmp_path: Path) -> None:
    backups = [item(1, None), item(2, " blank "), item(3, "\x1b[31m"), item(4, "x", "failed")]
    with sandbox(tmp_path, seed={"servers": [WEB], "backups": backups}) as service:
        written = service.run("import").stdout.replace("\n#   ", " ")

        assert "# - web: backup 1 (None) stays unmanaged: its description is empty" in written
        assert "# - web: backup 2 (' blank ') stays unmanaged: its description starts or ends with white" in written
        assert r"# - web: backup 3 ('\x1b[31m') stays unmanaged: its description has control characters" in written
        assert "# - web: backup 4 ('x') stays unmanaged: no backup of its series counts; its status" in written
        assert "\x1b" not in written
        assert 'account = "you@example.com"' in written
        service.write(written.replace("[settings]", "[settings]\nprune = true"))
        assert "No changes." in service.run("plan").stdout


def test_characters_that_act_or_hide_are_written_as_escapes(tmp_path: Path) -> None:
    name, description = "we\x9bb", "\u202egnp.exe"
    backups = [item(1, description, name=name)]
    with sandbox(tmp_path, seed={"servers": [{"id": 1, "name": name}], "backups": backups}) as service:
        written = service.run("import").stdout

        assert written.isprintable() or set(written) - {"\n"} == {char for char in written if char.isprintable()}
        (server,) = tomllib.loads(written)["servers"].values()
        assert (server["name"], server["backups"][0]["description"]) == (name, description)
        service.write(written)
        assert "No changes." in service.run("plan").stdout
