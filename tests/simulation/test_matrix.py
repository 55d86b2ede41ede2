"""The matrix of odd responses: whatever the service says, nothing is lost, nothing else stops, and it ends."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from support.build import NOW
from support.odd import DB_JUNK, DB_OLD, ODD, Cell, OddWorld, cells, odd_world
from support.render import shown
from support.sample import sampled
from support.world import ACCESS, Transport

from reconcile.actual.http import Http
from reconcile.actual.inventory import Inventory
from reconcile.actual.reader import Reader
from reconcile.cli.status import FILES as STATUS_FILES
from reconcile.clock import StoppableClock
from reconcile.desired.desired import resolve
from reconcile.diagnostics import UserError
from reconcile.durations import Duration
from reconcile.insight.forecast import Schedule
from reconcile.insight.forecast import forecast as forecast_of
from reconcile.insight.importing import declare
from reconcile.insight.servers import list_backups
from reconcile.insight.status import status
from reconcile.outcomes import Result
from reconcile.plan.planner import plan
from reconcile.plan.reasons import Exemption
from reconcile.report.backups import LIST_FORMATS
from reconcile.report.document import Document, Formats, Formatter, Lines
from reconcile.report.forecast import FORECAST_FORMATS
from reconcile.report.forecast.html import forecast_html
from reconcile.report.plan import PLAN_FORMATS
from reconcile.report.status import STATUS_FORMATS, check_text
from reconcile.report.toml import declaration_toml
from reconcile.report.values import json_text

CELLS = list(cells())
SAMPLE = 25
"""One in so many cells runs without `--all-schedules`."""

HARMLESS = {"server.name", "size_mb", "expires_at", "server location", "server status"}
"""Fields that decide nothing about a backup of a server in a table."""


def named(cell: Cell) -> str:
    return cell.name[:60]


@pytest.mark.parametrize("cell", sampled(CELLS, one_in=SAMPLE, name=named))
def test_an_apply_meets(cell: Any) -> None:  # noqa: ANN401 - a cell of the matrix
    world = odd_world(cell)

    results = world.apply()  # any other exception than a UserError fails here

    _check_deletes(world)
    assert world.time - NOW < timedelta(hours=2, minutes=5), "it ends with the run"
    if isinstance(results, UserError):
        assert not world.record, "what is refused has changed nothing"
        assert str(results)
    else:
        _check_results(world, results)
    if cell.field:
        created = {change.record["server"]["id"] for change in world.record if change.what == "create"}
        assert {2, 3} <= created, "an odd entry of one server stops no other"
        deleted = {change.record["id"] for change in world.record if change.what == "delete"}
        if cell.field.startswith("server") or cell.field in HARMLESS:
            assert {DB_OLD, DB_JUNK} <= deleted, "on another server everything goes on"
    if cell.named:
        assert cell.named in _said(results), "the message names the field or the status"
        assert not (world.converged and world.converged[-1].is_complete and cell.named.isdigit())
    if cell.is_once:
        assert world.time - NOW < timedelta(minutes=30)
    if cell.is_once and world.altered:
        world.apply()
        assert len([change for change in world.record if change.what == "create"]) <= 3, "nothing is created twice"


@pytest.mark.parametrize(
    "cell", sampled((cell for cell in CELLS if cell.request.startswith("GET")), one_in=SAMPLE, first=1, name=named)
)
def test_the_commands_that_only_read_meet(cell: Any) -> None:  # noqa: ANN401 - a cell of the matrix
    world = odd_world(cell)
    seen: list[Inventory] = []

    async def observe() -> None:
        async with (
            StoppableClock(world.clock, seconds=600) as clock,
            Http(ACCESS, clock, transport=Transport(world)) as http,
        ):
            with suppress(UserError):
                seen.append(await Reader(http, asks_account=True).observe(automatic=True))

    world.run(observe)

    for inventory in seen:
        with suppress(UserError):
            _check_printable(declaration_toml(declare(inventory, NOW)))
        _check_formats(LIST_FORMATS, list_backups(inventory))
        with suppress(UserError):
            desired = resolve(world.config, inventory)
            found = status(desired, inventory, NOW)
            _check_formats(STATUS_FORMATS, found)
            _check_printable(check_text(found, verbose=True))
            for write in STATUS_FILES.values():
                _check_printable(write(found, verbose=True))
            _check_formats(PLAN_FORMATS, plan(desired, inventory, NOW))
            forecast = forecast_of(desired, inventory, Schedule(start=NOW, days=2, every=Duration(days=1)))
            _check_formats(FORECAST_FORMATS, forecast)
            _check_printable(forecast_html(forecast, verbose=True))


def _check_formats(formats: Formats[Formatter[Any]], value: object) -> None:
    for formatter in (formats.text, *(formatter for formatter, _ in formats.flags.values())):
        for verbose in (False, True):
            _check_printable(formatter(value, verbose=verbose))


def _check_printable(document: Document) -> None:
    match document:
        case Lines():
            text = shown(document, width=80)
        case str():
            text = document
        case _:
            text = json_text(document)
    assert text.encode(), "it can be written to a stream in UTF-8"


def _said(results: list[Result] | UserError) -> str:
    if isinstance(results, UserError):
        return " ".join(each.summary + each.detail for each in results.diagnostics)
    diagnostics = [each for result in results for each in (*result.plan.warnings, *result.plan.errors, *result.notes)]
    explanations = [ended.explanation for result in results for ended in result.finished]
    return " ".join([*(each.summary + each.detail for each in diagnostics), *explanations])


def _check_deletes(world: OddWorld) -> None:
    """Check against the service's record that only what may be deleted was, and never the last of a series."""
    deleted = {change.record["id"] for change in world.record if change.what == "delete"}
    assert deleted <= {ODD, DB_OLD, DB_JUNK}
    for change in world.record:
        if change.what == "delete":
            name = change.record["server"]["name"]
            assert change.usable.get((name, "nightly"), 0) > 0, f"{name} has no usable backup after {change.record}"


def _check_results(world: OddWorld, results: list[Result]) -> None:
    if not (world.converged and world.converged[-1].is_complete):
        return
    held = world.usable()
    for server in ("web", "db", "app"):
        is_unclear = any(
            each.reason in {Exemption.UNKNOWN_STATUS, Exemption.NOT_READABLE, Exemption.BESIDE_UNKNOWN}
            for result in results
            for plan_server in result.plan.servers
            if plan_server.name == server
            for each in plan_server.kept
        )
        planned = {plan_server.name for result in results for plan_server in result.plan.servers}
        assert held.get((server, "nightly"), 0) > 0 or is_unclear or server not in planned
