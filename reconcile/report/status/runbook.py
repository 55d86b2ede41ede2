"""`reconcile status --runbook`: how to restore each server with nothing but a shell and curl.

It is read on a bad day, as rendered Markdown or as it is. Every command stands alone, so that it can be copied:

- The token reaches curl through standard input, because a process list shows arguments.
- `--disable` ignores ~/.curlrc, which might repeat a request or follow a redirect with the token.
- Ids are percent-encoded in a URL, JSON in a body, and then quoted for the shell. Names are only in the text.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from shlex import quote
from urllib.parse import quote as percent_encoded
from zoneinfo import ZoneInfo

from reconcile import __version__
from reconcile.actual.inventory import Backup
from reconcile.durations import age_text
from reconcile.ids import Id
from reconcile.insight.restore_points import RestorePoints
from reconcile.insight.servers import name_or_id
from reconcile.insight.status import Status
from reconcile.report.document import Raw
from reconcile.report.escape import LONGEST, code
from reconcile.report.wording import size_text, time_text

_PLAIN = re.compile(r"[\w.@:/+#-]+", re.ASCII)
"""A name that can be shown in backticks, where a search in the file finds it as it is written."""

_CURL = "curl --disable --silent --show-error --fail-with-body --max-time 60 --globoff --path-as-is --header @-"
_HEADER = """<<END
Authorization: Bearer ${VPS_API_TOKEN:?is not set}
END"""

_FIRST = """\
1. **Find out when the damage happened**, and restore from a backup that was created before it. A restore overwrites the
   whole disk of the server. To keep what is on it now, first create a backup in the web panel.
2. **Stop what changes backups**: disable every schedule and pipeline that runs `reconcile apply`.
3. **If someone else may have a token**, revoke all tokens in the web panel, under Account → Developers, and create a
   new one.
4. **Put the token into the environment.** Run this line in a terminal, paste the token and press Enter. The token
   appears neither on the screen nor in the history of the shell, and later not in the process list.

   ```sh
   stty -echo; IFS= read -r VPS_API_TOKEN; stty echo; export VPS_API_TOKEN
   ```

5. **Find the server below** by its name. Copy one block into the same terminal, and run it once.
"""

_AFTERWARDS = """\
- **Status 2xx**: the service has accepted the restore.
- **Status 4xx**: the service has rejected the restore. The response says why. The server is unchanged.
- **Any other status, or 000 for no response**: the restore may have started. Do not run the block again before you have
  checked the server.

The service does not report the progress of a restore. Check the server in the web panel, or list the servers, whose
`status` and `updated_at` may change. If a server runs as before after a few minutes, its restore has not started.
"""


def runbook(status: Status, servers: Sequence[RestorePoints]) -> Raw:
    """Return the page as Markdown: what to do first, how to check, and the commands that restore each server."""
    return Raw("".join(f"{line}\n" for line in _lines(status, servers)))


def _lines(status: Status, servers: Sequence[RestorePoints]) -> Iterator[str]:
    zone = ZoneInfo(status.timezone)
    yield "# Restore servers with curl"
    yield ""
    yield "You need a shell, `curl` 7.76 or newer, and a token that can restore servers. You do not need reconcile."
    yield ""
    yield f"- Account read at: {time_text(status.checked_at, zone)}. Later creates and deletes are not on this page."
    yield f"- Time zone of this page: {_name(status.timezone)}"
    yield f"- Account: {_name(status.account) if status.account else 'not named in the files (settings.account)'}"
    yield f"- Service: {_name(status.base_url)}"
    for source in status.sources:
        yield f"- File that declares the backups: {_name(source.filename)}, SHA-256 `{source.sha256}`. Call its owner."
    if status.targets:
        yield f"- Only servers that match: {', '.join(map(_name, status.targets))}"
    yield f"- Written by reconcile {__version__}"
    yield ""
    yield "## First"
    yield ""
    yield _FIRST
    yield "## Has the restore started?"
    yield ""
    yield _AFTERWARDS
    yield from _block(status, "/servers/?page_size=1000")
    for each in servers:
        yield from _server(each, status, zone)


def _server(points: RestorePoints, status: Status, zone: ZoneInfo) -> Iterator[str]:
    server = points.server
    yield f"## {_name(name_or_id(server))} ({_name(str(server.id))})"
    yield ""
    for backup, ages in groupby(points.at_least.items(), key=lambda item: item[1]):
        wanted = " and ".join(_age(age, status, zone) for age, _ in ages)
        if backup is None:
            yield f"**{wanted[0].upper()}{wanted[1:]}**: no usable backup."
            yield ""
            continue
        lost = age_text(max(status.checked_at - backup.created_at, timedelta(0)))
        yield f"**{wanted[0].upper()}{wanted[1:]}**: {_backup(backup, zone)}"
        yield ""
        yield f"Everything written on the server since then will be lost: {lost} when this page was written."
        yield ""
        body = json.dumps({"backup_id": backup.id})
        yield from _block(status, f"/servers/{_in_url(server.id)}/restore/", body)
    yield "The backups of this server now:"
    yield ""
    yield from _block(status, f"/backups/?server_id={_in_url(server.id)}&page_size=1000")


def _age(age: timedelta, status: Status, zone: ZoneInfo) -> str:
    if not age:
        return "newest backup"
    return f"newest before {time_text(status.checked_at - age, zone)}"


def _backup(backup: Backup, zone: ZoneInfo) -> str:
    expires = f", expires {time_text(backup.expires_at, zone)}" if backup.expires_at else ""
    described = f", {_name(backup.description)}" if backup.description else ""
    made = time_text(backup.created_at, zone)
    kind = _name(backup.backup_type)
    return f"{_name(f'#{backup.id}')}, created {made}, {kind}, {size_text(backup.size_mb)}{described}{expires}."


def _block(status: Status, path: str, body: str | None = None) -> Iterator[str]:
    """Yield the command for one request: with a body a POST, otherwise a GET."""
    # A token for a service on this machine must not go through a proxy.
    options = _CURL if status.base_url.startswith("https:") else f"{_CURL} --noproxy '*'"
    yield "```sh"
    yield f"{options} --write-out '\\nStatus %{{http_code}}\\n' \\"
    if body is not None:
        yield f"  --request POST --header 'Content-Type: application/json' --data-raw {quote(body)} \\"
    yield f"  {quote(status.base_url + path)} {_HEADER}"
    yield "```"
    yield ""


def _in_url(identifier: Id) -> str:
    return percent_encoded(str(identifier), safe="")


def _name(text: str) -> str:
    return f"`{text}`" if len(text) <= LONGEST and _PLAIN.fullmatch(text) else code(text, LONGEST)
