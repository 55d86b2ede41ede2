"""What each command imports, because `--help`, `--version`, completion and `validate` must be fast."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, sys
from reconcile.cli.main import run
run(sys.argv[1:])
print(json.dumps(list(sys.modules)), file=sys.stderr)
"""
SLOW = {"anyio", "httpx", "pydantic", "rich", "tree_sitter", "uvicorn"}


@pytest.mark.parametrize("option", ["--help", "--version", "-h"])
def test_no_command_is_imported_to_show(option: str) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, option], capture_output=True, text=True, check=True)

    modules = set(json.loads(done.stderr.splitlines()[-1]))
    ours = {name for name in modules if name.startswith("reconcile")}
    assert modules & SLOW == set()
    assert ours == {
        "reconcile",
        "reconcile.cli",
        "reconcile.cli.commands",
        "reconcile.cli.main",
        "reconcile.cli.process",
        "reconcile.cli.system_clock",
    }


def test_rich_draws_on_terminals_only(tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text("[servers.web]\nid = 1\n")

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "validate"], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert done.stdout == "Valid: 0 series on 1 server.\n"
    assert "rich.console" not in json.loads(done.stderr.splitlines()[-1])
