"""The smaller reports: validate, doctor, restore, diagnostics; and the tables from which a command picks."""

import inspect
import pkgutil
from importlib import import_module
from typing import Any

import pytest
from support.build import NOW, WEB, backup, days, declare, hours, inventory, make_plan
from support.render import shown, value

from reconcile import report
from reconcile.actual.inventory import Server
from reconcile.desired.desired import resolve
from reconcile.diagnostics import Diagnostic, Position, Spot, UserError
from reconcile.insight.doctor import AccessFacts, Check, Diagnosis
from reconcile.insight.importing import declare as import_
from reconcile.insight.restore_points import choose
from reconcile.insight.status import status
from reconcile.insight.validation import Validation
from reconcile.report.apply import result_text
from reconcile.report.backups import list_json, list_text, restore_text
from reconcile.report.diagnostics import (
    ERROR_FORMATS,
    diagnostic_text,
    diagnostics_markdown,
    validate_json,
    validate_text,
)
from reconcile.report.doctor import doctor_json, doctor_text
from reconcile.report.document import Document, Formatter, Lines
from reconcile.report.forecast import forecast_json, forecast_markdown, forecast_text
from reconcile.report.forecast.html import forecast_html
from reconcile.report.plan import PLAN_FORMATS, plan_markdown
from reconcile.report.plan.json import gitlab_report, plan_json
from reconcile.report.plan.text import plan_text, planned_text
from reconcile.report.replay import replay_json, replay_text
from reconcile.report.status import STATUS_FORMATS, check_text, metrics, points_text, status_json, status_text
from reconcile.report.status.pages import runbook, status_html, status_markdown
from reconcile.report.toml import declaration_toml
from reconcile.wording import count_text, seconds_text, size_text

NIGHTLY = declare('{ description = "nightly" }')
MISTAKE = Diagnostic(
    summary='unknown key "evry"',
    detail='Did you mean "every"?',
    address="web/nightly",
    found=Spot(
        filename="backups.toml",
        start=Position(line=3, column=1, byte=20),
        end=Position(line=3, column=5, byte=24),
        code="evry\t= 1",
        highlight_start=0,
        highlight_end=4,
    ),
)
DIAGNOSIS = Diagnosis(
    checks={
        Check.TOKEN: (),
        Check.CLOCK: (Diagnostic(summary="61s off", detail="Set the clock.", severity="warning"),),
        Check.SERVERS: (Diagnostic(summary="does not match", address="\x1bgone"),),
    },
    config=UserError("no file"),
    access=AccessFacts(base_url="https://vps.example/api/v1", token_from="VPS_API_TOKEN", proxies={}),
    service=None,
    desired=None,
    versions={"python": "3.11", "platform": "Linux"},
)


class TestDiagnostic:
    def test_shows_the_line(self) -> None:
        assert shown(diagnostic_text(MISTAKE)).splitlines() == [
            'error: unknown key "evry"',
            " --> backups.toml:3:1",
            r"3 | evry\t= 1",
            "  | ^^^^",
            '  Did you mean "every"?',
        ]

    def test_names_what_it_is_about_where_there_is_no_line(self) -> None:
        warning = Diagnostic(summary="x", address="web", severity="warning")

        assert shown(diagnostic_text(warning)) == "warning: web: x\n"

    def test_lists_its_facts_and_counts_those_beyond_twenty_where_people_read(self) -> None:
        stale = Diagnostic(summary="stale", detail="Plan again.", facts=tuple(f"a{n}: gone" for n in range(22)))

        lines = shown(diagnostic_text(stale)).splitlines()
        assert lines[:3] == ["error: stale", "  Plan again.", "  - a0: gone"]
        assert lines[-2:] == ["  - a19: gone", "  - and 2 more"]
        assert value(stale)["detail"].splitlines() == ["Plan again.", *stale.facts]
        assert "\n  - a19&#58; gone\n" in diagnostics_markdown([stale], "apply")

    def test_is_json_for_a_command_that_fails(self) -> None:
        read = value(ERROR_FORMATS["json"]([MISTAKE, Diagnostic(summary="x")], "plan"))

        assert set(read) == {"diagnostics"}
        mistake, plain = read["diagnostics"]
        assert mistake["range"]["start"] == {"line": 3, "column": 1, "byte": 20}
        assert mistake["snippet"]["code"] == "evry\t= 1"
        assert mistake["address"] == "web/nightly"
        assert plain == {"severity": "error", "summary": "x", "detail": ""}


