"""`reconcile import`: writes a file that declares the backups in the account."""

from pathlib import Path

from reconcile.cli.connection import connect
from reconcile.cli.files import check_new
from reconcile.cli.options import OUTPUT_FILE, command, option
from reconcile.cli.session import STDOUT, Session
from reconcile.insight.importing import declare
from reconcile.plan.warnings import odd_entries
from reconcile.report.toml import declaration_toml


@command(files=True, account=True)
def import_(
    session: Session,
    *,
    only: tuple[str, ...] = option("Limit to this server. Can be repeated.", flag="--server", metavar="ID|NAME"),
    out: Path | None = option("Write to this file instead of stdout; it must not exist.", type=OUTPUT_FILE),
) -> None:
    """Generate TOML for the backups that the account already has.

    With -f, generates TOML only for backups that those files do not declare.
    """
    target = out or STDOUT
    check_new(target)
    existing = session.config() if session.paths else None
    inventory = connect(session, lambda reader: reader.observe(automatic=True), asks_account=True)
    session.output.diagnostics(odd_entries(inventory))
    declaration = declare(inventory, inventory.observed_at, existing=existing, only=only)
    session.write(target, declaration_toml(declaration), new=True)
    if target != STDOUT:
        session.output.note(f"Wrote {target}. To check it: reconcile plan -f {target}")
