"""Finds the base URL and the token (spec, section 7). A token is never an argument, and never shown."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

from reconcile.diagnostics import UserError
from reconcile.limits import MEBIBYTE, read_file

BASE_URL = "https://admin.vps.org/api/v1"
_API_PATH = "/api/v1"

_TOKEN = re.compile(r"[!-~]+")
_SHORTEST_TOKEN = 8
"""Characters. Masking a shorter token would only garble other text; the service's tokens are far longer."""

_LARGEST_TOKEN = 64 * 1024
"""Maximum bytes of a token file."""

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9a-f:.]*:[0-9a-f:.]*\])"
    r"(?::(?P<port>\d{1,5}))?(?P<path>/[\w./~%-]*)?",
    re.ASCII | re.IGNORECASE,
)
"""Deliberately narrow: no two parsers can disagree about the host, which gets the token."""

_LONGEST_URL = 2000
"""Characters. A URL of more than 64 KiB can't be requested."""

_PORTS = {"http": 80, "https": 443}
LARGEST_PORT = 65535
_LONG_NAME = 20
"""Characters. Few file names are that long, and no token is shorter."""


class NoTokenError(UserError):
    """No token was found."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """A base URL without a trailing slash, a token, and where the token came from."""

    base_url: str
    token: str = field(repr=False)
    token_from: str


def find(*, base_url: str | None, token_file: Path | None, environment: Mapping[str, str], home: Path | None) -> Access:
    """Find the base URL and the token.

    The token comes from `token_file`, `VPS_API_TOKEN` or the official CLI's `~/.vps/config.json`, in this order; the
    base URL from `base_url`, `VPS_API_URL`, `api_url` in that file, or else it is the real service. Without `home`,
    there is no such file.

    Raises:
        NoTokenError: no token was found.
        UserError: the token is unusable (it is not shown), or must not be sent to this base URL.
    """
    url = base_url or environment.get("VPS_API_URL")
    token = environment.get("VPS_API_TOKEN")
    official = home / ".vps" / "config.json" if home else None
    config = _official_config(official) if official and not (url and (token_file or token)) else {}
    source = "VPS_API_TOKEN"
    if token_file:
        token, source = _read_token(token_file), str(token_file)
    elif not token:
        token, source = config.get("api_token", ""), str(official)
    token = token.strip()
    if not token:
        raise NoTokenError(
            "no token",
            "Create one in the web panel under Account → Developers, then set VPS_API_TOKEN, or name a file that "
            "contains it with --token-file; see reconcile help connection. To practise without an account: "
            "reconcile sandbox.",
        )
    if token[0] == token[-1] and token[0] in "\"'":
        raise UserError(
            f"the token from {source} is in quotes",
            "Remove the quotes. A shell removes quotes, but docker's --env-file and most other files keep them.",
        )
    if not _TOKEN.fullmatch(token):
        raise UserError(
            f"the token from {source} is not valid",
            "It contains whitespace or unusual characters; copy it again.",
        )
    if not url and (api_url := config.get("api_url")):
        url = api_url.rstrip("/").removesuffix(_API_PATH) + _API_PATH
    return Access(base_url=_checked(url or BASE_URL, token), token=token, token_from=source)


def redact(text: str, token: str) -> str:
    """Return the text with the token masked, also if it is percent-encoded."""
    if len(token) < _SHORTEST_TOKEN:
        return text
    text = text.replace(token, "***")
    return text.replace(quote(token, safe=""), "***") if "%" in text else text


def redact_bytes(body: bytes, token: str) -> bytes:
    """Return the body of a response with the token masked."""
    return body if len(token) < _SHORTEST_TOKEN else body.replace(token.encode(), b"***")


def is_loopback(host: str) -> bool:
    """Return whether the host (a name, or an address without brackets) is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _official_config(path: Path) -> dict[str, str]:
    """Return the strings in the official CLI's file; raises UserError if it can't be read."""
    try:
        config = json.loads(read_file(path, MEBIBYTE))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path} can't be read: {_reason(error, 'it is not JSON')}",
            "Fix it, or set VPS_API_TOKEN and VPS_API_URL.",
        ) from error
    values = config.items() if isinstance(config, dict) else ()
    return {key: value for key, value in values if isinstance(value, str)}


def _read_token(path: Path) -> str:
    try:
        return read_file(path, _LARGEST_TOKEN).decode().strip()
    except (OSError, ValueError) as error:
        reason = _reason(error, "it is not text")
        text = str(path)
        if text.startswith("vps_") or (len(path.parts) == 1 and len(text) >= _LONG_NAME):
            raise UserError(
                f"--token-file: {reason}",
                "The argument looks like a token. Write the token to a file, and name that file; an argument is "
                "visible in the list of processes and in the shell's history.",
            ) from None
        raise UserError(f"--token-file {path}: {reason}", "Name a file that contains only the token.") from error


def _reason(error: Exception, otherwise: str) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or otherwise


def _checked(text: str, token: str) -> str:
    """Return the base URL in its normal form, in which plans and locks compare it."""
    shown = repr(redact(re.sub(r"(?<![^/])[^/]*@", "***@", text), token)[:200])
    match = _URL.fullmatch(text.strip()) if len(text) <= _LONGEST_URL else None
    if not match or not _is_host(match["host"]) or int(match["port"] or 0) > LARGEST_PORT:
        raise UserError(
            f"{shown} is not a base URL", f"Write it like {BASE_URL}, without a password and with nothing after it."
        )
    scheme, host = match["scheme"].lower(), match["host"].lower()
    if scheme == "http" and not is_loopback(host.strip("[]")):
        raise UserError(
            f"{shown} would send the token unencrypted", "Plain http is allowed only for this machine. Use https."
        )
    port = int(match["port"] or _PORTS[scheme])
    return f"{scheme}://{host}{'' if port == _PORTS[scheme] else f':{port}'}{match['path'] or ''}".rstrip("/")


def _is_host(text: str) -> bool:
    """Return whether an IP address is valid; the pattern has already checked names."""
    if not text.startswith("[") and not text.rstrip(".").rpartition(".")[2].isdigit():
        return True
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True
