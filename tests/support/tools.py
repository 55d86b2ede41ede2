"""Tools of other projects, each installed in an environment of its own: they want other versions of what we use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def install_tool(request: pytest.FixtureRequest, folder: Path, requirement: str, command: str) -> Path:
    """Install a tool and return its command; skip without --tools, since these are large."""
    if not request.config.getoption("--tools"):
        pytest.skip(f"only with --tools: {command} is a large thing to install")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    install = [str(folder / "bin" / "pip"), "install", "--quiet", requirement]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    if installed.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"{command} can't be installed: {installed.stderr}")
        pytest.skip(f"{command} can't be installed here")
    return folder / "bin" / command
