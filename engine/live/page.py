"""The files of the page, read once from the package and served from memory. An edge: it reads them when it is made.

They hold no data: those come from `/v1/ccr/events` and `/v1/ccr/explain`, which ask for a router key where keys are set.
"""

from __future__ import annotations

from importlib.resources import files

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

PATH = "/ui"
INDEX = "index.html"

TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""Ending of a file -> its content type. What ends otherwise is not served."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-cache",
}


def page_routes() -> list[HTTPRouteHandler]:
    """The handlers of the page."""
    held = page_files()

    @get("/", sync_to_thread=False)
    def lead_to_page() -> Redirect:
        return Redirect(PATH)

    @get(PATH, sync_to_thread=False)
    def serve_page() -> Response[bytes]:
        return _answer(INDEX, held[INDEX])

    @get(f"{PATH}/{{name:str}}", sync_to_thread=False)
    def serve_file(name: FromPath[str]) -> Response[bytes]:
        if name not in held:
            raise NotFoundException
        return _answer(name, held[name])

    return [lead_to_page, serve_page, serve_file]


def page_files() -> dict[str, bytes]:
    """Name -> content."""
    folder = files("engine") / "data" / "ui"
    return {one.name: one.read_bytes() for one in folder.iterdir() if _ending(one.name) in TYPES}


def is_of_page(path: str) -> bool:
    """Whether the path is one of the page's, or leads to it."""
    return path in ("/", PATH) or path.startswith(PATH + "/")


def _answer(name: str, data: bytes) -> Response[bytes]:
    return Response(data, media_type=TYPES[_ending(name)], headers=HEADERS)


def _ending(name: str) -> str:
    return name[name.rfind(".") :]
