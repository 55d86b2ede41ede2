"""Pictures of a terminal: commands, and what they print, as an SVG that fetches nothing."""

import io
import re
from collections.abc import Callable, Iterable
from html import unescape
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text
from support.build import NOW, config
from support.world import World

from reconcile.desired.desired import resolve
from reconcile.insight.status import status
from reconcile.outcomes import Applied, Event, Planned, Waiting
from reconcile.report.apply import result_text
from reconcile.report.apply.sentences import event_text
from reconcile.report.document import Block
from reconcile.report.plan.text import plan_text, planned_text
from reconcile.report.status import status_text
from reconcile.report.terminal import draw
from reconcile.sandbox.account import sample

from .account import DECLARED, OBSERVED

Session = Iterable[tuple[str, Iterable[Block]]]
"""Commands, and what each of them prints."""

_EXAMPLE = Path(__file__).parents[2] / "examples" / "first.toml"
_WIDTH = 90
_TEXT = re.compile(r"<text [^>]*>(.*?)</text>")
_FONT_FROM_OUTSIDE = re.compile(r"@font-face \{\{.*?\}\}", re.DOTALL)


def svg(name: str) -> str:
    """Draw one of `PICTURES`, in a window that brings its background: readable on a light and on a dark page."""
    console = Console(
        file=io.StringIO(), record=True, width=_WIDTH, force_terminal=True, color_system="truecolor", highlight=False
    )
    for number, (command, lines) in enumerate(PICTURES[name]()):
        console.print(Text(f"{'' if number == 0 else chr(10)}$ {command}", "bold"))
        for line in lines:
            draw(line, console)
    return console.export_svg(title="reconcile", code_format=_FONT_FROM_OUTSIDE.sub("", CONSOLE_SVG_FORMAT))


def shown(picture: str) -> str:
    """Return the text of a drawn session without its blanks, so that another version of rich gives the same."""
    return "".join(unescape(text) for text in _TEXT.findall(picture)).replace("\N{NO-BREAK SPACE}", "").replace(" ", "")


def plan_and_apply() -> Session:
    """Plan and apply the file of `reconcile demo`, on a clock of its own."""
    servers, backups = sample(NOW)
    world = World(config(_EXAMPLE.read_text(encoding="utf-8")), servers, backups, backup_seconds=94, time=NOW)
    assert not isinstance(world.apply(), Exception)
    (planned,) = (event for event in world.events if isinstance(event, Planned))
    yield "reconcile plan", plan_text(planned.plan, verbose=False).lines
    yield "reconcile apply --auto-approve", [line for event in world.events for line in _logged(event)]
    world.events.clear()
    world.wait(60)
    world.apply()
    (planned,) = (event for event in world.events if isinstance(event, Planned))
    yield "reconcile plan", plan_text(planned.plan, verbose=False).lines


def _logged(event: Event) -> Iterable[Block]:
    """Return what `apply` shows of an event in a log."""
    match event:
        case Planned():
            return planned_text(event, verbose=False).lines
        case Applied():
            return result_text(event).lines
        case Waiting():
            return ()
        case _:
            return (event_text(event),)


def health() -> Session:
    """Show the status of an account in which something is wrong."""
    found = status(resolve(DECLARED, OBSERVED), OBSERVED, NOW)
    yield "reconcile status", status_text(found, verbose=False).lines


PICTURES: dict[str, Callable[[], Session]] = {"plan-and-apply": plan_and_apply, "status": health}
"""What there is a picture of; a new one is a line here."""
