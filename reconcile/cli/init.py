"""`reconcile init`: writes a first file."""

from pathlib import Path

from reconcile.actual.credentials import NoTokenError
from reconcile.cli.connection import connect
from reconcile.cli.files import check_new
from reconcile.cli.options import OUTPUT_FILE, command, option
from reconcile.cli.session import DEFAULT_FILE, STDOUT, Session
from reconcile.insight.importing import declare
from reconcile.plan.warnings import odd_entries
from reconcile.report.toml import declaration_toml
from reconcile.wording import count_text


@command(account=True)
def init(
    session: Session,
    *,
    out: Path = option("The file to write; it must not exist.", type=OUTPUT_FILE, default=DEFAULT_FILE),
) -> None:
    """Write a commented starter file for your account, or an example if there is no token.

    Declares the backups in the account, and a nightly series for each server without a regular one.
    """
    check_new(out)
    wrote = "" if out == STDOUT else f"Wrote {out}: "
    try:
        access = session.access()
    except NoTokenError:
        session.write(out, declaration_toml(None), new=True)
        session.output.note(
            f"{wrote}an example, because there is no token. Put your servers into it, or try it on the sandbox: "
            "reconcile sandbox"
        )
        return
    inventory = connect(session, lambda reader: reader.observe(automatic=True), access=access, asks_account=True)
    session.output.diagnostics(odd_entries(inventory))
    declaration = declare(inventory, inventory.observed_at, is_first=True)
    session.write(out, declaration_toml(declaration), new=True)
    option = "" if str(out) == DEFAULT_FILE else f" -f {'FILE' if out == STDOUT else out}"
    held = len(inventory.manual)
    adopted = "no backups yet"
    if held:
        others = " (the file lists the others)" if declaration.left else ""
        adopted = f"{held - declaration.left:,} of {held:,} manual backups adopted{others}"
    servers = count_text(declaration.servers, "server")
    first_runs = f". For the first runs: reconcile apply --no-delete{option}" if held else ""
    plan = f"To preview it: reconcile plan{option}"
    session.output.note(f"{wrote}{servers}, {adopted}. {plan}{first_runs}")
