"""Know that it ran: the heartbeat, the systemd units, the crontab and the alerts, each tried out."""

import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.build import backup, declare, inventory
from support.command import TOKEN, Sandbox, sandbox
from support.scripts import CURL, EXAMPLES, ROOT, read_yaml, run_script, script_environment, stand_in

from reconcile.desired.desired import resolve
from reconcile.insight.status import status
from reconcile.report.status.metrics import metrics

MONITORING = EXAMPLES / "monitoring"
SYSTEMD = EXAMPLES / "systemd"
HEARTBEAT = MONITORING / "heartbeat.sh"
FILE = '[servers.web-server-01]\nid = 12345\nbackups = [{ description = "nightly", every = "1d" }]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a `curl` that notes what it was asked, and with `heartbeat` on the path."""
    stand_in(tmp_path, "curl", CURL)
    (tmp_path / "bin" / "heartbeat").symlink_to(HEARTBEAT)
    return tmp_path


@pytest.fixture
def service(folder: Path) -> Iterator[Sandbox]:
    (folder / "backups.toml").write_text(FILE)
    (folder / "token").write_text(TOKEN)
    with sandbox(folder) as served:
        yield served


def pings(folder: Path) -> list[str]:
    file = folder / "pings.txt"
    return file.read_text().split() if file.exists() else []


class TestHeartbeat:
    @pytest.mark.parametrize("code", [0, 2])
    def test_signals_the_start_and_the_exit_code_of_a_command(self, code: int, folder: Path) -> None:
        given = {"HEARTBEAT_URL": "https://hc/x", "PINGS": str(folder / "pings.txt")}

        ran = run_script(f"heartbeat sh -c 'echo \"$1\"; exit {code}' sh 'two words'", folder, **given)

        assert (ran.returncode, ran.shown) == (code, "two words\n")
        assert pings(folder) == ["https://hc/x/start", f"https://hc/x/{code}"]

    def test_never_changes_the_exit_code_and_needs_no_address(self, folder: Path) -> None:
        given = {"PINGS": str(folder / "pings.txt")}

        assert run_script("heartbeat true", folder, **given).returncode == 0
        assert pings(folder) == []
        assert run_script("heartbeat true", folder, **given, HEARTBEAT_URL="x", CURL_EXIT="7").returncode == 0
        assert run_script("heartbeat no-such-command", folder, **given, HEARTBEAT_URL="x").returncode == 127
        assert pings(folder)[-1] == "x/127"

    def test_passes_on_the_signal_that_stops_it_and_reports_how_the_command_ended(self, folder: Path) -> None:
        given = {"HEARTBEAT_URL": "x", "PINGS": str(folder / "pings.txt")}
        command = [
            "sh",
            str(HEARTBEAT),
            "sh",
            "-c",
            "trap 'sleep 0.3; echo cleaned; exit 130' TERM; echo up; sleep 60 & wait",
        ]
        with subprocess.Popen(
            command, env=script_environment(folder, given), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == "up\n"
            process.send_signal(signal.SIGTERM)
            assert process.stdout.readline() == "cleaned\n"
            process.stdout.close()

        assert process.returncode == 130
        assert pings(folder) == ["x/start", "x/130"]

    def test_stops_before_the_command_if_a_signal_arrives_while_it_reports_the_start(self, folder: Path) -> None:
        given = {"HEARTBEAT_URL": "x", "PINGS": str(folder / "pings.txt")}
        slow = f"{CURL.rpartition('sys.exit')[0]}import time\nif arguments[-1] == 'x/start':\n    time.sleep(3)\n"
        stand_in(folder, "curl", slow)
        command = ["sh", str(HEARTBEAT), "touch", str(folder / "ran")]

        with subprocess.Popen(command, env=script_environment(folder, given)) as process:
            while not pings(folder):
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)

        assert process.returncode == 143
        assert pings(folder) == ["x/start", "x/143"]
        assert not (folder / "ran").exists()


def here(command: str, folder: Path) -> str:
    """Return a command of a unit or a crontab with the paths of a machine replaced by those of this folder."""
    places = {
        "/usr/local/bin/": "",
        "/etc/reconcile": str(folder),
        "%d": str(folder),
        "%S/reconcile/metrics": str(folder),
    }
    for place, path in places.items():
        command = command.replace(place, path)
    return command


def exec_start(unit: str) -> str:
    (command,) = re.findall(r"^ExecStart=(.*)$", (SYSTEMD / unit).read_text(encoding="utf-8"), re.MULTILINE)
    return str(command)


