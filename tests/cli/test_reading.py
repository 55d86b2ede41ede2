"""Whatever is read has a bound: devices that never end, FIFOs that nothing is written to, links to both."""

import os
import threading
import time
from pathlib import Path

import pytest
from support.command import run, run_on

from reconcile.cli.system_clock import SystemClock

UNREACHABLE = {"VPS_API_URL": "http://127.0.0.1:1/api/v1", "VPS_API_TOKEN": "vps_unused_token"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "backups.toml").write_text('[servers.web]\nid = 1\nbackups = [{ description = "nightly" }]\n')
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/dev/zero")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "file", "limit"),
    [
        (["plan", "--token-file"], "/dev/zero", "64 KiB"),
        (["plan", "--token-file"], "link", "64 KiB"),
        (["show"], "link", "256 MiB"),
        (["apply"], "link", "256 MiB"),
        (["validate", "-f"], "/dev/zero", "32 MiB"),
        (["validate", "-f"], "link", "32 MiB"),
        (["sandbox", "--seed"], "/dev/zero", "256 MiB"),
        (["forecast", "--from-empty", "--compare"], "link", "32 MiB"),
    ],
)
def test_a_file_that_never_ends_is_too_large(arguments: list[str], file: str, limit: str, folder: Path) -> None:
    done = run(*arguments, file, folder=folder, **UNREACHABLE)

    assert done.returncode == 1
    assert f"{file}: larger than {limit}" in done.stderr


def test_the_official_clis_file_has_a_bound_too(folder: Path) -> None:
    (folder / "home/.vps").mkdir(parents=True)
    (folder / "home/.vps/config.json").symlink_to("/dev/zero")

    done = run("plan", folder=folder, HOME=str(folder / "home"))

    assert "config.json: larger than 1 MiB" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "during"),
    [
        (["plan", "--token-file", "fifo"], "reading the token"),
        (["plan", "-f", "fifo"], "reading the files"),
        (["apply", "fifo"], "reading the plan"),
        (["forecast", "--from-empty", "--compare", "fifo"], "reading the files before the change"),
        (["plan", "--compare", "fifo"], "reading the files before the change"),
    ],
)
def test_a_fifo_that_nothing_is_written_to_is_waited_for_until_the_time_limit(
    arguments: list[str], during: str, folder: Path
) -> None:
    started = time.monotonic()
    done = run(*arguments, "--timeout", "1s", folder=folder, **UNREACHABLE)

    assert time.monotonic() - started < 20
    assert done.returncode == 1
    assert f"stopped: out of time while {during}" in done.stderr


def test_what_reading_took_is_no_longer_there_for_the_service(folder: Path) -> None:
    writer = threading.Timer(1.5, lambda: (folder / "fifo").write_text((folder / "backups.toml").read_text()))
    writer.start()

    started = time.monotonic()
    done = run_on(SystemClock(), "plan", "-f", "fifo", "--timeout", "2s", folder=folder, **UNREACHABLE)
    writer.join()

    assert time.monotonic() - started < 3.4
    assert "out of time" in done.stderr
