"""The result of planning recorded runs again, as text and as JSON."""

from collections import Counter

from reconcile import __version__
from reconcile.insight.replay import Finding, Replay
from reconcile.report.document import Block, Formats, Formatter, Lines, Text
from reconcile.report.plan.sentences import action_table
from reconcile.wording import count_text, span_text

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
    """Say which check of a record failed, and which `version` of reconcile wrote the record, if another one did."""
    other = f" (recorded by reconcile {version})" if version != __version__ else ""
    return _FINDINGS[finding.kind].format(subject=finding.subject, verb=finding.verb) + other


def replay_text(replay: Replay, /, *, verbose: bool) -> Lines:
    """Return one line for each failed check, then what other files would have done, then a verdict."""
    findings = [
        Text(f"{run.record}: {finding_text(each, run.version)}", "bold red") for run in replay for each in run.findings
    ]
    lines: list[Block] = [*findings]
    for run in replay:
        if run.refused:
            lines.append(Text(f"On {run.at:%Y-%m-%d} these files would have been refused: {run.refused}"))
        if run.other:
            lines += [Text(f"On {run.at:%Y-%m-%d} these files would have changed:"), action_table(run.other, run.at)]
    return Lines((*lines, Text(f"{_verdict(replay)}.", "bold red" if findings else "bold green")))


def _verdict(replay: Replay) -> str:
    if not replay:
        return "No records"
    times = [run.at for run in replay]
    runs = f"{count_text(len(replay), 'run')} ({span_text(f'{min(times):%Y-%m-%d}', f'{max(times):%Y-%m-%d}')})"
    if unfinished := sum(not run.is_finished for run in replay):
        runs += f", {unfinished:,} of them started and not finished"
    if findings := sum(len(run.findings) for run in replay):
        return f"{runs}: {count_text(findings, 'thing')} not as recorded"
    return f"{runs}: every plan is identical, and every delete follows from its files"


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
                    {"address": each.action.address, "action": each.action.verb, "fate": each.fate}
                    for each in run.other
                ],
            }
            for run in replay
            if run.other or run.refused
        ],
    }


REPLAY_FORMATS: Formats[Formatter[Replay]] = Formats(replay_text, json=(replay_json, "Print JSON."))
