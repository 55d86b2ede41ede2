"""Text of the service and of the file in every report: it is shown, and acts on no terminal and in no log."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace

import pytest
import tomli_w
from support.build import NOW, backup, config, days, inventory, make_plan
from support.render import shown

from reconcile.actual.inventory import Server
from reconcile.desired.desired import resolve
from reconcile.diagnostics import Diagnostic
from reconcile.durations import Duration
from reconcile.insight.doctor import AccessFacts, Check, Diagnosis, ListFacts, ServiceFacts, TokenFacts
from reconcile.insight.forecast import Schedule, compare, forecast
from reconcile.insight.importing import declare
from reconcile.insight.restore_points import choose
from reconcile.insight.servers import list_backups
from reconcile.insight.status import status
from reconcile.outcomes import Applied, Event, Finished, Outcome, Result, Settled, Waiting
from reconcile.report.apply import result_text
from reconcile.report.apply.sentences import event_text
from reconcile.report.backups import LIST_FORMATS, restore_text
from reconcile.report.diagnostics import diagnostic_text
from reconcile.report.doctor import DOCTOR_FORMATS
from reconcile.report.document import Document, Lines
from reconcile.report.forecast import FORECAST_FORMATS
from reconcile.report.plan import PLAN_FORMATS
from reconcile.report.status import STATUS_FORMATS, check_text
from reconcile.report.toml import declaration_toml

NASTY = "::error::x ##[group]y \x1b[2J\x9b31m\u202e\n::stop-commands::z\r\u2028\U000e0041 ::add-mask::q"
SERVER = Server(id=f"{NASTY}1", name=NASTY)
SERIES = [{"description": "::error::declared", "keep": 1}, {"description": "##[error]due", "every": "1d", "keep": 1}]
CONFIG = config(
    tomli_w.dumps(
        {
            "settings": {"prune": True},
            "servers": {
                "::error::key": {"id": SERVER.id, "name": SERVER.name, "backups": SERIES},
                "##[gone]": {"id": 2, "pinned": ["::error::pin"]},
            },
        }
    )
)
HELD = (
    backup(f"{NASTY}2", NASTY, server=SERVER, status=NASTY),
    backup(f"{NASTY}3", NASTY, server=SERVER, age=days(1)),
    backup(f"{NASTY}4", "::error::declared", server=SERVER, status=NASTY),
    backup(f"{NASTY}5", "##[error]due", server=SERVER, age=days(9)),
    backup("#[6]", "##[error]due#", server=SERVER, age=days(9), status="failed"),
)
SEEN = inventory(*HELD, servers=(SERVER,))
PLAN = make_plan(CONFIG, SEEN)
NOTE = Diagnostic(summary=NASTY, detail=NASTY, address=NASTY)


def events() -> Lines:
    (action, *_) = PLAN.creates
    happened: list[Event] = [
        Waiting(address=action.address, backup=HELD[0], elapsed=1),
        Settled(address=action.address, backup=HELD[0]),
        Finished(action=action, outcome=Outcome.FAILED, explanation=NASTY),
        Finished(action=action, outcome=Outcome.SUCCEEDED, explanation=NASTY, backup=HELD[0]),
        NOTE,
    ]
    return Lines(tuple(map(event_text, happened)))


def result() -> Lines:
    finished = tuple(Finished(action=each, outcome=Outcome.FAILED, explanation=NASTY) for each in PLAN.actions)
    pending = ((PLAN.actions[0].address.series, HELD[0]),)
    return result_text(
        Applied(result=Result(plan=PLAN, finished=finished, notes=(), settled=(), still_pending=pending))
    )


DIAGNOSIS = Diagnosis(
    checks={Check.SERVERS: (NOTE,)},
    config=CONFIG,
    access=AccessFacts(base_url=NASTY, token_from=NASTY, proxies={NASTY: NASTY}),
    service=ServiceFacts(
        inventory=replace(SEEN, account=NASTY),
        filtered=frozenset(),
        requests=1,
        token=TokenFacts(name=NASTY, permissions=(NASTY,)),
        lists=(ListFacts(path=NASTY, entries=1, count=NASTY, has_next=None, new_fields=(NASTY,), missing_fields=()),),
        rate_limits={NASTY: NASTY},
    ),
    desired=resolve(CONFIG, SEEN),
    versions={},
)
FORECAST = forecast(resolve(CONFIG, SEEN), SEEN, Schedule(start=NOW, days=3, every=Duration(days=1)))
COMPARISON = compare(FORECAST, replace(FORECAST, series=()))
DOCUMENTS: dict[str, Callable[[], Document]] = {
    "plan": lambda: PLAN_FORMATS.text(PLAN, verbose=True),
    "plan, in short": lambda: PLAN_FORMATS.text(PLAN, verbose=False),
    "markdown": lambda: PLAN_FORMATS.flags["markdown"][0](PLAN, verbose=False),
    "status": lambda: STATUS_FORMATS.text(status(resolve(CONFIG, SEEN), SEEN, NOW), verbose=True),
    "check": lambda: check_text(status(resolve(CONFIG, SEEN), SEEN, NOW), verbose=True),
    "record": lambda: STATUS_FORMATS.flags["markdown"][0](status(resolve(CONFIG, SEEN), SEEN, NOW), verbose=True),
    "import": lambda: declaration_toml(declare(SEEN, NOW)),
    "doctor": lambda: DOCTOR_FORMATS.text(DIAGNOSIS, verbose=True),
    "error": lambda: Lines(tuple(diagnostic_text(NOTE))),
    "list": lambda: LIST_FORMATS.text(list_backups(SEEN), verbose=True),
    "restore": lambda: restore_text(choose(SERVER, SEEN, backup_id=str(HELD[1].id), series=None, before=NOW)),
    "forecast": lambda: FORECAST_FORMATS.text(FORECAST, verbose=True),
    "forecast, in Markdown": lambda: FORECAST_FORMATS.flags["markdown"][0](FORECAST, verbose=True),
    "comparison": lambda: FORECAST_FORMATS.text(COMPARISON, verbose=True),
    "events": events,
    "result": result,
}


@pytest.mark.parametrize("width", [20, 40, 80, 1000])
@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_it_is_shown_and_never_acts(document: Callable[[], Document], width: int) -> None:
    made = document()
    text = made if isinstance(made, str) else shown(made, width)

    acting = {"Cc", "Cf", "Zl", "Zp", "Co", "Cs"}
    assert not [each for each in text if each != "\n" and unicodedata.category(each) in acting]
    assert "##[" not in text
    assert not [line for line in text.splitlines() if re.match(r"\s*::[a-z-]+[^:]*::", line)]


def test_the_account_has_what_these_tests_are_about() -> None:
    assert (len(PLAN.errors), len(PLAN.creates), len(PLAN.deletes)) == (1, 1, 3)
