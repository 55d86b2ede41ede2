"""What happens while a plan is carried out, and the report at the end: for eyes, and for programs."""

from dataclasses import replace
from typing import Any

import pytest
from support.build import backup, config, days, declare, inventory, make_plan
from support.render import shown, value

from reconcile.actual.inventory import Backup, Server
from reconcile.addresses import SeriesAddress
from reconcile.clock import Stop
from reconcile.diagnostics import Diagnostic
from reconcile.durations import Duration
from reconcile.outcomes import (
    Announced,
    Applied,
    Event,
    Finished,
    Interrupted,
    Outcome,
    Planned,
    Result,
    Rounds,
    Settled,
    Started,
    Waiting,
)
from reconcile.plan.model import Create, Delete
from reconcile.plan.reasons import Veto
from reconcile.plan.safety import withheld
from reconcile.report.apply import diagnostic_line, event_json, result_text, summary_json, version_json
from reconcile.report.apply.sentences import event_text, objection_text

PLAN = make_plan(
    declare(
        '{ description = "nightly", every = "1d", keep = 1 }, { description = "weekly", keep = 1 }',
        server="prune = true",
    ),
    inventory(backup(1, age=days(2)), backup(2, "x", age=days(3)), backup(3, "weekly", status="queued")),
)
(CREATE,), (DELETE, PRUNE) = PLAN.creates, PLAN.deletes
NEW, PENDING = backup(9), backup(3, "weekly", status="queued")
FORBIDDEN = "POST https://vps.example/api/v1/backups/: 403 Forbidden: no (The token lacks a permission; use another.)"


def result(
    *finished: Finished,
    notes: tuple[Diagnostic, ...] = (),
    still_pending: tuple[tuple[SeriesAddress, Backup], ...] = (),
) -> Result:
    return Result(plan=PLAN, finished=finished, notes=notes, settled=(), still_pending=still_pending)


def done(action: Create | Delete, explanation: str = "deleted") -> Finished:
    return Finished(action=action, outcome=Outcome.SUCCEEDED, explanation=explanation, elapsed=90, backup=None)


def failed(action: Create | Delete, explanation: str, *, is_final: bool = False) -> Finished:
    return Finished(action=action, outcome=Outcome.FAILED, explanation=explanation, is_final=is_final)


def ended(action: Create | Delete, outcome: Outcome, explanation: str) -> Finished:
    return Finished(action=action, outcome=outcome, explanation=explanation)


def too_much(action: Create | Delete) -> Finished:
    return Finished(action=action, outcome=Outcome.WITHHELD, explanation="", objection=Veto.TOO_MUCH_LOST)