class TestValidate:
    def test_text_of_a_valid_file(self) -> None:
        assert shown(validate_text(Validation.of(NIGHTLY, NOW))) == ("Valid: 1 series on 1 server.\n")

    def test_text_of_mistakes_is_what_every_error_looks_like(self) -> None:
        assert validate_text(Validation(config=None, diagnostics=(MISTAKE,))) == Lines(())

    def test_json(self) -> None:
        warning = Diagnostic(summary="x", severity="warning")

        invalid = value(validate_json(Validation(config=None, diagnostics=(MISTAKE, warning))))
        valid = value(validate_json(Validation.of(NIGHTLY, NOW)))

        assert (invalid["valid"], invalid["error_count"], invalid["warning_count"]) == (False, 1, 1)
        assert valid == {
            "format_version": "1.0",
            "valid": True,
            "error_count": 0,
            "warning_count": 0,
            "diagnostics": [],
        }


class TestDoctor:
    def test_in_short_is_what_is_an_error(self) -> None:
        document = doctor_text(DIAGNOSIS, verbose=False)

        assert isinstance(document, Lines)
        assert shown(document.essential or ()).splitlines() == [
            r"error: \x1bgone: does not match",
            "Not ready to apply: 1 error.",
        ]

    def test_json_has_the_versions_and_no_name_of_a_server(self) -> None:
        read = value(doctor_json(DIAGNOSIS, verbose=False))

        assert (read["ok"], read["python"], read["platform"]) == (False, "3.11", "Linux")
        assert read["checks"] == [
            {"check": "token", "ok": True, "found": "from VPS_API_TOKEN", "diagnostics": []},
            {
                "check": "clock",
                "ok": False,
                "found": None,
                "diagnostics": [{"severity": "warning", "summary": "61s off", "detail": "Set the clock."}],
            },
            {"check": "declared servers", "ok": False, "found": None, "diagnostics": [{"severity": "error"}]},
        ]


class TestRestore:
    def test_says_what_will_be_lost_and_what_else_there_is(self) -> None:
        held = [backup(number, age=days(number)) for number in range(1, 14)]
        choice = choose(WEB, inventory(*held), backup_id="2", series=None, before=NOW)

        lines = shown(restore_text(choice)).splitlines()

        assert lines[:5] == [
            "Restore web (1) from:",
            "  ID   CREATED           SIZE     DESCRIPTION",
            "  #2   2026-03-08 12:00  1.0 GiB  nightly",
            "All data written to web since this backup (the last 2d) will be lost.",
            "Its other usable backups:",
        ]
        assert lines[-2:] == [
            "  and 2 older ones",
            "Same for all: type manual, expires never. Times in UTC.",
        ]
        assert shown(restore_text(choice, verbose=True)).splitlines()[-2].startswith("  #13  ")

    def test_warns_of_a_backup_in_progress_even_in_short(self) -> None:
        held = [backup(1, age=days(1)), backup(2, "by hand", age=hours(0.05), status="in_progress")]
        document = restore_text(choose(WEB, inventory(*held), backup_id="1", series=None, before=NOW))

        warning = [
            "On web, #2 ('by hand') has been in progress for 3min.",
            "If you restore now, that backup may mix old and new data. Wait until it has completed.",
        ]
        assert [line for line in shown(document).splitlines() if line in warning] == warning
        assert isinstance(document, Lines)
        assert shown(document.essential or ()).splitlines() == warning

    def test_of_a_server_without_a_name_and_without_another_backup(self) -> None:
        nameless = Server(id="\x1b7", name="")
        seen = inventory(backup(1, None, age=hours(2), server=nameless), servers=(nameless,))

        lines = shown(restore_text(choose(nameless, seen, backup_id="1", series=None, before=NOW))).splitlines()

        assert lines == [
            r"Restore \x1b7 (\x1b7) from:",
            "  ID  CREATED           SIZE     DESCRIPTION",
            "  #1  2026-03-10 10:00  1.0 GiB",
            r"All data written to \x1b7 since this backup (the last 2h) will be lost.",
            "Same for all: type manual, expires never. Times in UTC.",
        ]


