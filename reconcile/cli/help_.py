"""`reconcile help`: the reference pages, which are Markdown files in `reconcile/help/`, and the examples."""

import re
from pathlib import Path

from rich.constrain import Constrain

from reconcile import __version__
from reconcile.cli.commands import COMMANDS
from reconcile.cli.main import reconcile
from reconcile.cli.options import argument, command
from reconcile.cli.session import Session
from reconcile.diagnostics import UserError, did_you_mean
from reconcile.report.document import Columns, Row

_PACKAGE = Path(__file__).parents[1]
FOLDER = _PACKAGE / "help"
_EXAMPLES = (_PACKAGE / "examples", _PACKAGE.parent / "examples")
"""The folder of the examples: inside an installed package, for `demo` and `help`; beside the package in a checkout."""
REPOSITORY = f"https://github.com/vps-reconcile/reconcile/blob/v{__version__}/"
_WIDEST = 100
"""Columns; longer lines are hard to read."""


@command()
def help_(session: Session, *, topic: str | None = argument()) -> None:
    """Show a page of the reference, a command's options or an example; or list the pages."""
    topics, examples = pages(), example_files()
    if topic is None:
        session.output.result(
            [_contents(topics), "", "reconcile help TOPIC shows a page, reconcile help COMMAND a command's options."]
        )
    elif topic in topics:
        _show(session, _readable(topics[topic].read_text(encoding="utf-8")))
    elif topic in COMMANDS:
        reconcile.main([topic, "--help"], prog_name="reconcile", standalone_mode=False)
    elif topic in examples:
        session.output.show(read_example(topic))
    else:
        hint = did_you_mean(topic, [*topics, *COMMANDS, *examples], f"Pages: {', '.join(topics)}.")
        raise UserError(f'there is no page "{topic}"', hint)


def pages() -> dict[str, Path]:
    """Return the file of each page by its topic, in alphabetical order."""
    return {file.stem: file for file in sorted(FOLDER.glob("*.md"))}


def _contents(topics: dict[str, Path]) -> Columns:
    """List the pages with their summaries: the first paragraph of each, below its title."""
    rows = []
    for topic, file in topics.items():
        with file.open(encoding="utf-8") as page:
            _title, _blank, summary = (next(page).strip() for _ in range(3))
        rows.append(Row((topic, summary)))
    return Columns(rows=rows)


def _readable(text: str) -> str:
    """Return a page in which each link to a page or an example is the command that shows it."""
    text = re.sub(r"\[[^\]]+\]\(([\w-]+)\.md\)", r"`reconcile help \1`", text)
    text = re.sub(r"\[([^\]]+)\]\(\.\./\.\./(examples/[^)]*)/\)", r"\1 (`\2`)", text)
    text = re.sub(r"\[([^\]]+)\]\(\.\./\.\./examples/([^)]*)\)", r"\1 (`reconcile help \2`)", text)
    return re.sub(r"\]\(\.\./\.\./", f"]({REPOSITORY}", text)


def _show(session: Session, text: str) -> None:
    if not session.output.out.is_terminal:
        session.output.show(text)
        return
    from rich.markdown import Markdown  # noqa: PLC0415 - takes 50 ms, and a pipe gets the text as it is
    from rich.theme import Theme  # noqa: PLC0415 - as above

    session.output.out.console.push_theme(Theme({"markdown.code": "bold cyan"}))  # not on black, as rich has it
    session.output.out.console.print(Constrain(Markdown(text, code_theme="ansi_dark"), _WIDEST))


def example_files() -> dict[str, Path]:
    """Return each example by its name: its path below `examples/`, and that of a folder of TOML files, read as one."""
    folder = next((folder for folder in _EXAMPLES if folder.is_dir()), _EXAMPLES[0])
    files = {str(file.relative_to(folder)): file for file in sorted(folder.rglob("*")) if file.is_file()}
    return files | {
        file.parent.name: file.parent for file in files.values() if file.suffix == ".toml" and file.parent != folder
    }


def read_example(name: str) -> str:
    """Return the text of an example, or of all TOML files of a folder, in the order in which they are read.

    Raises:
        UserError: the package was installed without it.
    """
    path = example_files().get(name)
    if path is None:
        raise UserError(f"examples/{name} is missing", "The file belongs to the package. Install reconcile again.")
    if path.is_file():
        return path.read_text(encoding="utf-8")
    texts = {file.name: file.read_text(encoding="utf-8") for file in sorted(path.glob("*.toml"))}
    return "\n".join(f"# ---- {name}/{file} ----\n{text}" for file, text in texts.items())
