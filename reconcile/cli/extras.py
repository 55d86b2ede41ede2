"""The errors for extras that are not installed."""

import json
import sys
from importlib.metadata import PackageNotFoundError, distribution
from urllib.parse import unquote, urlsplit

from reconcile.diagnostics import UserError

_DISTRIBUTION = "vps-reconcile"


def sandbox_missing() -> UserError:
    """Return the error for a sandbox that is not installed, with the command that installs it."""
    return UserError("the sandbox is not installed", f"It comes with an extra: {_how_to_install('sandbox')}")


def _how_to_install(extra: str) -> str:
    """Return the command that adds an extra to this installation: by uv, pipx or pip."""
    what = f"'{_source()}[{extra}]'"
    environment = sys.prefix.replace("\\", "/")
    if "/uv/tools/" in environment:
        return f"uv tool install --force {what}"
    if "/pipx/venvs/" in environment:
        return f"pipx install --force {what}"
    return f"{sys.executable} -m pip install {what}"


def _source() -> str:
    """Return the folder that the program was installed from; its name if it came from a package index."""
    try:
        recorded = json.loads(distribution(_DISTRIBUTION).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return _DISTRIBUTION
    url = urlsplit(recorded.get("url", ""))
    return unquote(url.path) if url.scheme == "file" else _DISTRIBUTION
