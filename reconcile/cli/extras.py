"""The errors for extras that are not installed."""

from reconcile.diagnostics import UserError

SANDBOX_MISSING = UserError(
    "the sandbox is not installed",
    "It comes with an extra: pip install 'vps-reconcile[sandbox]'. Without an installation: "
    "uvx --from 'vps-reconcile[sandbox]' vps-reconcile demo.",
)
