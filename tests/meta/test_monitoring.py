"""Know that it ran: the systemd units, the crontab and the alerts, each tried out."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.build import backup, declare, inventory
from support.command import Sandbox
from support.heartbeats import Heartbeats, heartbeats
from support.scripts import EXAMPLES, ROOT, read_yaml, run_script

from reconcile.desired.desired import resolve
from reconcile.insight.status import status
from reconcile.report.status import metrics

MONITORING = EXAMPLES / "monitoring"
SYSTEMD = EXAMPLES / "systemd"


def here(command: str, folder: Path) -> str:
    """Return a command of a unit or a crontab with the paths of a machine replaced by those of this folder."""
    places = {
        "/usr/local/bin/": "",
        "/etc/reconcile": str(folder),
        "%d": str(folder),
        "%S/reconcile/metrics": str(folder),
        "%S/reconcile/records": str(folder / "records"),
    }
    for place, path in places.items():
        command = command.replace(place, path)
    return command


def exec_start(unit: str) -> str:
    (command,) = re.findall(r"^ExecStart=(.*)$", (SYSTEMD / unit).read_text(encoding="utf-8"), re.MULTILINE)
    return str(command)


def run_unit(name: str, service: Sandbox, heart: Heartbeats) -> int:
    """Run the command of a unit, with its file of variables, and return its exit code."""
    text = (SYSTEMD / name).read_text(encoding="utf-8")
    (variable,) = re.findall(r"^# Optional \(root only\): (\w+)=\S+\nEnvironmentFile=-/etc/", text, re.MULTILINE)
    given = {"VPS_API_URL": service.url, variable: heart.url}
    return run_script(here(exec_start(name), service.folder), service.folder, **given).returncode


def test_the_units_apply_then_check_and_write_metrics(service: Sandbox) -> None:
    with heartbeats() as applied, heartbeats() as checked:
        unhealthy = run_unit("reconcile-status.service", service, checked)
        done = run_unit("reconcile.service", service, applied)
        healthy = run_unit("reconcile-status.service", service, checked)

    assert [unhealthy, done, healthy] == [2, 0, 0]
    assert len(list((service.folder / "records").iterdir())) == 1
    assert applied.signals == ["start", "0"]
    assert checked.signals == ["start", "2", "start", "0"]
    assert "\nreconcile_declared_series 1.0\n" in (service.folder / "reconcile.prom").read_text()


def test_systemd_finds_nothing_wrong_with_the_units_and_little_exposed(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not here")
    (tmp_path / "reconcile").symlink_to("/bin/true")
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


def crontab() -> Iterator[tuple[dict[str, str], str, str]]:
    """Yield the settings, the user and the command of each job: a setting is for the lines below it."""
    settings: dict[str, str] = {}
    for line in (EXAMPLES / "cron/reconcile").read_text(encoding="utf-8").splitlines():
        if re.match(r"[A-Z_]+=", line):
            name, _, value = line.partition("=")
            settings[name] = value
        elif job := re.fullmatch(r"(?:[\d*]+ ){5}(\w+) (.*)", line):
            yield dict(settings), job[1], job[2]


def test_the_lines_of_the_crontab_run(service: Sandbox) -> None:
    jobs = list(crontab())

    with heartbeats() as heart:
        for settings, user, command in jobs:
            given = {"VPS_API_URL": service.url, "RECONCILE_HEARTBEAT_URL": heart.url}
            ran = run_script(f"exec /bin/sh -c {shlex.quote(here(command, service.folder))}", service.folder, **given)
            assert (ran.returncode, len(ran.shown.splitlines())) == (0, 1), ran.shown
            assert user == "reconcile"
            assert "/usr/local/bin" in settings["PATH"].split(":")

    assert len({settings["RECONCILE_HEARTBEAT_URL"] for settings, _, _ in jobs}) == len(jobs) == 2
    assert heart.signals == ["start", "0", "start", "0"]
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
    written = metrics(status(resolve(declared, account), account, account.observed_at))
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
