"""The web application of the review page: files of the page, and a desk's answers as JSON and pictures.

Everything lies under a secret first part of the path, so that no other page, program or user of the machine can ask
without having been given the address.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from p3m_anon.errors import P3MError
from p3m_anon.review.desk import Desk, Json, Refused

PAGE = Path(__file__).with_name("page")
# Named here because the table of the operating system may say text/plain, which a browser refuses to run.
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",  # unblurred faces must not stay in a browser's cache on disk
}
WHICH = ("original", "released")
MOST_BYTES = 16 << 20  # of a JSON body; a mask of a hundred thousand points has 2 MB


def make_app(desk: Desk, token: str, hosts: Sequence[str] | None = None) -> Starlette:
    """Serve the page and `desk` under `/<token>/`; every other path is not found.

    hosts: names that a request's Host header may have; None for any, where the server is meant to be reached from
    elsewhere. A web page whose name was made to point here is kept out by this, beside the token.
    """
    middleware = [Middleware(_Headers), Middleware(_Gate, token=token)]
    if hosts is not None:
        middleware.insert(1, Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False))
    app = Starlette(
        routes=[*_pages(), *_questions(desk), *_orders(desk), *_sheets(desk)],
        middleware=middleware,
        exception_handlers={Refused: _refused, P3MError: _failed, HTTPException: _not_served, Exception: _unexpected},
    )
    app.router.redirect_slashes = False
    return app


def _pages() -> list[Route]:
    files = {file.name: (file.read_bytes(), TYPES[file.suffix]) for file in PAGE.iterdir() if file.suffix in TYPES}

    def index(request: Request) -> Response:
        content, kind = files["index.html"]
        return Response(content, media_type=kind)

    def file(request: Request) -> Response:
        if request.path_params["name"] not in files:
            raise HTTPException(404)
        content, kind = files[request.path_params["name"]]
        return Response(content, media_type=kind)

    return [Route("/", index), Route("/page/{name}", file)]


def _questions(desk: Desk) -> list[Route]:
    """What is only read. These are plain functions, which the framework runs in threads."""

    def state(request: Request) -> Response:
        return JSONResponse(desk.state())

    def queue(request: Request) -> Response:
        asked = request.query_params
        after = asked.get("after") or None
        limit = _whole(request, "limit", 1)
        return JSONResponse(desk.queue(_text(request, "filter"), after, limit, asked.get("find", "")))

    def picture(request: Request) -> Response:
        return JSONResponse(desk.picture(_text(request, "path"), _text(request, "filter")))

    def image(request: Request) -> Response:
        which = _text(request, "which")
        if which not in WHICH:
            raise Refused(400, f"`which` is {' or '.join(WHICH)}, not {which!r}")
        x, y = _whole(request, "x", 0), _whole(request, "y", 0)
        w, h, width = (_whole(request, name, 1) for name in ("w", "h", "width"))
        content = desk.image(_text(request, "path"), which, (x, y, w, h), width)
        return Response(content, media_type="image/jpeg")

    def transition(request: Request) -> Response:
        content = desk.transition(_text(request, "path"), _whole(request, "width", 1))
        return Response(content, media_type="image/png")

    def writing(request: Request) -> Response:
        return JSONResponse(desk.writing())

    asked = {"state": state, "queue": queue, "picture": picture, "image": image, "transition": transition}
    return [*(Route(f"/api/{name}", answer) for name, answer in asked.items()), Route("/api/write", writing)]


def _orders(desk: Desk) -> list[Route]:
    """What is sent as JSON."""

    async def preview(request: Request) -> Response:
        return await _answer(desk.preview, await _body(request))

    async def decide(request: Request) -> Response:
        return await _answer(desk.decide, await _body(request))

    async def write(request: Request) -> Response:
        await _body(request)
        return await _answer(desk.write)

    orders = {"preview": preview, "decide": decide, "write": write}
    return [Route(f"/api/{name}", order, methods=["POST"]) for name, order in orders.items()]


def _sheets(desk: Desk) -> list[Route]:
    """Pictures many at a time."""

    async def draw(request: Request) -> Response:
        return await _answer(desk.sheets.draw, await _body(request))

    def image(request: Request) -> Response:
        return Response(desk.sheets.image(_text(request, "name")), media_type="image/jpeg")

    async def answer(request: Request) -> Response:
        return await _answer(desk.sheets.answer, await _body(request))

    orders = {"draw": draw, "answer": answer}
    return [
        *(Route(f"/api/sheets/{name}", order, methods=["POST"]) for name, order in orders.items()),
        Route("/api/sheets/image", image),
    ]


async def _answer(ask: Callable[..., Json], *body: Json) -> Response:
    return JSONResponse(await run_in_threadpool(ask, *body))


async def _body(request: Request) -> Json:
    """The JSON object that was sent. The content type is what another site's form cannot send."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "send JSON, with the content type application/json")
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MOST_BYTES:
            raise Refused(413, "that is far too much for an answer; draw with fewer points")
    try:
        asked = json.loads(data)
    except (ValueError, RecursionError) as error:  # also bytes that are no text
        raise Refused(400, "what was sent is not JSON") from error
    if not isinstance(asked, dict):
        raise Refused(400, "what was sent is not a JSON object")
    return asked


def _text(request: Request, name: str) -> str:
    value = request.query_params.get(name, "")
    if not value:
        raise Refused(400, f"`{name}` is missing")
    return value


def _whole(request: Request, name: str, least: int) -> int:
    value = _text(request, name)
    # A number of more digits than any picture has pixels is no number of pixels.
    if not (value.isascii() and value.isdigit() and len(value) < 10) or int(value) < least:
        raise Refused(400, f"`{name}` must be a whole number from {least} on, not {value[:40]!r}")
    return int(value)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # it is registered for this class only
    return JSONResponse({**error.more, "error": str(error)}, error.status)


def _failed(request: Request, error: Exception) -> Response:
    """One of our own errors, a full disk or a busy ledger: its text says what to do."""
    return JSONResponse({"error": str(error)}, 503)


def _not_served(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _unexpected(request: Request, error: Exception) -> Response:
    """Answered outside of all middleware, so the headers are set here; the server prints the traceback."""
    message = f"unexpected {type(error).__name__}, see the terminal"
    return JSONResponse({"error": message}, 500, HEADERS)


class _Headers:
    """Sets HEADERS on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        await self.app(scope, receive, with_headers)


class _Gate:
    """Lets through what begins with the token, and takes it off the path."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: Any = scope["path"]
        token, slash, rest = path.removeprefix("/").partition("/")
        # Compared in constant time: the time of an answer must not say how much of a guess is right.
        if not hmac.compare_digest(token.encode(), self.token) or not slash:
            await JSONResponse({"error": "not found"}, 404)(scope, receive, send)
            return
        inner = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}
        await self.app(inner, receive, send)
