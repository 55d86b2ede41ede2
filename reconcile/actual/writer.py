"""Changing the account: one create or one delete, sent once; `apply/` alone is handed this."""

from urllib.parse import quote

import httpx
from pydantic import ValidationError

from reconcile.actual.errors import OutcomeUnknownError
from reconcile.actual.http import Http
from reconcile.actual.inventory import Backup
from reconcile.actual.wire import WireBackup, explain
from reconcile.ids import Id


class Writer:
    """The part of the service that creates and deletes."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def create(self, server_id: Id, description: str) -> Backup:
        """Send one create. It is not idempotent, and there is no idempotency key: sent twice, it makes two.

        Raises:
            NotSentError, BusyError, RefusedError: certainly not made.
            OutcomeUnknownError: made, or not; only the list can tell.
        """
        body = {"server_id": server_id, "description": description}
        answer = await self._http.request("POST", "/backups/", json=body)
        try:
            return WireBackup.model_validate_json(answer.body).known()
        except ValidationError as error:
            raise OutcomeUnknownError(answer.request, f"the answer is not a backup ({explain(error)})") from error

    async def restore(self, server_id: Id, backup_id: Id) -> None:
        """Send one restore, which overwrites the server's disk; any 2xx counts as accepted (api.md).

        Raises:
            NotSentError, BusyError, RefusedError: certainly not begun.
            OutcomeUnknownError: begun, or not; nothing but the server itself can tell.
        """
        path = f"/servers/{quote(str(server_id), safe='')}/restore/"
        await self._http.request("POST", path, json={"backup_id": backup_id})

    async def delete(self, backup_id: Id) -> None:
        """Send one delete. It cannot be undone.

        Raises:
            NotSentError, BusyError, RefusedError: certainly not deleted by this (a 404: not there any more).
            OutcomeUnknownError: deleted, or not; only the list can tell.
        """
        answer = await self._http.request("DELETE", f"/backups/{quote(str(backup_id), safe='')}/")
        if answer.status != httpx.codes.NO_CONTENT:
            # A proxy's sign-in page is a 200, and has deleted nothing.
            raise OutcomeUnknownError(answer.request, f"answered {answer.status}, and not 204 as documented")
