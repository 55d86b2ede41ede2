"""`reconcile status --runbook`: how to restore each server with nothing but a shell and curl.

It is read in an emergency, as rendered Markdown or as plain text. Every command stands alone, so that it can be copied:

- The token reaches curl through standard input, because a process list shows arguments.
- `--disable` ignores ~/.curlrc, which might repeat a request or follow a redirect with the token.
- Ids are percent-encoded in a URL, JSON in a body, and then quoted for the shell. Names are only in the text.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import groupby
from shlex import quote
from urllib.parse import quote as percent_encoded

from reconcile.actual.inventory import Backup
from reconcile.insight.restore_points import restore_points
from reconcile.insight.servers import name_or_id
from reconcile.insight.status import Status
from reconcile.report.escape import LONGEST, code
from reconcile.report.templates import rendered
from reconcile.wording import time_text

_PLAIN = re.compile(r"[\w.@:/+#-]+", re.ASCII)
"""A name that can be shown in backticks, where a search in the file finds it as it is written."""


def runbook(status: Status, /, *, verbose: bool = False) -> str:
    """Return the page as Markdown: what to do first, how to check, and the commands that restore each server."""
    zone = status.zone

    def grouped(points: Mapping[timedelta, Backup | None]) -> Iterator[tuple[Backup | None, str]]:
        """Yield each backup once, and for which ages it is the newest."""
        for backup, ages in groupby(points.items(), key=lambda item: item[1]):
            wanted = [
                f"newest before {time_text(status.checked_at - age, zone)}" if age else "newest backup"
                for age, _ in ages
            ]
            yield backup, " and ".join(wanted).capitalize()

    return rendered(
        "status/runbook.md.jinja",
        _name,
        status=status,
        servers=restore_points(status),
        grouped=grouped,
        zone=zone,
        name_or_id=name_or_id,
        in_url=lambda identifier: percent_encoded(str(identifier), safe=""),
        json=json.dumps,
        quote=quote,
    )


def _name(text: str) -> str:
    return f"`{text}`" if len(text) <= LONGEST and _PLAIN.fullmatch(text) else code(text, LONGEST)