COMPLETED = Finished(action=CREATE, outcome=Outcome.SUCCEEDED, explanation="completed", elapsed=90, backup=NEW)
NOTE = Diagnostic(summary="the service altered it", detail="No more are made.", address="web/nightly")
EVENTS: list[tuple[Event, list[str], list[str]]] = [
    (Started(action=CREATE), ["web/nightly: creating"], ["apply_start"]),
    (Started(action=DELETE), ["web/nightly#1: deleting"], ["apply_start"]),
    (
        Waiting(address=CREATE.address, backup=replace(PENDING, description="nightly"), elapsed=61),
        ["web/nightly#3: queued, waited 1min 1s"],
        ["apply_progress"],
    ),
    (
        Waiting(address=CREATE.address, backup=replace(PENDING, description="old"), elapsed=61),
        ["web/old#3 (renamed): queued, waited 1min 1s"],
        ["apply_progress"],
    ),
    (Settled(address=CREATE.address, backup=NEW), ["web/nightly#9: completed"], ["apply_progress"]),
    (Settled(address=CREATE.address, backup=None), ["web/nightly: no longer in the list"], ["apply_progress"]),
    (COMPLETED, ["web/nightly: completed after 1min 30s (#9, 1.0 GiB)"], ["apply_complete"]),
    (done(DELETE), ["web/nightly#1: deleted"], ["apply_complete"]),
    (failed(CREATE, "no answer"), ["web/nightly: failed"], ["apply_errored", "diagnostic"]),
    (
        ended(DELETE, Outcome.UNKNOWN, "the response was cut off"),
        ["web/nightly#1: of unknown outcome"],
        ["apply_errored", "diagnostic"],
    ),
    (
        ended(PRUNE, Outcome.WITHHELD, "too much would be lost"),
        ["web/x#2: withheld"],
        ["apply_errored"],
    ),
    (
        ended(PRUNE, Outcome.SKIPPED, "#3 is still in progress"),
        ["web/x#2: skipped"],
        ["apply_errored"],
    ),
    (NOTE, [], ["diagnostic"]),
    (
        Announced(text="Waiting 5min, as requested by the service"),
        ["Waiting 5min, as requested by the service"],
        ["log"],
    ),
    (
        Interrupted(),
        [
            (
                "Interrupted. Starting nothing new and finishing the requests in flight. "
                "Interrupt again to stop immediately."
            )
        ],
        ["log"],
    ),
    (Applied(result=result(done(DELETE))), [], []),
    (Applied(result=replace(result(), unmet=(CREATE.address,))), [], ["diagnostic"]),
    (Applied(result=replace(result(), unmet=(CREATE.address,)), plans_again=True), [], []),
    (Applied(result=result(still_pending=((SeriesAddress("web", "weekly"), PENDING),))), [], ["diagnostic"]),
    (
        Planned(plan=PLAN, withheld={PRUNE.address: Veto.TOO_MUCH_LOST}),
        [],
        ["planned_change"] * 3 + ["change_summary"],
    ),
]


@pytest.mark.parametrize(("event", "lines", "types"), EVENTS, ids=lambda each: type(each).__name__)
def test_every_event(event: Event, lines: list[str], types: list[str]) -> None:
    assert [*filter(None, [event_text(event).plain])] == lines
    objects = [value(each) for each in event_json(event)]
    assert [each["type"] for each in objects] == types
    for each in objects:
        assert {"@level", "@message", "@module", "type"} <= set(each)


def test_nothing_from_outside_acts() -> None:
    address = make_plan(declare('{ description = "::error::x", keep = 1 }'), inventory()).creates[0].address
    hostile = backup("\x1b##[error]", "::error::x", status="\x1b[2J")
    events: list[Event] = [
        Waiting(address=address, backup=hostile, elapsed=1),
        Settled(address=address, backup=hostile),
        failed(CREATE, "\x1b[2J ##[error]"),
        Finished(action=CREATE, outcome=Outcome.SUCCEEDED, explanation="\x1b", elapsed=1, backup=hostile),
    ]

    for event in events:
        text = shown([event_text(event)])
        assert "\x1b" not in text
        assert "##[" not in text