SEEN = inventory(backup(1), backup(2, "x"))
DOCUMENTS: dict[str, tuple[Document, type]] = {
    **{
        f"plan --{name}": (each(make_plan(NIGHTLY, SEEN), verbose=True), kind)
        for (name, (each, _)), kind in zip(PLAN_FORMATS.flags.items(), (dict, str), strict=True)
    },
    **{
        f"status --{name}": (each(status(resolve(NIGHTLY, SEEN), SEEN, NOW), verbose=True), kind)
        for (name, (each, _)), kind in zip(STATUS_FORMATS.flags.items(), (dict, str), strict=True)
    },
    "plan": (PLAN_FORMATS.text(make_plan(NIGHTLY, SEEN), verbose=True), Lines),
    "status": (STATUS_FORMATS.text(status(resolve(NIGHTLY, SEEN), SEEN, NOW), verbose=True), Lines),
    "import toml": (declaration_toml(import_(SEEN, NOW)), str),
}


FORMATTERS: list[Formatter[Any]] = [
    *(plan_text, plan_json, plan_markdown, gitlab_report, planned_text, result_text),
    *(status_text, status_json, status_markdown, check_text, points_text, status_html, metrics, runbook),
    *(forecast_text, forecast_json, forecast_markdown, forecast_html, list_text, list_json, restore_text),
    *(doctor_text, doctor_json, replay_text, replay_json, validate_text, validate_json, declaration_toml),
]


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_every_format_is_a_function_of_one_value_and_of_verbose(formatter: Formatter[Any]) -> None:
    value, verbose = inspect.signature(formatter).parameters.values()

    assert value.kind is inspect.Parameter.POSITIONAL_ONLY
    assert (verbose.name, verbose.kind) == ("verbose", inspect.Parameter.KEYWORD_ONLY)


def test_no_other_function_returns_lines() -> None:
    modules = [import_module(name) for _, name, _ in pkgutil.walk_packages(report.__path__, "reconcile.report.")]
    functions = {each for module in modules for each in vars(module).values() if inspect.isfunction(each)}

    writers = {each for each in functions if inspect.signature(each).return_annotation is Lines}
    assert writers <= set(FORMATTERS)


@pytest.mark.parametrize(("document", "kind"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_every_format_gives_its_kind_of_document(document: Document, kind: type) -> None:
    assert isinstance(document, kind)


@pytest.mark.parametrize(
    ("megabytes", "text"),
    [
        (None, "size unknown"),
        (0, "0 MiB"),
        (900, "900 MiB"),
        (1023.6, "1,024 MiB"),
        (1024, "1.0 GiB"),
        (2048 * 1024, "2,048.0 GiB"),
        (0.5, "0.5 MiB"),
    ],
)
def test_sizes(megabytes: float | None, text: str) -> None:
    assert size_text(megabytes) == text


def test_numbers_of_things() -> None:
    assert [count_text(1, "backup"), count_text(1000, "backup"), count_text(0, "series"), count_text(1, "series")] == [
        "1 backup",
        "1,000 backups",
        "0 series",
        "1 series",
    ]


def test_seconds() -> None:
    assert seconds_text(3661.5) == "1h 1min"
