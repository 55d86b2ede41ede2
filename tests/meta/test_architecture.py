"""The architecture that import-linter checks is kept, and a breach is caught."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(root), "PATH": ""}
    )


def test_imports_run_one_way() -> None:
    done = lint_imports(ROOT)

    assert done.returncode == 0, done.stdout
    assert "3 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("plan/planner.py", "import os", "Planning is pure BROKEN"),
        ("plan/retention.py", "import time", "Planning is pure BROKEN"),
        ("plan/model.py", "from reconcile.apply import run", "Imports run one way BROKEN"),
        ("report/escape.py", "from reconcile.apply import run", "Imports run one way BROKEN"),
        ("sandbox/account.py", "from reconcile.actual import wire", "The sandbox stands apart"),
        ("helpers.py", "", "Imports run one way BROKEN"),
    ],
)
def test_a_step_in_the_wrong_direction_is_caught(file: str, line: str, contract: str, tmp_path: Path) -> None:
    for source in [*ROOT.glob("reconcile/**/*.py"), ROOT / "pyproject.toml"]:
        copy = tmp_path / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    target = tmp_path / "reconcile" / file
    target.write_text((target.read_text(encoding="utf-8") if target.exists() else "") + f"\n{line}\n", encoding="utf-8")

    done = lint_imports(tmp_path)

    assert done.returncode == 1
    assert contract in done.stdout
