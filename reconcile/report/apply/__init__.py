"""The report at the end of an apply, as text. JSON, which has a line for each event, has a separate module."""

from collections.abc import Iterator

from reconcile.addresses import Address, SeriesAddress
from reconcile.clock import Stop
from reconcile.outcomes import Applied, Outcome, Result
from reconcile.plan.model import Action, Create, Delete
from reconcile.plan.reasons import Veto, unmet_text
from reconcile.report.apply import sentences
from reconcile.report.document import Lines, Text
from reconcile.report.plan.sentences import allow_text, withheld_lines
from reconcile.wording import count_text


def result_text(applied: Applied, /, *, verbose: bool = False) -> Lines:
    """Return the report at the end: what was not done and why, then the figures, then what to do next.

    If the run plans again, there is no next step. The plan has said why deletes are withheld and what would allow them,
    so only `-q`, which does not show it, says so here.
    """
    result = applied.result
    trouble = tuple(_trouble(result))
    withheld = tuple(withheld_lines(result.plan, result.withheld))
    lines = tuple(_figures(result, plans_again=applied.plans_again))
    return Lines((*trouble, *lines), essential=(*trouble, *withheld, *(() if applied.plans_again else lines)))


def _trouble(result: Result) -> Iterator[Text]:
    yield from _not_done(result)
    for backup in result.still_pending:
        state = sentences.member_text(SeriesAddress(backup.server_name, backup.description), backup)
        yield Text(f"{state}; started before this run and still not completed", "yellow")
    for address in result.unmet:
        yield Text(f"{address}: {unmet_text(result.plan.max_age)}", "yellow")


def _figures(result: Result, *, plans_again: bool) -> Iterator[Text]:
    created, deleted = (result.count(kind, Outcome.SUCCEEDED) for kind in (Create, Delete))
    counts = result.counts
    figures = [f"{created:,} created", f"{deleted:,} deleted"]
    figures += [f"{counts[outcome]:,} {label}" for outcome, label in sentences.OUTCOME_TEXTS.items() if counts[outcome]]
    errors = len(result.plan.errors)
    is_done = result.is_complete and not errors
    head = ("Apply complete: ", "bold green") if is_done else ("Apply incomplete: ", "bold red")
    if plans_again:
        yield Text(f"So far: {', '.join(figures)}. Planning again, because the account has changed.", "bold")
        return
    yield Text.assemble(head, ", ".join(figures), ".")
    if errors:
        yield Text(f"The plan was incomplete: {count_text(errors, 'error')}, shown with the plan.", "bold red")
    if result.stopped is Stop.DEADLINE:
        yield Text("Out of time: the run ended at its --timeout. Allow more time, or run apply again.", "bold red")
    elif result.stopped is Stop.INTERRUPTED:
        yield Text("Interrupted: nothing new was started.", "bold red")
    yield from _next_steps(result)


def _not_done(result: Result) -> Iterator[Text]:
    """Yield the actions that did not succeed, with each explanation once: forty 403s are one problem."""
    groups: dict[tuple[type[Action], Outcome, str], list[Address]] = {}
    for ended in result.finished:
        is_planned = ended.outcome is Outcome.WITHHELD and ended.action.address in result.withheld
        if ended.outcome is not Outcome.SUCCEEDED and not is_planned:
            alike = type(ended.action), ended.outcome, sentences.explanation_text(ended)
            address: Address = ended.action.address
            if ended.backup and isinstance(address, SeriesAddress):
                address = address.member(ended.backup.id, ended.backup.description)
            groups.setdefault(alike, []).append(address)
    for (kind, outcome, explanation), addresses in groups.items():
        label, style = sentences.OUTCOME_TEXTS[outcome], sentences.STYLES[outcome]
        says_it = outcome in {Outcome.DEFERRED, Outcome.NOT_STARTED}  # the explanation contains the label
        text = explanation if says_it else f"{label}: {explanation}"
        if len(addresses) == 1:
            yield Text.assemble(f"{addresses[0]}: ", (text, style))
        else:
            yield Text(f"{count_text(len(addresses), kind.__name__.lower())}: {text}", style)
            yield from (Text(f"  {address}") for address in addresses)


def _next_steps(result: Result) -> Iterator[Text]:
    counts = result.counts
    shown_loss = result.plan.loss.lost if Veto.TOO_MUCH_LOST in result.withheld.values() else 0
    if (loss := result.loss_still_to_allow) not in {0, shown_loss}:
        yield Text(allow_text(loss), "bold red")
    yield from map(Text, sentences.advice(result))
    if result.is_refused and not counts[Outcome.NOT_STARTED] and not result.still_pending and not result.unmet:
        yield Text("The service rejected the requests that failed above. Fix the cause before you run apply again.")
    elif result.notes:
        yield Text(
            "Fix the cause above before you run apply again: each run would create backups that the next does not see."
        )
    elif result.still_pending or result.unmet or set(counts) - _NOT_WORTH_REPEATING:
        yield Text("Run apply again. It reads the account afresh and does only what is left.")


_NOT_WORTH_REPEATING = {Outcome.SUCCEEDED, Outcome.DEFERRED, Outcome.WITHHELD}