class TestResult:
    def lines(self, found: Result) -> list[str]:
        return shown(result_text(Applied(result=found))).splitlines()

    def test_that_is_complete(self) -> None:
        assert self.lines(result(COMPLETED, done(DELETE), done(PRUNE))) == ["Apply complete: 1 created, 2 deleted."]

    def test_that_left_something_to_the_next_run_as_asked(self) -> None:
        later = "left to the next run: the new backup was not waited for"

        assert self.lines(result(COMPLETED, *(ended(each, Outcome.DEFERRED, later) for each in (DELETE, PRUNE)))) == [
            f"2 deletes: {later}",
            "  web/nightly#1",
            "  web/x#2",
            "Apply complete: 1 created, 0 deleted, 2 left to the next run.",
        ]

    def test_that_was_refused_says_it_once_and_does_not_advise_to_repeat_it(self) -> None:
        skipped = "the new backup was not made"

        lines = self.lines(result(failed(CREATE, FORBIDDEN, is_final=True), ended(DELETE, Outcome.SKIPPED, skipped)))

        assert lines == [
            f"web/nightly: failed: {FORBIDDEN}",
            "web/nightly#1: skipped: the new backup was not made",
            "Apply incomplete: 0 created, 0 deleted, 1 failed, 1 skipped.",
            "The service rejected the requests that failed above. Fix the cause before you run apply again.",
        ]

    def test_that_was_refused_on_many_servers_says_it_once(self) -> None:
        servers = tuple(Server(id=number, name=f"s{number}") for number in range(3))
        tables = "".join(
            f'[servers.{each.name}]\nid = {each.id}\nbackups = [{{ description = "x", keep = 1 }}]\n'
            for each in servers
        )
        creates = make_plan(config(tables), inventory(servers=servers)).creates

        lines = self.lines(result(*(failed(create, FORBIDDEN, is_final=True) for create in creates)))

        assert lines[:4] == [f"3 creates: failed: {FORBIDDEN}", "  s0/x", "  s1/x", "  s2/x"]

    @pytest.mark.parametrize(
        ("words", "advice"),
        [
            ("POST …/backups/: 409 Conflict: Backup limit reached", "each series needs room for one more backup"),
            ("POST …/backups/: 403 Forbidden: Quota exceeded", "each series needs room for one more backup"),
            ("POST …/backups/: 429 Too Many Requests: limit reached", None),
            ("POST …/backups/: 403 Forbidden: no permission", None),
        ],
    )
    def test_that_met_a_quota_says_that_a_series_needs_room_for_one_more(self, words: str, advice: str | None) -> None:
        lines = " ".join(self.lines(result(failed(CREATE, words))))

        assert (advice or "room for") in lines if advice else "room for" not in lines

    def test_that_met_a_protected_backup_names_pinned_and_for_a_fleet_another_way(self) -> None:
        words = "DELETE …/backups/1/: 403 Forbidden: This backup is protected"
        in_a_table = result(failed(DELETE, words, is_final=True))
        (server,) = in_a_table.plan.servers
        fleet = replace(in_a_table, plan=replace(in_a_table.plan, servers=(replace(server, fleet="web"),)))

        assert "pinned = [1]" in " ".join(self.lines(in_a_table))
        of_a_fleet = " ".join(self.lines(fleet))
        assert "pinned = [" not in of_a_fleet
        assert "give its server its own table" in of_a_fleet

    def test_of_a_plan_with_errors_is_not_complete(self) -> None:
        tables = '[servers.web]\nid = 1\nbackups = [{ description = "x", keep = 1 }]\n[servers.gone]\nid = 2\n'
        plan = make_plan(config(tables), inventory())
        (create,) = plan.creates

        lines = self.lines(replace(result(done(create, "completed")), plan=plan))

        assert lines == [
            "Apply incomplete: 1 created, 0 deleted.",
            "The plan was incomplete: 1 error, shown with the plan.",
        ]

    def test_that_failed_otherwise_is_worth_repeating(self) -> None:
        lines = self.lines(result(failed(CREATE, FORBIDDEN, is_final=True), failed(DELETE, "no answer")))

        assert lines[-1] == "Run apply again. It reads the account afresh and does only what is left."

    def test_that_was_refused_and_ended_early_is_worth_repeating(self) -> None:
        found = result(failed(CREATE, FORBIDDEN, is_final=True), ended(DELETE, Outcome.NOT_STARTED, "not started"))

        assert self.lines(found)[-1].startswith("Run apply again")

    def test_that_was_not_seen_to_its_end_is_worth_repeating(self) -> None:
        lines = self.lines(result(done(PRUNE), still_pending=((SeriesAddress("key", "weekly"), PENDING),)))

        assert lines == [
            "key/weekly#3: queued; started before this run and still not completed",
            "Apply incomplete: 0 created, 1 deleted.",
            "Run apply again. It reads the account afresh and does only what is left.",
        ]

    def test_that_was_withheld_names_the_way_out_and_no_other(self) -> None:
        allow = "To allow this loss for one run: reconcile apply --allow-loss 2"
        lines = self.lines(result(COMPLETED, *map(too_much, (DELETE, PRUNE))))

        assert lines == [
            "2 deletes: withheld: too much would be lost",
            "  web/nightly#1",
            "  web/x#2",
            "Apply incomplete: 1 created, 0 deleted, 2 withheld.",
            allow,
        ]

    def test_what_the_plan_said_is_withheld_is_counted_and_not_explained_again(self) -> None:
        plan = make_plan(declare("", server="prune = true"), inventory(*(backup(n, "x") for n in range(1, 6))))
        held_back = withheld(plan)
        finished = tuple(map(too_much, plan.deletes))
        document = result_text(Applied(result=replace(result(*finished), plan=plan, withheld=held_back)))

        figures = ["Apply incomplete: 0 created, 0 deleted, 5 withheld."]
        allow = "To allow this loss for one run: reconcile apply --allow-loss 5"
        assert shown(document).splitlines() == figures
        # With -q, no plan was shown.
        why = "The plan would lose 5 of 5 backups with data on the declared servers; no usable backup would be left."
        assert shown(replace(document, lines=document.essential or ())).splitlines() == [
            f"Withheld: 5 deletes. {why} {allow}",
            *figures,
        ]

    def test_a_backup_that_was_needed_and_did_not_become_usable_is_the_reason(self) -> None:
        found = replace(result(COMPLETED), plan=replace(PLAN, max_age=Duration(seconds=900)), unmet=(CREATE.address,))

        assert self.lines(found) == [
            "web/nightly: no usable backup is at most 15min old",
            "Apply incomplete: 1 created, 0 deleted.",
            "Run apply again. It reads the account afresh and does only what is left.",
        ]

    def test_before_another_round_there_is_nothing_to_do_next(self) -> None:
        lines = shown(
            result_text(Applied(result=result(COMPLETED, ended(DELETE, Outcome.SKIPPED, "why")), plans_again=True))
        )

        assert lines.splitlines() == [
            "web/nightly#1: skipped: why",
            "So far: 1 created, 0 deleted, 1 skipped. Planning again, because the account has changed.",
        ]

    def test_notes_are_not_said_twice(self) -> None:
        assert not any("altered" in line for line in self.lines(result(COMPLETED, notes=(NOTE,))))


