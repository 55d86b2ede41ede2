"""`reconcile validate`: checks the files, offline."""

from reconcile.cli.options import command
from reconcile.cli.process import ExitCode
from reconcile.cli.session import Session
from reconcile.diagnostics import UserError
from reconcile.insight.validation import Validation
from reconcile.report.diagnostics import VALIDATE_FORMATS


@command(VALIDATE_FORMATS, files=True)
def validate(session: Session) -> ExitCode:
    """Check the files offline and report all errors at once."""
    try:
        found = Validation.of(session.config(), session.clock.now())
    except UserError as invalid:
        found = Validation(config=None, diagnostics=invalid.diagnostics)
    session.output.diagnostics(found.diagnostics)
    session.show(VALIDATE_FORMATS, found)
    return ExitCode.DONE if found.is_valid else ExitCode.ERROR
