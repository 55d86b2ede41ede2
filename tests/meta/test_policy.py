"""A real tool that reads Terraform plans reads ours, unmodified: terraform-compliance, in an environment of its own."""

import subprocess
from itertools import product
from pathlib import Path

import pytest
from support.build import backup, config, days, inventory, make_plan
from support.tools import install_from_pypi

from reconcile.actual.inventory import Server
from reconcile.report.plan.json import plan_json
from reconcile.report.values import json_text

POLICY = Path(__file__).parents[2] / "examples" / "policy"
SERVERS = (Server(id=1, name="prod-db"), Server(id=2, name="test-db"))
FILE = """
[servers.test-db]
id = 2
backups = [{{ description = "nightly", keep = {test} }}, {{ description = "weekly" }}]
[servers.prod-db]
id = 1
backups = [{{ description = "nightly", keep = {prod} }}]
"""


@pytest.fixture(scope="module")
def compliance(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("terraform-compliance")
    return install_from_pypi(request, folder, "terraform-compliance==1.16.*", "terraform-compliance")


CASES = {
    "deletes on prod": (1, 2, False),
    "deletes on both": (1, 1, False),
    "deletes on test": (2, 1, True),
    "deletes nothing": (2, 2, True),
}


def test_the_policy_forbids_deletes_on_prod(compliance: Path, tmp_path: Path) -> None:
    held = [
        backup(number, age=days(age), server=server) for number, (server, age) in enumerate(product(SERVERS, (1, 2)))
    ]
    for reason, (prod, test, passes) in CASES.items():
        made = make_plan(config(FILE.format(prod=prod, test=test)), inventory(*held, servers=SERVERS))
        file = tmp_path / "plan.json"
        file.write_text(json_text(plan_json(made)) + "\n", encoding="utf-8")

        done = subprocess.run(
            [str(compliance), "--no-ansi", "-f", str(POLICY), "-p", str(file)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )

        assert (done.returncode == 0) is passes, reason + done.stdout + done.stderr
        assert ("1 scenarios (1 passed)" if passes else "1 failed") in done.stdout, reason
