"""Where output goes, and what becomes of it where it cannot be written."""

import errno
import os
import signal
import sys
import threading
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from support.command import FILE, run, sandbox

from reconcile.cli.main import run as run_main
from reconcile.cli.output import Output
from reconcile.cli.sandbox import how_to_install
from reconcile.report.document import Text

FULL = Path("/dev/full")


def test_a_result_that_cannot_be_written_is_one_error(capsys: pytest.CaptureFixture[str]) -> None:
    with FULL.open("w") as full, redirect_stdout(full):
        code = run_main(["schema"])

    assert code == 1
    assert capsys.readouterr().err == "error: stdout: No space left on device\n"


def test_the_rest_of_a_result_that_cannot_be_written_is_dropped() -> None:
    with FULL.open("w") as full, redirect_stdout(full):
        output = Output()
        for number in range(3):
            output.result([f"line {number}"])

        assert output.out.failure
        assert output.out.failure.errno == errno.ENOSPC


def test_notes_that_cannot_be_written_are_no_failure() -> None:
    with FULL.open("w") as full, redirect_stderr(full):
        output = Output()
        output.note("a note")

        assert output.out.failure is None


def test_a_reader_that_went_away_is_no_error_message(capsys: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe, redirect_stdout(pipe):
        code = run_main(["schema"])

    assert (code, capsys.readouterr().err) == (1, "")


def test_a_secret_is_blanked_out_on_both_streams(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.keep_secret("vps_4f9a81c2e7d04b6f")

    output.result(["the result has vps_4f9a81c2e7d04b6f"])
    output.note("the note has vps_4f9a81c2e7d04b6f")

    assert capsys.readouterr() == ("the result has ***\n", "the note has ***\n")


def test_a_pipe_is_coloured_where_the_environment_asks_for_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    Output().result([Text("plain", "bold red")])
    monkeypatch.setenv("FORCE_COLOR", "1")
    Output().result([Text("red", "bold red")])

    assert capsys.readouterr().out == "plain\n\x1b[1;31mred\x1b[0m\n"


def test_what_a_slow_service_is_waited_for_is_shown_on_a_terminal_only(tmp_path: Path) -> None:
    with sandbox(tmp_path, latency=0.3) as service:
        service.write("[servers.web-server-01]\nid = 12345\n")

        assert f"Reading the account at {service.url}" in service.ask("plan", answer="", TERM="xterm").stderr
        assert "Reading the account" not in service.run("plan").stderr


class TestWhatIsNotInstalled:
    """An extra is named with the command that installs it; where tree-sitter has no wheel, less is shown."""

    def test_the_sandbox(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "reconcile.sandbox.http", None)

        done = run("sandbox", folder=tmp_path)

        assert done.returncode == 1
        assert "[sandbox]'" in done.stderr

    @pytest.mark.parametrize(
        ("prefix", "command"),
        [
            ("/home/me/.local/share/uv/tools/vps-reconcile", "uv tool install --force '"),
            ("/home/me/.local/pipx/venvs/vps-reconcile", "pipx install --force '"),
            ("/srv/venv", f"{sys.executable} -m pip install '"),
        ],
    )
    def test_the_hint_names_the_tool_that_installed_the_program(
        self, prefix: str, command: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "prefix", prefix)

        assert how_to_install("sandbox").startswith(command)

    def test_tree_sitter(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "tree_sitter", None)
        monkeypatch.delitem(sys.modules, "reconcile.desired.positions", raising=False)
        (tmp_path / "backups.toml").write_text('[[servers.web.backups]]\ndescription = "a "\n')

        done = run("validate", folder=tmp_path)

        assert done.returncode == 1
        assert " --> backups.toml: servers.web.backups[0].description" in done.stderr.splitlines()


def test_the_sandbox_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)

    def interrupt() -> None:
        while signal.getsignal(signal.SIGINT) is before:  # uvicorn has one of its own, once it serves
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()

    done = run("sandbox", "--port", "0", "--rate-limit", "60/min", folder=tmp_path)

    thread.join()
    assert done.returncode == 130
    assert done.stdout.startswith("export VPS_API_URL=http://127.0.0.1:")
    assert "export VPS_API_TOKEN=vps_sandbox" in done.stdout


@pytest.mark.parametrize("limit", ["x/min", "0/min", "1.5/min"])
def test_a_rate_limit_of_the_sandbox_is_a_number_of_requests_a_minute(limit: str, tmp_path: Path) -> None:
    done = run("sandbox", "--port", "0", "--rate-limit", limit, folder=tmp_path)

    assert done.returncode == 1
    assert "See reconcile sandbox --help." in done.stderr


class TestAFileThatIsStandardOutput:
    @pytest.mark.parametrize(
        ("arguments", "begins"),
        [
            (["status", "--metrics", "-"], "# HELP"),
            (["status", "--check", "--html", "-"], "<!doctype html>"),
            (["status", "--runbook", "-"], "# Restore servers with curl"),
            (["plan", "--out", "-"], '{"reconcile_plan"'),
            (["plan", "--gitlab-report", "-"], '{"create": 1'),
            (["forecast", "--html", "-"], "<!doctype html>"),
            (["import", "--out", "-"], "# Written by reconcile import"),
            (["init", "--out", "-"], "#:schema"),
        ],
        ids=str,
    )
    def test_holds_that_file_and_nothing_else(self, arguments: list[str], begins: str, tmp_path: Path) -> None:
        with sandbox(tmp_path) as service:
            service.write(FILE)

            done = service.run(*arguments)

        assert done.returncode in {0, 2}, done.stderr
        assert done.stdout.lower().startswith(begins.lower())
        assert not (tmp_path / "-").exists()
        assert "Plan: " not in done.stdout
        assert "Wrote" not in done.stderr

    def test_is_one_file_only(self, tmp_path: Path) -> None:
        done = run("status", "--metrics", "-", "--html", "-", folder=tmp_path)

        assert (done.returncode, done.stdout) == (1, "")
        assert "--metrics is written to standard output already" in done.stderr

    def test_a_file_with_a_name_is_said_to_be_written(self, tmp_path: Path) -> None:
        with sandbox(tmp_path) as service:
            service.write(FILE)

            done = service.run("status", "--metrics", "x.prom")

        assert "Wrote x.prom.\n" in done.stderr
        assert done.stdout
