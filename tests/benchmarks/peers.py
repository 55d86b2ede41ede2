"""Peers that plan the same amount with nothing to do. They are heavy, and skipped if they are not installed."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import fleet
from .process import RECONCILE, fastest
from .row import Row
from .service import service

_SERVERS, _SERIES = 500, 20
_CONFIG = """\
providers:
  source: {class: octodns.provider.yaml.YamlProvider, directory: ./source, default_ttl: 3600}
  target: {class: octodns.provider.yaml.YamlProvider, directory: ./target, default_ttl: 3600, supports_root_ns: false}
zones:
  example.com.: {sources: [source], targets: [target]}
"""


def rows() -> Iterator[Row]:
    """Measure octoDNS from YAML to YAML beside a plan, 10,000 records beside 10,000 series."""
    what = "octoDNS, 10,000 records, beside a plan of 10,000 series"
    if octodns := shutil.which("octodns-sync"):
        yield _beside_octodns(what, octodns)
    else:
        yield Row(
            what=what,
            value=None,
            goal=5,
            more_is_better=True,
            note="octoDNS is not installed (octodns-sync is not in PATH)",
        )
    yield Row(
        what="Terraform, 10,000 instances of a built-in resource",
        value=None,
        goal=20,
        more_is_better=True,
        note="one plan of terraform_data with for_each did not end within ten minutes",
    )


def _beside_octodns(what: str, octodns: str) -> Row:
    with tempfile.TemporaryDirectory() as name, service(_SERVERS, _SERIES) as base_url:
        folder = Path(name)
        declared = folder / "backups.toml"
        declared.write_text(fleet.toml(_SERVERS, _SERIES), encoding="utf-8")
        for side in ("source", "target"):
            (folder / side).mkdir()
            records = (f"r{number:05}: {{type: A, value: 192.0.2.1}}" for number in range(_SERVERS * _SERIES))
            (folder / side / "example.com.yaml").write_text("\n".join(records) + "\n", encoding="utf-8")
        config = folder / "config.yaml"
        config.write_text(_CONFIG.replace("./", f"{folder}/"), encoding="utf-8")
        costs = fastest(
            {
                "ours": (*RECONCILE, "plan", "-f", str(declared), "--base-url", base_url),
                "octodns": (octodns, f"--config-file={config}"),
            },
            3,
        )
    assert "No changes" in costs["octodns"].output, costs["octodns"].output
    ours, theirs = costs["ours"].cpu, costs["octodns"].cpu
    note = f"CPU {theirs:.2f} s, ours {ours:.2f} s"
    return Row(what=what, value=theirs / ours, unit=" times ours", goal=5, more_is_better=True, note=note)
