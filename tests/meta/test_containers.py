"""The image and the CronJobs: they fit their schema, and run as a nameless user on a read-only root."""

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.command import Sandbox
from support.heartbeats import heartbeats
from support.scripts import EXAMPLES
from support.tools import install_from_pypi

from reconcile import __version__
from reconcile.durations import Duration

MANIFEST = EXAMPLES / "kubernetes/reconcile.yaml"
CRON_JOBS: dict[str, Any] = {
    job["metadata"]["name"]: job["spec"] for job in yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))
}
DOCKERFILE = (EXAMPLES / "docker/Dockerfile").read_text(encoding="utf-8")
USER = 65532

READ_ONLY = ("unshare", "--mount", "sh", "-c", 'mount -o remount,ro,bind / && exec "$@"', "sh")
BECOME = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs")
READS_ANYTHING = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
"""Python itself may be installed where only root can read it."""


def pod(name: str) -> dict[str, Any]:
    found: dict[str, Any] = CRON_JOBS[name]["jobTemplate"]["spec"]["template"]["spec"]
    return found


def command(name: str, folder: Path) -> list[str]:
    """Return the command of a pod with the paths of its volumes replaced by a folder."""
    (container,) = pod(name)["containers"]
    words = [*container["command"], *container["args"]]
    mounted = "|".join(mount["mountPath"] for mount in container["volumeMounts"])
    return [re.sub(rf"=({mounted})/", f"={folder}/", word) for word in words]


def test_the_pods_commands_run_as_a_nameless_user_who_can_write_nowhere(service: Sandbox) -> None:
    if os.getuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
        pytest.skip("only root can become another user, with setpriv, on a root that unshare makes read-only")
    if subprocess.run([*READ_ONLY, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount may be made read-only here")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # such a user can't reach what forks
    environment = {"PATH": path, "HOME": "/", "VPS_API_URL": service.url}
    environment |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}

    with heartbeats() as heart:
        environment |= {entry["name"]: heart.url for entry in pod("reconcile-apply")["containers"][0]["env"]}
        run_pods(service, environment)
    assert heart.signals == ["start", "2", "start", "0", "start", "0"]
    assert len(service.backups()) == 2


def run_pods(service: Sandbox, environment: dict[str, str]) -> None:
    """Check, apply, and check again."""
    for name, code in (("reconcile-status", 2), ("reconcile-apply", 0), ("reconcile-status", 0)):
        words = [*READ_ONLY, *BECOME, *READS_ANYTHING, *command(name, service.folder)]
        done = subprocess.run(words, cwd="/", env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", CRON_JOBS)
def test_a_job_ends_after_its_time_limit_and_never_runs_twice_at_once(name: str) -> None:
    job = CRON_JOBS[name]["jobTemplate"]["spec"]
    (timeout,) = [word.partition("=")[2] for word in command(name, Path("/x")) if word.startswith("--timeout=")]

    assert CRON_JOBS[name]["concurrencyPolicy"] == "Forbid"
    assert job["backoffLimit"] == 0
    assert job["activeDeadlineSeconds"] == Duration.parse(timeout).in_seconds(datetime.now(UTC)) + 5 * 60


@pytest.mark.parametrize("name", CRON_JOBS)
def test_a_pod_is_unprivileged_bounded_and_gets_its_token_as_a_file(name: str) -> None:
    spec = pod(name)
    (container,) = spec["containers"]
    secrets = [volume["secret"] for volume in spec["volumes"] if "secret" in volume]

    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["runAsGroup"] == USER
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]) == {"requests", "limits"}
    assert container["image"].endswith(f":{__version__}")
    assert [entry["name"] for entry in container["env"]] == ["RECONCILE_HEARTBEAT_URL"]
    assert [(secret["secretName"], secret["defaultMode"]) for secret in secrets] == [("reconcile", 0o440)]


@pytest.fixture(scope="module")
def validate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kubernetes-validate")
    return install_from_pypi(request, folder, "kubernetes-validate==1.33.*", "kubernetes-validate")


def test_the_manifests_fit_the_schema_of_kubernetes(validate: Path, tmp_path: Path) -> None:
    mistaken = tmp_path / "mistaken.yaml"
    mistaken.write_text(MANIFEST.read_text().replace("concurrencyPolicy", "concurrentPolicy"))

    def check(path: Path) -> int:
        return subprocess.run([str(validate), "--strict", str(path)], capture_output=True, check=False).returncode

    assert check(MANIFEST) == 0
    assert check(EXAMPLES / "accounts/kubernetes.yaml") == 0
    assert check(mistaken) != 0


def test_the_image_runs_as_that_user_and_keeps_nothing_that_installs() -> None:
    stages = DOCKERFILE.split("\nFROM ")[1:]
    final = stages[-1]

    assert len(stages) == 2
    assert re.findall(r"^USER (.*)$", final, re.MULTILINE) == [f"{USER}:{USER}"]
    assert "pip uninstall" in final
    assert "python -m venv --without-pip" in stages[0]
    assert "COPY . /source" in stages[0], "what is installed is the clone"
    assert re.findall(r"^COPY (\S+)", final, re.MULTILINE) == ["--from=build"]