def test_the_units_apply_then_check_and_write_metrics(service: Sandbox) -> None:
    given = {"VPS_API_URL": service.url, "HEARTBEAT_URL": "x", "PINGS": str(service.folder / "pings.txt")}

    unhealthy = run_script(here(exec_start("reconcile-status.service"), service.folder), service.folder, **given)
    applied = run_script(here(exec_start("reconcile.service"), service.folder), service.folder, **given)
    healthy = run_script(here(exec_start("reconcile-status.service"), service.folder), service.folder, **given)

    assert [ran.returncode for ran in (unhealthy, applied, healthy)] == [2, 0, 0], applied.shown
    assert pings(service.folder) == ["x/start", "x/0"]
    assert "\nreconcile_declared_series 1.0\n" in (service.folder / "reconcile.prom").read_text()


def test_systemd_finds_nothing_wrong_with_the_units_and_little_exposed(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not here")
    for program in ("reconcile", "heartbeat"):
        (tmp_path / program).symlink_to("/bin/true")
    for path in SYSTEMD.glob("reconcile*"):
        text = path.read_text(encoding="utf-8").replace("/usr/local/bin", str(tmp_path))
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    units = sorted(str(path) for path in tmp_path.glob("reconcile*.*"))

    verified = subprocess.run([analyze, "verify", *units], capture_output=True, text=True, check=False)

    assert (verified.returncode, verified.stderr) == (0, ""), verified.stderr
    for unit in ("reconcile.service", "reconcile-status.service"):
        command = [analyze, "security", "--offline=true", "--threshold=20", str(tmp_path / unit)]
        exposed = subprocess.run(command, capture_output=True, text=True, check=False)
        assert exposed.returncode == 0, exposed.stdout


def test_every_unit_that_a_unit_names_is_there() -> None:
    named = {
        name.replace("@%n", "@")
        for unit in SYSTEMD.glob("*.service")
        for line in re.findall(r"^On(?:Success|Failure)=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
        for name in line.split()
    }

    assert named
    assert {name for name in named if not (SYSTEMD / name).exists()} == set()
    assert {timer.with_suffix(".service").exists() for timer in SYSTEMD.glob("*.timer")} == {True}


def test_the_lines_of_the_crontab_run(service: Sandbox) -> None:
    lines = (EXAMPLES / "cron/reconcile").read_text(encoding="utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]+=", line))
    jobs = [match for line in lines if (match := re.fullmatch(r"(?:[\d*]+ ){5}(\w+) (.*)", line))]
    given = {"VPS_API_URL": service.url, "PINGS": str(service.folder / "pings.txt")}

    for job in jobs:
        ran = run_script(f"exec /bin/sh -c {shlex.quote(here(job[2], service.folder))}", service.folder, **given)
        assert (ran.returncode, len(ran.shown.splitlines())) == (0, 1), ran.shown

    assert [job[1] for job in jobs] == ["reconcile", "reconcile"]
    assert "/usr/local/bin" in settings["PATH"].split(":")
    assert [ping.rpartition("/")[2] for ping in pings(service.folder)] == ["start", "0", "start", "0"]
    assert len(service.backups()) == 2


def test_the_alerts_fire_when_they_should() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here; Debian's package prometheus has it")
    command = [promtool, "test", "rules", str(MONITORING / "alerts_test.yml")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alerts_and_the_help_page_name_the_metrics_that_there_are() -> None:
    declared = declare('{ description = "nightly", every = "1d" }')
    account = inventory(backup(1))
    written = metrics(status(resolve(declared, account), account, account.observed_at), withheld=0).text
    existing = set(re.findall(r"^# TYPE (\w+)", written, re.MULTILINE))
    rules = [rule for group in read_yaml(MONITORING / "alerts.yml")["groups"] for rule in group["rules"]]
    tested = {
        case["alertname"]
        for test in read_yaml(MONITORING / "alerts_test.yml")["tests"]
        for case in test["alert_rule_test"]
        if "exp_alerts" in case
    }
    page = (ROOT / "reconcile/help/monitoring.md").read_text(encoding="utf-8")

    used = {name for rule in rules for name in re.findall(r"reconcile_\w+", rule["expr"])}
    assert used
    assert used <= existing
    assert {rule["alert"] for rule in rules} == tested
    assert set(re.findall(r"^\| `(reconcile_\w+)`", page, re.MULTILINE)) == existing
