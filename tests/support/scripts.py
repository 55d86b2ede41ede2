"""Runs the scripts of workflows and examples as CI does, with stand-ins for the programs that reach outside."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support.command import bare_environment
from support.forked import programs

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    """Read a YAML file; GitHub's `on` is a boolean there, and stays one."""
    return yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)


@dataclass(frozen=True)
class Ran:
    """The exit code of a script, what it printed on both streams, in order, and the outputs that it set."""

    returncode: int
    shown: str
    outputs: dict[str, str]
    summary: str


def stand_in(folder: Path, name: str, code: str) -> None:
    """Put a program on the path of `run_script`: Python code, run with the arguments as `arguments`, without `site`."""
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{sys.executable} -IS\nimport json, os, pathlib, sys\narguments = sys.argv[1:]\n{code}\n")
    path.chmod(0o755)


def script_environment(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a job: the stand-ins and a `reconcile` are on the path, nothing of ours is set."""
    path = os.pathsep.join(map(str, [folder / "bin", programs(), Path(sys.executable).parent, os.environ["PATH"]]))
    return {**bare_environment(folder), "PATH": path, **environment}


def github_files(folder: Path) -> dict[str, str]:
    """Return the variables that name GitHub's files for the summary and the outputs, which are empty."""
    files = {name: folder / f"{name.lower()}.txt" for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    for file in files.values():
        file.write_text("")
    return {name: str(file) for name, file in files.items()}


def run_script(script: str, folder: Path, **environment: str) -> Ran:
    """Run a script with bash in `folder`, with GitHub's options and files for the summary and the outputs."""
    files = github_files(folder)
    done = subprocess.run(
        ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=script_environment(folder, {**files, **environment}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout, done.stdout
    pairs = re.findall(r"^([\w-]+)=(.*)$", Path(files["GITHUB_OUTPUT"]).read_text(), re.MULTILINE)
    return Ran(done.returncode, done.stdout, dict(pairs), Path(files["GITHUB_STEP_SUMMARY"]).read_text())


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """Return text of a workflow with each `${{ expression }}` as its value; an expression without one is an error."""
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda match: values[match[1]], text)
