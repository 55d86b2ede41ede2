"""Which service, and with which token (spec, section 7); a token is never an argument, and never shown."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx

from reconcile.diagnostics import UserError

BASE_URL = "https://admin.vps.org/api/v1"
_HOST = re.compile(r"[\w.:-]+", re.ASCII)
_TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """A base URL without a slash at its end, a token, and where that came from."""

    base_url: str
    token: str = field(repr=False)
    token_from: str


def find(*, base_url: str | None, token_file: Path | None, environment: Mapping[str, str], home: Path) -> Access:
    """Find the base URL and the token.

    The token: `token_file`, `VPS_API_TOKEN`, the official CLI's `~/.vps/config.json`. The base URL: `base_url`,
    `VPS_API_URL`, that file's `api_url`, the real service.

    Raises:
        UserError: no token, an unusable one (it is not shown), or a base URL that no token may be sent to.
    """
    config = _OfficialConfig(home / ".vps" / "config.json")
    url = base_url or environment.get("VPS_API_URL") or config.base_url() or BASE_URL
    if token_file:
        token, source = _read_token(token_file), str(token_file)
    elif environment.get("VPS_API_TOKEN"):
        token, source = environment["VPS_API_TOKEN"].strip(), "VPS_API_TOKEN"
    else:
        token, source = config.token(), str(config.path)
    if not token:
        raise UserError(
            "no token",
            "Make one in the web panel under Account → Developers, then set VPS_API_TOKEN, or name a file that "
            "holds it with --token-file. To practise without an account: reconcile sandbox.",
        )
    if not _TOKEN.fullmatch(token):
        raise UserError(
            f"the token from {source} is not one",
            "It has white space or unusual characters in it; copy it again.",
        )
    return Access(base_url=_checked(url), token=token, token_from=source)


class _OfficialConfig:
    """The official CLI's file, read only if it is needed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def base_url(self) -> str | None:
        url = self._get("api_url")
        return url.rstrip("/") + "/api/v1" if url else None

    def token(self) -> str:
        return (self._get("api_token") or "").strip()

    def _get(self, key: str) -> str | None:
        try:
            said: Any = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path} can't be read", "Mend it, or set VPS_API_TOKEN and VPS_API_URL.") from error
        value = said.get(key) if isinstance(said, dict) else None
        return value if isinstance(value, str) else None


def _read_token(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise UserError(
            f"--token-file {path}: {reason}", "Name a file that holds the token and nothing else."
        ) from error


def _checked(text: str) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise UserError(f"{text!r} is not a URL", f"Write the whole base URL, like {BASE_URL}.") from error
    if (
        url.scheme not in {"http", "https"}
        or not _HOST.fullmatch(url.raw_host.decode())
        or url.userinfo
        or url.query
        or url.fragment
    ):
        raise UserError(f"{text!r} is not a base URL", f"Write it like {BASE_URL}, with nothing after the path.")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise UserError(
            f"{text!r} would send the token in the clear", "Plain http is for this machine only; write https."
        )
    return str(url).rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
