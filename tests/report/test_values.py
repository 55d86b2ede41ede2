"""How values are written in JSON."""

import json
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from support.build import NOW, backup

from reconcile.diagnostics import Diagnostic
from reconcile.durations import Duration
from reconcile.plan.model import Loss
from reconcile.report.values import json_text

VALUES = {
    "a moment": (NOW, "2026-03-10T12:00:00Z"),
    "a day": (date(2026, 3, 10), "2026-03-10"),
    "a span, in seconds": (timedelta(hours=1), 3600.0),
    "a duration, as in the files": (Duration.parse("1d12h"), "1d12h"),
    "a time zone": (ZoneInfo("Europe/Berlin"), "Europe/Berlin"),
    "a diagnostic": (Diagnostic(summary="x"), {"severity": "error", "summary": "x", "detail": ""}),
    "a dataclass": (
        Loss(lost=1, with_data=2, usable=2, limit=None, empties=False),
        {"lost": 1, "with_data": 2, "usable": 2, "limit": None, "empties": False},
    ),
}


@pytest.mark.parametrize(("value", "written"), VALUES.values(), ids=VALUES)
def test_each_value_is_written_in_one_way(value: object, written: object) -> None:
    assert json.loads(json_text({"value": [value]})) == {"value": [written]}


def test_a_backup_has_the_fields_of_the_service() -> None:
    assert json.loads(json_text(backup(7, size_mb=1.5))) == {
        "id": 7,
        "server_id": 1,
        "server_name": "web",
        "description": "nightly",
        "backup_type": "manual",
        "status": "completed",
        "size_mb": 1.5,
        "created_at": "2026-03-10T12:00:00Z",
        "expires_at": None,
    }


@pytest.mark.parametrize("value", [object(), {1, 2}, Loss])
def test_no_other_value_is_written(value: object) -> None:
    with pytest.raises(TypeError, match="JSON has nothing for"):
        json_text(value)
