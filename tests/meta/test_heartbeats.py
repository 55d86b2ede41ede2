"""Every example reports how its apply ended: also one that fails, and one that is stopped while it hangs."""

import re
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.command import TOKEN, sandbox
from support.heartbeats import heartbeats
from support.scripts import EXAMPLES, script_environment, stand_in

FILE = '[servers.web-server-01]\nid = 12345\nbackups = [{ description = "nightly", every = "1d" }]\n'


def systemd() -> str:
    text = (EXAMPLES / "systemd/reconcile.service").read_text(encoding="utf-8")
    (command,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    return str(command)


def cron() -> str:
    text = (EXAMPLES / "cron/reconcile").read_text(encoding="utf-8")
    (command,) = re.findall(r"^\d.* \* reconcile (reconcile apply .*)$", text, re.MULTILINE)
    return str(command)


def kubernetes() -> str:
    jobs = yaml.safe_load_all((EXAMPLES / "kubernetes/reconcile.yaml").read_text(encoding="utf-8"))
    (job,) = [each for each in jobs if each["metadata"]["name"] == "reconcile-apply"]
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return shlex.join([*container["command"], *container["args"]])


def gitlab() -> str:
    header, jobs = (EXAMPLES / "gitlab-component/templates/reconcile.yml").read_text(encoding="utf-8").split("\n---\n")
    declared: dict[str, Any] = yaml.safe_load(header)["spec"]["inputs"]
    values = {name: entry.get("default", name.upper()) for name, entry in declared.items()}
    filled = re.sub(r"\$\[\[ inputs\.([\w-]+) \]\]", lambda match: str(values[match[1]]), jobs)
    script: list[str] = yaml.safe_load(filled)["backups-apply"]["script"]
    return "\n".join(script)


COMMANDS = {"systemd": systemd(), "cron": cron(), "kubernetes": kubernetes(), "gitlab": gitlab()}
PLACES = {
    "/usr/local/bin/": "",
    "/run/secrets/reconcile": ".",
    "/etc/reconcile": ".",
    "%d": ".",
    "%S/reconcile": ".",
}


def here(command: str) -> str:
    """Return a command with the paths of a machine replaced by those of the working directory."""
    for place, path in PLACES.items():
        command = command.replace(place, path)
    return command


@pytest.mark.parametrize(("ends", "code"), [("fails", "1"), ("is stopped", "130"), ("is killed", None)])
@pytest.mark.parametrize("example", COMMANDS)
def test_an_apply_that_does_not_succeed_says_so(example: str, ends: str, code: str | None, tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text(FILE)
    (tmp_path / "token").write_text(TOKEN)
    stand_in(tmp_path, "unused", "")
    slow = 0.0 if ends == "fails" else 60.0
    with sandbox(tmp_path, fails=ends == "fails", backup_seconds=slow) as service, heartbeats() as heart:
        given = {"VPS_API_URL": service.url, "VPS_API_TOKEN": TOKEN}
        given |= {"RECONCILE_HEARTBEAT_URL": heart.url, "HEARTBEAT_URL_APPLY": heart.url}
        with subprocess.Popen(
            ["/bin/bash", "-ec", f"{here(COMMANDS[example])}"],
            cwd=tmp_path,
            env=script_environment(tmp_path, given),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            if ends != "fails":
                while not any(each["status"] == "in_progress" for each in service.backups()):
                    assert process.poll() is None
                    time.sleep(0.05)
                process.send_signal(signal.SIGTERM if ends == "is stopped" else signal.SIGKILL)

    assert process.returncode != 0
    assert heart.signals == ["start", code] if code else heart.signals == ["start"]
