"""Where the lock of an apply is: in the state folder, else in the temporary one; a missing home is never created."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import Done, Sandbox, sandbox


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with sandbox(tmp_path) as served:
        served.write('[servers.web-server-01]\nid = 12345\nbackups = [{ description = "nightly" }]\n')
        yield served


def apply(service: Sandbox, **environment: str) -> Done:
    done = service.run("apply", "--auto-approve", **environment)
    assert done.returncode == 0, done.shown
    return done


def folders_of_locks(service: Sandbox) -> set[str]:
    return {str(file.parent.relative_to(service.folder)) for file in service.folder.rglob("*.lock")}


def test_it_is_in_the_state_folder(service: Sandbox) -> None:
    apply(service, XDG_STATE_HOME=str(service.folder / "new/state"))

    assert folders_of_locks(service) == {"new/state/reconcile/locks"}


@pytest.mark.parametrize("stated", ["", "relative"])
def test_without_a_state_folder_it_is_in_the_home(stated: str, service: Sandbox) -> None:
    (service.folder / "home").mkdir()

    apply(service, XDG_STATE_HOME=stated)

    assert folders_of_locks(service) == {"home/.local/state/reconcile/locks"}


@pytest.mark.parametrize("home", ["", "missing", "{folder}/missing", "{folder}/backups.toml"])
def test_without_a_home_it_is_in_the_temporary_folder_and_no_home_is_created(home: str, service: Sandbox) -> None:
    before = set(service.folder.iterdir())

    done = apply(service, XDG_STATE_HOME="", HOME=home.format(folder=service.folder))

    assert "warning" not in done.stderr
    assert folders_of_locks(service) == {f"temporary/reconcile-{os.getuid()}"}
    assert set(service.folder.iterdir()) == before


def test_a_state_folder_that_cannot_be_created_is_none(service: Sandbox) -> None:
    apply(service, XDG_STATE_HOME="/dev/null/nowhere")

    assert folders_of_locks(service) == {f"temporary/reconcile-{os.getuid()}"}


def test_where_there_can_be_no_lock_apply_says_so_once_and_goes_on(service: Sandbox) -> None:
    (service.folder / f"temporary/reconcile-{os.getuid()}").symlink_to(service.folder)

    done = apply(service, XDG_STATE_HOME="/dev/null/nowhere")

    assert done.stderr.count("warning: no lock") == 1
