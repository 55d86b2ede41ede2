"""The documented API (api.md) over an `Account`, as an ASGI application: tokens, filters, pages, error bodies."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reconcile.sandbox.account import Account, Record

_READING = ["servers:read", "backups:read", "account:read"]
_LARGEST_PAGE = 1000

Handler = Callable[[Request], Awaitable[Response]]


def application(
    *accounts: Account, page_size: int = 100, latency: float = 0.0, wait: Callable[[], float] = lambda: 0.0
) -> Starlette:
    """Serve the accounts, each to its two tokens. `latency`, in seconds, delays every response; `wait` returns how many
    seconds a client over its rate limit must wait, 0 for none.
    """  # noqa: D205 - one sentence each
    apis = {account.token: _Api(account, page_size, ["*:*"]) for account in accounts}
    apis |= {account.read_only_token: _Api(account, page_size, _READING) for account in accounts}

    def of_account(handle: Callable[["_Api", Request], Awaitable[Response]]) -> Handler:
        async def handler(request: Request) -> Response:
            return await handle(apis[_token(request)], request)

        return handler

    async def gate(request: Request, handler: Handler) -> Response:
        await anyio.sleep(latency)
        if seconds := wait():
            problem = {"detail": f"Request was throttled. Expected available in {seconds:.0f} seconds."}
            return JSONResponse(problem, 429, {"Retry-After": f"{seconds:.0f}"})
        return _refusal(request, apis) or await handler(request)

    return Starlette(
        routes=[
            Route("/api/v1/backups/", of_account(_Api.backups), methods=["GET"]),
            Route("/api/v1/backups/", of_account(_Api.create), methods=["POST"]),
            Route("/api/v1/backups/{id}/", of_account(_Api.delete), methods=["DELETE"]),
            Route("/api/v1/servers/", of_account(_Api.servers), methods=["GET"]),
            Route("/api/v1/servers/{id}/restore/", of_account(_Api.restore), methods=["POST"]),
            Route("/api/v1/account/me/", of_account(_Api.me), methods=["GET"]),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=gate)],
        exception_handlers={HTTPException: _problem, _BadRequestError: _problem},
    )


class _BadRequestError(Exception):
    """A 400, with the service's body: a list of sentences per field."""

    status_code = 400

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.body = {field: [sentence]}


async def _problem(_: Request, error: Exception) -> Response:
    match error:
        case _BadRequestError(body=body):
            return JSONResponse(body, 400)
        case HTTPException(status_code=404, detail="Not Found"):
            return JSONResponse({"detail": "Not found."}, 404)
        case HTTPException(status_code=status, detail=detail):
            return JSONResponse({"detail": detail}, status)
        case _:
            raise error


def _token(request: Request) -> str:
    """Return the token of a request; empty if it has none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""


def _refusal(request: Request, apis: Mapping[str, "_Api"]) -> Response | None:
    token = _token(request)
    if not token:
        return JSONResponse({"detail": "Authentication credentials were not provided."}, 401)
    if token not in apis or apis[token].is_revoked:
        return JSONResponse({"detail": "Invalid token."}, 401)
    if apis[token].permissions is _READING and request.method != "GET":
        return JSONResponse({"detail": "You do not have permission to perform this action."}, 403)
    return None


class _Api:
    """One account as one token sees it: a method per endpoint."""

    def __init__(self, account: Account, page_size: int, permissions: list[str]) -> None:
        self.permissions = permissions
        self._account = account
        self._page_size = page_size

    @property
    def is_revoked(self) -> bool:
        """Whether the tokens of the account have been revoked."""
        return self._account.is_revoked

    async def backups(self, request: Request) -> Response:
        server_id, backup_type = (request.query_params.get(name) for name in ("server_id", "backup_type"))
        if server_id and not self._is_id(server_id):
            raise _BadRequestError("server_id", "Enter a number.")
        if backup_type not in {None, "manual", "automatic"}:
            raise _BadRequestError("backup_type", f"Select a valid choice. {backup_type} is not one of the choices.")
        return self._page(request, self._account.list_backups(server_id, backup_type))

    async def create(self, request: Request) -> Response:
        body = await _object(request)
        server_id, description = body.get("server_id"), body.get("description")
        if server_id is None:
            raise _BadRequestError("server_id", "This field is required.")
        if isinstance(server_id, bool) or not self._is_id(str(server_id)):
            raise _BadRequestError("server_id", "A valid integer is required.")
        if not isinstance(description, str | None):
            raise _BadRequestError("description", "Not a valid string.")
        server = self._account.server(server_id)
        if server is None:
            raise HTTPException(404, "Server not found.")
        created = self._account.create(server, description or "")
        message = "Backup is being created. This may take several minutes depending on server size."
        return JSONResponse({**created, "message": message}, 201)

    async def delete(self, request: Request) -> Response:
        self._account.delete(self._backup(request.path_params["id"]))
        return Response(status_code=204)

    async def servers(self, request: Request) -> Response:
        wanted = {key: value for key, value in request.query_params.items() if key in {"status", "location"}}
        found = [
            server for server in self._account.servers if all(server.get(key) == value for key, value in wanted.items())
        ]
        return self._page(request, found)

    async def restore(self, request: Request) -> Response:
        body = await _object(request)
        wanted = request.path_params["id"]
        server = next((server for server in self._account.servers if str(server["id"]) == wanted), None)
        if server is None:
            raise HTTPException(404, "Server not found.")
        backup = self._backup(str(body.get("backup_id")))
        if backup["server"]["id"] != server["id"] or backup["status"] != "completed":
            raise _BadRequestError("backup_id", "Not a completed backup of this server.")
        return JSONResponse({"message": "Restore started."}, 202)

    async def me(self, request: Request) -> Response:
        name = _token(request).removeprefix("vps_")  # a token's name is not the token
        return JSONResponse(
            {"account": {"email": self._account.email}, "token": {"name": name, "permissions": self.permissions}}
        )

    def _is_id(self, text: str) -> bool:
        return text.isdigit() or any(str(server["id"]) == text for server in self._account.servers)

    def _backup(self, backup_id: str) -> Record:
        backup = self._account.backup(backup_id)
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
