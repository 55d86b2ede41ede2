"""Changes the account: sends one create, restore or delete, once. Only `apply/` gets it."""

from contextlib import suppress
from urllib.parse import quote

import httpx

from reconcile.actual.errors import AcceptedError, FinalError, OutcomeUnknownError
from reconcile.actual.http import Http
from reconcile.actual.inventory import Backup
from reconcile.actual.wire import MalformedError, read_backup
from reconcile.ids import Id


class Writer:
    """The half of the client that changes the account. Each method sends one request, once.

    Raises:
        NotSentError, BusyError, FinalError, OutdatedError, StoppedError: certainly not carried out by this request.
        OutcomeUnknownError: the change may have been carried out; only a list, or the server itself, shows whether.
    """

    def __init__(self, http: Http) -> None:
        self._http = http

    async def create(self, server_id: Id, description: str) -> Backup:
        """Send one create. There is no idempotency key: sent twice, it creates two backups."""
        body = {"server_id": server_id, "description": description}
        response = await self._http.request("POST", "/backups/", json=body)
        try:
            return read_backup(response.body, response.received_at)
        except MalformedError as error:
            problem = f"the response is not a backup: {error}"
            raise AcceptedError(response.request, problem) from error

    async def restore(self, server_id: Id, backup_id: Id) -> None:
        """Send one restore, which overwrites the server's disk; any 2xx counts as accepted (api.md)."""
        path = f"/servers/{quote(str(server_id), safe='')}/restore/"
        with suppress(AcceptedError):
            await self._http.request("POST", path, json={"backup_id": backup_id})

    async def delete(self, backup_id: Id) -> None:
        """Send one delete, which can't be undone. A 404 is success: the backup is gone already (spec, section 4.6)."""
        try:
            response = await self._http.request("DELETE", f"/backups/{quote(str(backup_id), safe='')}/")
        except FinalError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            return
        if (status := response.head.status_code) != httpx.codes.NO_CONTENT:
            # A proxy's sign-in page has the status 200, and deletes nothing.
            raise OutcomeUnknownError(response.request, f"responded with {status}, not 204 as documented")
