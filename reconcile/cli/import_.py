"""`reconcile import`: writes a file that declares what the account holds."""

from pathlib import Path

import click

from reconcile.cli.observe import observe
from reconcile.cli.options import Account, Files, account_options, file_options
from reconcile.cli.output import Output, output_options
from reconcile.cli.plan_file import write_whole
from reconcile.diagnostics import UserError
from reconcile.plan.declare import declare
from reconcile.plan.refusals import check_clock
from reconcile.report.declaration_toml import declaration_toml


@click.command("import")
@file_options
@account_options
@click.option("--server", "only", multiple=True, metavar="ID|NAME", help="Only this one; may be repeated.")
@click.option("--out", type=click.Path(path_type=Path), help="Write it there, and not to stdout.")
@output_options
def import_(
    *,
    files: Files,
    account: Account,
    only: tuple[str, ...],
    out: Path | None,
    output: Output,
    verbose: bool,  # noqa: ARG001 - nothing to add
) -> int:
    """Write TOML that declares what the account holds; with -f, what those files do not declare yet."""
    if out and out.exists():
        raise UserError(f"{out} is there already", "Name another file, or move it away first.")
    existing = files.load() if files.paths else None
    inventory = observe(account.access())
    check_clock(inventory)
    beside = {"existing": existing} if existing else {}
    declaration = declare(inventory, inventory.observed_at, only=only, **beside)
    text = declaration_toml(declaration, inventory.base_url, inventory.observed_at)
    if out:
        write_whole(out, text)
        output.note(f"Written to {out}. See what it comes to: reconcile plan -f {out}")
    else:
        output.raw(text)
    return 0
