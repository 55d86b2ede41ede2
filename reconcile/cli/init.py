"""`reconcile init`: writes a first file, to begin with."""

from pathlib import Path

import click

from reconcile.actual.credentials import NoTokenError
from reconcile.cli.connection import observe
from reconcile.cli.exit_code import ExitCode
from reconcile.cli.files import check_new
from reconcile.cli.options import OutputFileType, command
from reconcile.cli.session import DEFAULT_FILE, Session
from reconcile.insight.first_file import EXAMPLE, FirstFile, first_file
from reconcile.report.toml import first_file_toml
from reconcile.report.wording import count_text


@command(account=True)
@click.option(
    "--out",
    type=OutputFileType(),
    default=DEFAULT_FILE,
    show_default=True,
    help="The file to write; it must not exist.",
)
def init(session: Session, *, out: Path) -> ExitCode:
    """Write a commented first file for the account at hand, or an example without a token."""
    check_new(out)
    first = _first_file(session)
    session.write(out, first_file_toml(first).text, new=True)
    if first.origin:
        option = "" if str(out) == DEFAULT_FILE else f" -f {out}"
        what = f"a series on each of {count_text(len(first.servers), 'server')}"
        what += " and on each to come" if first.is_fleet else ""
        session.output.note(f"Written to {out}: {what}. To see what it would do: reconcile plan{option}")
    else:
        session.output.note(
            f"Written to {out}: an example, because there is no token. Put your servers into it, or try it on the "
            "sandbox: reconcile sandbox"
        )
    return ExitCode.DONE


def _first_file(session: Session) -> FirstFile:
    try:
        access = session.access()
    except NoTokenError:
        return EXAMPLE
    return first_file(observe(session, access=access, asks_account=True))
