"""Tools of other projects, each installed in a folder of its own: they want other versions of what we use."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def install_from_pypi(request: pytest.FixtureRequest, folder: Path, requirement: str, command: str) -> Path:
    """Install a Python package, and return its command; skip without --tools."""
    _skip_unless_asked(request, requirement)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    _install(requirement, [str(folder / "bin" / "pip"), "install", "--quiet", requirement])
    return folder / "bin" / command


def install_from_npm(request: pytest.FixtureRequest, folder: Path, requirement: str) -> Path:
    """Install a package of npm, and return the folder `node_modules`; skip without --tools, or without npm."""
    _skip_unless_asked(request, requirement)
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"{requirement} comes from npm, which is not installed")
    _install(requirement, [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), requirement])
    return folder / "node_modules"


def _skip_unless_asked(request: pytest.FixtureRequest, requirement: str) -> None:
    if not request.config.getoption("--tools"):
        pytest.skip(f"only with --tools: installs {requirement}")


def _install(requirement: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"{requirement} can't be installed: {done.stderr}")
        pytest.skip(f"{requirement} can't be installed here: {done.stderr[-200:]}")
