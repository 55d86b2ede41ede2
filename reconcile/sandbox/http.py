"""The documented API (api.md) over an `Account`, as an ASGI application: tokens, filters, pages, error bodies."""

from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reconcile.sandbox.account import Account, Record

_READING = ["servers:read", "backups:read", "account:read"]
_LARGEST_PAGE = 1000
_MINUTE = timedelta(minutes=1)


def application(
    *accounts: Account, page_size: int = 100, latency: float = 0.0, rate_limit: int | None = None
) -> Starlette:
    """Serve the accounts, each to its two tokens.

    `latency`, in seconds, delays every response; `rate_limit` is in requests per minute, None for no limit.
    """
    served: deque[datetime] = deque()

    def seconds_to_wait() -> int:
        """Count a request and return 0; if there were too many in the last minute, return how long to wait instead."""
        now = accounts[0].now()
        while served and served[0] <= now - _MINUTE:
            served.popleft()
        if rate_limit and len(served) >= rate_limit:
            return 1 + int((served[0] + _MINUTE - now).total_seconds())
        served.append(now)
        return 0

    tokens = {token: account for account in accounts for token in (account.token, account.read_only_token)}
    apis = {token: _Api(account, page_size, token) for token, account in tokens.items()}

    def route(method: str, path: str, respond: Callable[[_Api, Request], Awaitable[Response]]) -> Route:
        async def handler(request: Request) -> Response:
            await anyio.sleep(latency)
            if seconds := seconds_to_wait():
                problem = f"Request was throttled. Expected available in {seconds} seconds."
                raise HTTPException(429, problem, {"Retry-After": str(seconds)})
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            if scheme != "Bearer" or not token:
                raise HTTPException(401, "Authentication credentials were not provided.")
            if token not in apis or apis[token].account.is_revoked:
                raise HTTPException(401, "Invalid token.")
            if method != "GET" and apis[token].permissions is _READING:
                raise HTTPException(403, "You do not have permission to perform this action.")
            return await respond(apis[token], request)

        return Route(f"/api/v1{path}", handler, methods=[method])

    return Starlette(
        routes=[
            route("GET", "/backups/", _Api.backups),
            route("POST", "/backups/", _Api.create),
            route("DELETE", "/backups/{id}/", _Api.delete),
            route("GET", "/servers/", _Api.servers),
            route("POST", "/servers/{id}/restore/", _Api.restore),
            route("GET", "/account/me/", _Api.me),
        ],
        exception_handlers={HTTPException: _problem},
    )


class _BadRequestError(HTTPException):
    """A 400, with the service's body: a list of sentences per field."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(400, sentence)
        self.field = field


async def _problem(_: Request, error: Exception) -> Response:
    match error:
        case _BadRequestError(field=field, detail=sentence):
            return JSONResponse({field: [sentence]}, 400)
        case HTTPException(status_code=status, detail=detail, headers=headers):
            return JSONResponse({"detail": "Not found." if detail == "Not Found" else detail}, status, headers)
        case _:
            raise error


class _Api:
    """One account as one token sees it: a method per endpoint."""

    def __init__(self, account: Account, page_size: int, token: str) -> None:
        self.account = account
        self.permissions = ["*:*"] if token == account.token else _READING
        self._token = token
        self._page_size = page_size

    async def backups(self, request: Request) -> Response:
        server_id, backup_type = (request.query_params.get(name) for name in ("server_id", "backup_type"))
        if server_id and not self._is_id(server_id):
            raise _BadRequestError("server_id", "Enter a number.")
        if backup_type not in {None, "manual", "automatic"}:
            raise _BadRequestError("backup_type", f"Select a valid choice. {backup_type} is not one of the choices.")
        return self._page(request, self.account.list_backups(server_id, backup_type))

    async def create(self, request: Request) -> Response:
        body = await _object(request)
        server_id, description = body.get("server_id"), body.get("description")
        if server_id is None:
            raise _BadRequestError("server_id", "This field is required.")
        if isinstance(server_id, bool) or not self._is_id(str(server_id)):
            raise _BadRequestError("server_id", "A valid integer is required.")
        if not isinstance(description, str | None):
            raise _BadRequestError("description", "Not a valid string.")
        created = self.account.create(self._server(server_id), description or "")
        message = "Backup is being created. This may take several minutes depending on server size."
        return JSONResponse({**created, "message": message}, 201)

    async def delete(self, request: Request) -> Response:
        self.account.delete(self._backup(request.path_params["id"]))
        return Response(status_code=204)

    async def servers(self, request: Request) -> Response:
        wanted = {key: value for key, value in request.query_params.items() if key in {"status", "location"}}
        found = [
            server for server in self.account.servers if all(server.get(key) == value for key, value in wanted.items())
        ]
        return self._page(request, found)

    async def restore(self, request: Request) -> Response:
        body = await _object(request)
        server = self._server(request.path_params["id"])
        backup = self._backup(str(body.get("backup_id")))
        if backup["server"]["id"] != server["id"] or backup["status"] != "completed":
            raise _BadRequestError("backup_id", "Not a completed backup of this server.")
        return JSONResponse({"message": "Restore started."}, 202)

    async def me(self, _: Request) -> Response:
        token = {"name": self._token.removeprefix("vps_"), "permissions": self.permissions}  # its name is not the token
        return JSONResponse({"account": {"email": self.account.email}, "token": token})

    def _is_id(self, text: str) -> bool:
        return text.isdigit() or self.account.server(text) is not None

    def _server(self, server_id: object) -> Record:
        server = self.account.server(server_id)
        if server is None:
            raise HTTPException(404, "Server not found.")
        return server

    def _backup(self, backup_id: str) -> Record:
        backup = self.account.backup(backup_id)
        if backup is None:
            raise HTTPException(404, "Backup not found.")
        return backup

    def _page(self, request: Request, found: list[Record]) -> Response:
        number = _whole(request, "page", 1)
        size = min(_whole(request, "page_size", self._page_size), _LARGEST_PAGE)
        start = (number - 1) * size
        if number > 1 and start >= len(found):
            raise HTTPException(404, "Invalid page.")
        has_next = start + size < len(found)
        return JSONResponse(
            {
                "count": len(found),
                "next": str(request.url.include_query_params(page=number + 1)) if has_next else None,
                "previous": str(request.url.include_query_params(page=number - 1)) if number > 1 else None,
                "results": found[start : start + size],
            }
        )


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdigit() or int(text) < 1:
        raise HTTPException(404, "Invalid page.")
    return int(text)


async def _object(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise HTTPException(400, f"JSON parse error - {error}") from error
    if not isinstance(body, dict):
        raise _BadRequestError("non_field_errors", "Invalid data. Expected a dictionary.")
    return body
