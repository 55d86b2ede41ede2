"""The installed command in any surroundings: no environment, a nameless user, nothing to write to, closed streams."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from operator import itemgetter
from pathlib import Path

import pytest
from support.build import entry
from support.command import COMMAND, Done, Sandbox, bare_environment, checked, sandbox
from support.forked import Forked, programs
from support.sample import sampled

FILE = '[servers.web]\nid = 1\nbackups = [{ description = "nightly", every = "1d", keep = 1 }]\n'
SEED = {"servers": [{"id": 1, "name": "web"}], "backups": [entry(1, "nightly", timedelta(days=2))]}
COMMANDS = [
    ["plan"],
    ["doctor"],
    ["--help"],
    ["validate"],
    ["show", "saved.plan"],
    ["import"],
    ["apply", "--auto-approve"],
    ["list"],
    ["status"],
    ["restore", "web", "--backup", "1", "--auto-approve"],
    ["schema"],
    ["--version"],
]
NAMELESS = 12345
"""A user id that has no entry in the password file."""

READS_ANYTHING = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
"""Python itself may be installed where only root can read it."""

IMPORTS = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
"""Needed to find the package where it is not installed, and no part of the surroundings."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path, seed=SEED) as served:
        served.write(FILE)
        served.run("plan", "--out", "saved.plan")
        yield served


def run_forked(service: Sandbox, script: str, *arguments: str) -> Done:
    """Run a script of the shell in which "$@" is the command, forked, with these arguments."""
    return run_bare(
        service, *arguments, before=("/bin/sh", "-c", script, "sh"), command=[str(programs() / "reconcile")]
    )