class TestJson:
    def summary(self, *results: Result, not_begun: bool = False) -> dict[str, Any]:
        planned = Planned(plan=PLAN, withheld={})
        rounds: list[tuple[Planned, Result | None]] = [(planned, result) for result in results]
        line = summary_json(Rounds([*rounds, *([(planned, None)] if not_begun else [])]))
        assert (line["type"], line["operation"]) == ("change_summary", "apply")
        changes: dict[str, Any] = {key: each for key, each in line["changes"].items() if key != "operation"}
        return changes

    def test_the_first_line_is_the_version(self) -> None:
        line = value(version_json())

        assert (line["type"], line["ui"]) == ("version", "1.2")
        assert line["reconcile"] in line["@message"]

    def test_a_plan_says_what_is_withheld(self) -> None:
        plan = make_plan(declare("", server="prune = true"), inventory(backup(1, "x")))

        warning, change, summary = map(value, event_json(Planned(plan=plan, withheld=withheld(plan))))

        assert (warning["@level"], warning["diagnostic"]["summary"]) == ("warn", "no series is declared")
        assert change["change"]["resource"]["addr"] == 'vps_backup.web["x#1"]'
        assert (change["change"]["action"], change["change"]["reason"]) == ("delete", "undeclared")
        assert change["change"]["withheld"] is True
        assert change["@message"] == "web/x#1: Plan to delete (withheld), prune = true"
        assert summary["changes"] == {"add": 0, "change": 0, "remove": 1, "withheld": 1, "operation": "plan"}

    def test_a_plan_with_errors_says_so_before_its_changes(self) -> None:
        plan = make_plan(declare('{ description = "nightly", keep = 1 }'), inventory(servers=()))

        (error, _) = map(value, event_json(Planned(plan=plan, withheld={})))

        assert (error["@level"], error["type"], error["diagnostic"]["address"]) == ("error", "diagnostic", "web")

    def test_a_failure_is_a_diagnostic_too(self) -> None:
        line, diagnostic = map(value, event_json(failed(CREATE, "no answer")))

        assert (line["@level"], line["hook"]["outcome"]) == ("error", "failed")
        assert diagnostic["diagnostic"] == {
            "severity": "error",
            "summary": "create: failed",
            "detail": "no answer",
            "address": "web/nightly",
        }

    def test_what_is_left_out_is_no_error(self) -> None:
        (line,) = map(value, event_json(ended(DELETE, Outcome.WITHHELD, "withheld")))

        assert (line["@level"], line["hook"]["outcome"]) == ("warn", "withheld")

    def test_a_new_backup_has_its_id(self) -> None:
        (line,) = map(value, event_json(COMPLETED))

        assert (line["hook"]["id_key"], line["hook"]["id_value"], line["hook"]["elapsed_seconds"]) == ("id", "9", 90)
        assert line["hook"]["resource"]["resource_key"] == "nightly"

    def test_a_diagnostic_that_stops_everything(self) -> None:
        line = value(diagnostic_line(Diagnostic(summary="no token")))

        assert (line["@message"], line["@level"]) == ("Error: no token", "error")

    def test_the_last_line_counts_everything(self) -> None:
        others = (
            ended(replace(CREATE, address=SeriesAddress("web", str(number))), outcome, "x")
            for number, outcome in enumerate([*Outcome, Outcome.NOT_STARTED])
            if outcome not in {Outcome.SUCCEEDED, Outcome.IN_PROGRESS}
        )

        assert self.summary(result(COMPLETED, done(DELETE), *others)) == {
            "add": 1,
            "change": 0,
            "remove": 1,
            "failed": 2,
            "skipped": 2,
            "withheld": 1,
            "not_started": 2,
        }

    def test_the_last_line_counts_an_action_of_several_rounds_once_as_it_ended(self) -> None:
        first = result(failed(CREATE, "x"), ended(DELETE, Outcome.SKIPPED, "x"), too_much(PRUNE))
        second = result(COMPLETED, done(DELETE), too_much(PRUNE))

        counts = {name: count for name, count in self.summary(first, second).items() if count}

        assert counts == {"add": 1, "remove": 1, "withheld": 1}

    def test_the_last_line_says_what_was_done_and_what_was_not_in_words(self) -> None:
        ended_so = result(COMPLETED, ended(PRUNE, Outcome.NOT_STARTED, "x"))

        line = summary_json(Rounds([(Planned(plan=PLAN, withheld={}), ended_so)]))

        assert line["@message"] == "Apply: 1 created, 0 deleted, 1 not started"

    @pytest.mark.parametrize("stop", Stop)
    def test_the_last_line_says_why_the_run_ended_early(self, stop: Stop) -> None:
        ended_so = replace(result(COMPLETED), stopped=stop)

        line = summary_json(Rounds([(Planned(plan=PLAN, withheld={}), ended_so)]))

        assert line["@message"] == f"Apply: 1 created, 0 deleted; {stop}"

    def test_the_last_line_counts_a_plan_that_was_not_begun(self) -> None:
        assert self.summary(not_begun=True)["not_started"] == 3
        assert set(self.summary().values()) == {0}


def test_the_plan_has_what_these_tests_are_about() -> None:
    assert [type(action) for action in PLAN.actions] == [Create, Delete, Delete]


@pytest.mark.parametrize("veto", Veto)
def test_each_veto_is_explained_in_words_of_its_own(veto: Veto) -> None:
    assert sum(objection_text(other) == objection_text(veto) for other in Veto) == 1
