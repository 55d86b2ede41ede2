"""The result of planning recorded runs again, as text and as JSON."""

from collections import Counter
from collections.abc import Iterator

from reconcile import __version__
from reconcile.insight.difference import Fate
from reconcile.insight.replay import Finding, Replay, ReplayedRun
from reconcile.plan.model import Action, Delete
from reconcile.report.document import Formats, Formatter, Lines, Text
from reconcile.wording import count_text, names_text

_MOST_NAMED = 5
"""Maximum number of backups that one line names."""

_FINDINGS = {
    "line": "{subject}: this line is not as it was recorded",
    "backup": "{subject}: this backup is not as it was recorded",
    "refused": "the plan is refused when it is made again: {subject}",
    "added": "{subject}: the {verb} was planned, and is not planned again",
    "missing": "{subject}: the {verb} is planned again, and was not planned",
    "reason": "{subject}: the {verb} was planned for another reason",
    "withheld": "{subject}: the {verb} is withheld in only one of the two plans",
    "server": "{subject}: the plan kept other backups there, or for other reasons",
    "rest": "the plans differ in what concerns the whole account",
    "unplanned": "{subject}: the {verb} was sent, and does not follow from the plan",
}
"""A sentence for each kind of finding."""


def finding_text(finding: Finding, version: str) -> str:
    """Say which check of a record failed, which this version wrote."""
    other = f" (recorded by reconcile {version})" if version != __version__ else ""
    return _FINDINGS[finding.kind].format(subject=finding.subject, verb=finding.verb) + other


def replay_text(replay: Replay, /, *, verbose: bool) -> Lines:
    """Return one line for each failed check, then what other files would have done, then a verdict."""
    findings = [
        Text(f"{run.record}: {finding_text(each, run.version)}", "bold red") for run in replay for each in run.findings
    ]
    others = [Text(line) for run in replay for line in _other_lines(run)]
    return Lines((*findings, *others, Text(f"{_verdict(replay)}.", "bold red" if findings else "bold green")))


def _verdict(replay: Replay) -> str:
    if not replay:
        return "No records"
    times = [run.at for run in replay]
    runs = f"{count_text(len(replay), 'run')} from {min(times):%Y-%m-%d} to {max(times):%Y-%m-%d}"
    if unfinished := sum(not run.is_finished for run in replay):
        runs += f", {unfinished:,} of them started and not finished"
    if findings := sum(len(run.findings) for run in replay):
        return f"{runs}: {count_text(findings, 'thing')} not as recorded"
    return f"{runs}: every plan is identical, and every delete follows from its files"


def _other_lines(run: ReplayedRun) -> Iterator[str]:
    on = f"on {run.at:%Y-%m-%d}"
    if run.refused:
        yield f"{on} these files would have been refused: {run.refused}"
    alike: dict[tuple[str, str], list[str]] = {}
    for action, number, text in _changes(run):
        alike.setdefault((str(action.address.series), text), []).append(number)
    for (series, text), numbers in alike.items():
        yield f"{series}: {on} they would {text.format(names_text(numbers, _MOST_NAMED))}."


_FATES = {
    Fate.NEW: "also have {}",
    Fate.NEW_WITHHELD: "also have withheld the delete of {{}}",
    Fate.NOW_WITHHELD: "have withheld the delete of {{}}",
    Fate.NO_LONGER_WITHHELD: "not have withheld the delete of {{}}",
    Fate.GONE: "not have {}",
}
"""What other files would have done: `{}` becomes the action, and `{{}}` leaves a `{}` for the number of its backup."""


def _changes(run: ReplayedRun) -> Iterator[tuple[Action, str, str]]:
    """Yield each action that other files would have changed, the number of its backup, and the end of a sentence.

    The sentence says what these files would have done, with `{}` for the number.
    """
    for each in run.other.actions if run.other else ():
        if each.fate is not Fate.OTHER_REASON:
            action = each.action
            done, number = "created a backup", ""
            if isinstance(action, Delete):
                done, number = "deleted {}", f"#{action.backup.id}"
            yield action, number, _FATES[each.fate].format(done)


def replay_json(replay: Replay, /, *, verbose: bool) -> dict[str, object]:
    """Return the findings, and what other files would have done, for programs."""
    times = [run.at for run in replay]
    return {
        "format_version": "1.0",
        "runs": len(replay),
        "first": min(times, default=None),
        "last": max(times, default=None),
        "unfinished": sum(not run.is_finished for run in replay),
        "sent": sum((run.sent for run in replay), Counter()),
        "findings": [
            {
                "record": run.record,
                "at": run.at,
                "kind": each.kind,
                "action": each.verb or None,
                "subject": each.subject,
                "message": finding_text(each, run.version),
            }
            for run in replay
            for each in run.findings
        ],
        "others": [
            {
                "record": run.record,
                "at": run.at,
                "refused": run.refused or None,
                "changes": [
                    {"address": str(action.address), "they_would": text.format(number)}
                    for action, number, text in _changes(run)
                ],
            }
            for run in replay
            if run.other or run.refused
        ],
    }


REPLAY_FORMATS: Formats[Formatter[Replay]] = Formats(replay_text, json=(replay_json, "Print JSON."))