def run_bare(
    service: Sandbox,
    *arguments: str,
    before: tuple[str, ...] = (),
    command: Sequence[str] = COMMAND,
    **environment: str,
) -> Done:
    """Run the command with nothing in its environment but what finds it, the service and a folder for the lock."""
    needed = {"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(service.folder / "state"), **IMPORTS}
    bare = {**needed, **service.environment, **environment}
    done = subprocess.run(
        [*before, *command, *arguments],
        cwd=service.folder,
        env=bare,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return checked(Done(done.returncode, done.stdout, done.stderr), service.folder, service.environment)


@pytest.mark.parametrize("command", sampled(COMMANDS, one_in=6, name=itemgetter(0)))
class TestEveryCommand:
    def test_without_an_environment(self, command: list[str], service: Sandbox) -> None:
        done = run_bare(service, *command)

        assert done.returncode == 0, done.stderr
        assert done.stdout

    def test_as_a_user_without_a_name_who_can_write_nowhere(self, command: list[str], service: Sandbox) -> None:
        setpriv = shutil.which("setpriv")
        if os.getuid() != 0 or setpriv is None:
            pytest.skip("only root can become another user, with setpriv")
        become = (setpriv, f"--reuid={NAMELESS}", f"--regid={NAMELESS}", "--clear-groups", *READS_ANYTHING)

        done = run_bare(service, *command, before=become, XDG_STATE_HOME="/proc/nowhere", TMPDIR="/proc/nowhere")

        assert done.returncode == 0, done.stderr
        assert done.stdout

    @pytest.mark.parametrize("closed", ["<&- >&-", "2>&-"])
    def test_with_closed_streams(self, closed: str, command: list[str], service: Sandbox) -> None:
        shell = ("/bin/sh", "-c", f'exec "$@" {closed}', "sh")

        done = run_bare(service, *command, before=shell)

        assert done.returncode == 0, done.stderr
        assert bool(done.stdout) is (closed == "2>&-")


@pytest.mark.parametrize("closed", ["<&- >&-", "2>&-"])
def test_init_writes_its_file_and_nothing_else_with_closed_streams(closed: str, service: Sandbox) -> None:
    done = run_bare(service, "init", "--out", "new.toml", before=("/bin/sh", "-c", f'exec "$@" {closed}', "sh"))

    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert (service.folder / "new.toml").read_text().startswith("#:schema ")


@pytest.mark.parametrize("command", [["plan"], ["apply", "--auto-approve"], ["--help"]], ids=lambda command: command[0])
def test_a_full_disk_behind_stdout_is_one_error(command: list[str], service: Sandbox) -> None:
    done = run_forked(service, '"$@" >/dev/full', *command)

    assert done.returncode == 1
    assert done.stderr.count("error: stdout: No space left on device") == 1


def test_a_question_without_an_input_is_one_error(service: Sandbox) -> None:
    done = run_bare(service, "apply", before=("/bin/sh", "-c", 'exec "$@" <&-', "sh"))

    assert done.returncode == 1
    assert "can't ask for approval without a terminal; nothing was changed" in done.stderr


@pytest.mark.parametrize("command", [["plan"], ["--help"], ["import"]], ids=lambda command: command[0])
def test_a_reader_that_goes_away_is_no_error_message(command: list[str], service: Sandbox) -> None:
    done = run_forked(service, '"$@" | true', *command)

    assert done.stderr == ""


def test_an_apply_goes_on_although_its_reader_goes_away(service: Sandbox) -> None:
    done = run_forked(service, '"$@" | true', "apply", "--auto-approve")

    assert "error" not in done.stderr
    assert [backup["id"] for backup in service.backups()] == [501]


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
    @pytest.mark.parametrize("command", sampled([["plan"], ["status"]], one_in=2, name=itemgetter(0)))
    def test_end_a_command_that_reads_with_130(
        self, number: signal.Signals, command: list[str], tmp_path: Path
    ) -> None:
        with sandbox(tmp_path, latency=30.0, seed=SEED) as service:
            service.write(FILE)
            program = Forked(
                *command, folder=tmp_path, environment={**bare_environment(tmp_path), **service.environment}
            )
            service.wait_for_request()
            os.kill(program.pid, number)

            assert program.done == Done(130, "", "")

    def test_end_it_although_the_shell_that_started_it_ignores_them(self, tmp_path: Path) -> None:
        shell = ["/bin/sh", "-c", "trap '' INT HUP; exec \"$@\"", "sh"]
        with sandbox(tmp_path, latency=30.0, seed=SEED) as service:
            service.write(FILE)
            environment = {**bare_environment(tmp_path), **service.environment}
            with subprocess.Popen([*shell, *COMMAND, "plan"], cwd=tmp_path, env=environment) as program:
                service.wait_for_request()
                program.send_signal(signal.SIGINT)

        assert program.returncode == 130

    def test_end_the_sandbox_without_a_traceback(self, tmp_path: Path) -> None:
        with subprocess.Popen(
            [*COMMAND, "sandbox", "--port", "0"],
            cwd=tmp_path,
            env=bare_environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as served:
            assert served.stdout
            served.stdout.readline()
            time.sleep(0.3)
            served.send_signal(signal.SIGINT)
            _, errors = served.communicate(timeout=10)
        assert "Traceback" not in errors
        assert served.returncode == 130


@pytest.mark.parametrize("target", ["", "| cat", "> file; cat file"], ids=["a pipe", "a pipeline", "a file"])
def test_a_file_may_be_standard_output(target: str, service: Sandbox) -> None:
    done = run_forked(service, f'"$@" {target}', "import", "--out", "/dev/stdout")

    assert done.returncode == 0, done.stderr
    assert "[servers.web]" in done.stdout


def test_import_writes_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    name, description = "café", "日本 🐘"
    seed = {
        "servers": [{"id": 1, "name": name}],
        "backups": [entry(1, description, timedelta(0), server={"id": 1, "name": name})],
    }
    with sandbox(tmp_path, seed=seed) as service:
        no_utf_8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        for locale in (no_utf_8, {"PYTHONIOENCODING": "latin-1"}):
            written = subprocess.run(
                [*COMMAND, "import"],
                cwd=tmp_path,
                env={**bare_environment(tmp_path), **service.environment, **locale},
                capture_output=True,
                check=False,
            )

            assert written.returncode == 0, written.stderr
            text = written.stdout.decode("utf-8")
            assert description in text
            service.write(text)
            assert "No changes." in service.run("plan").stdout
