"""What stands before every endpoint: requests of other web pages, and bodies that are too large, are turned away."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.endpoints.common import problem
from core.settings import Settings

ROOM_BYTES = 1 << 20  # for the other parts of a form
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class Gate:
    """A form is a request that any web page may send to 127.0.0.1 without asking; browsers say where it comes from."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._limit = app, (settings.max_upload_mb << 20) + ROOM_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if request.method not in SAFE_METHODS and foreign(request):
            reply = problem(
                403, "Refused", "this request comes from another web page; use the page or the API of Trivium itself"
            )
            await reply(scope, receive, send)
            return
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > self._limit:
            await problem(413, "Too large", too_large(self._limit))(scope, receive, send)
            return
        await self._app(scope, counted(receive, self._limit), send)


def too_large(limit: int) -> str:
    return f"the body is over {limit >> 20} MB; send less, or raise TRIVIUM_MAX_UPLOAD_MB"


def foreign(request: Request) -> bool:
    """Sent by a browser on behalf of another site."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        return True
    origin = request.headers.get("origin")
    return bool(origin) and origin.rpartition("://")[2] != request.headers.get("host")


def counted(receive: Receive, limit: int) -> Receive:
    """A body without a stated length is refused once it is over the limit, while it is still coming in."""
    seen = 0

    async def next_part() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, too_large(limit))
        return message

    return next_part
