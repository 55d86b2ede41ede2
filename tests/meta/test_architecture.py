"""The architecture that import-linter checks is kept, and every breach of it is caught."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(root), "PATH": ""}
    )


def test_imports_run_one_way() -> None:
    done = lint_imports(ROOT)

    assert done.returncode == 0, done.stdout
    assert "4 kept, 0 broken" in done.stdout


BREACHES = [
    ("plan/planner.py", "import os", "reconcile.plan.planner -> os "),
    ("plan/retention.py", "import time", "reconcile.plan.retention -> time "),
    ("plan/model.py", "from reconcile.apply import run", "reconcile.plan.model -> reconcile.apply.run "),
    ("report/escape.py", "from reconcile.apply import run", "reconcile.report.escape -> reconcile.apply.run "),
    ("sandbox/account.py", "from reconcile.actual import wire", "reconcile.sandbox.account -> reconcile.actual.wire "),
    (
        "report/escape.py",
        "from reconcile.report.plan import sentences",
        "reconcile.report.escape -> reconcile.report.plan.sentences ",
    ),
    (
        "report/plan/json.py",
        "from reconcile.report.plan import text",
        "reconcile.report.plan.json -> reconcile.report.plan.text ",
    ),
    (
        "report/apply/__init__.py",
        "from reconcile.report.plan import json",
        "reconcile.report.apply -> reconcile.report.plan.json ",
    ),
    (
        "report/plan/yaml.py",  # a format that no list of this test or of the contract knows
        "from reconcile.report import doctor",
        "reconcile.report.plan.yaml -> reconcile.report.doctor ",
    ),
    (
        "report/diagnostics.py",
        "from reconcile.report import doctor",
        "reconcile.report.diagnostics -> reconcile.report.doctor ",
    ),
    ("helpers.py", "", "are not listed as layers:\n\n- reconcile.helpers\n"),
]


def test_every_step_in_a_wrong_direction_is_caught(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "reconcile", tmp_path / "reconcile", ignore=shutil.ignore_patterns("__pycache__"))
    for file, line, _ in BREACHES:
        with (tmp_path / "reconcile" / file).open("a", encoding="utf-8") as target:
            target.write(f"\n{line}\n")

    done = lint_imports(tmp_path)

    assert done.returncode == 1
    assert "0 kept, 4 broken" in done.stdout
    assert [caught for _, _, caught in BREACHES if caught not in done.stdout] == []
