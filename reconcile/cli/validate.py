"""`reconcile validate`: checks the files, offline."""

from reconcile.cli.options import command, format_of
from reconcile.cli.process import ExitCode
from reconcile.cli.session import Session
from reconcile.diagnostics import UserError
from reconcile.insight.validation import Validation
from reconcile.report.diagnostics import VALIDATE_FORMATS
from reconcile.report.document import Formatter


@command(files=True)
def validate(session: Session, *, formatter: Formatter[Validation] = format_of(VALIDATE_FORMATS)) -> ExitCode:
    """Check the files offline and report all errors at once."""
    try:
        found = Validation.of(session.config(), session.clock.now())
    except UserError as invalid:
        found = Validation(config=None, diagnostics=invalid.diagnostics)
    session.output.diagnostics(found.diagnostics)
    session.output.show(formatter(found, verbose=session.output.verbose))
    return ExitCode.DONE if found.is_valid else ExitCode.ERROR
