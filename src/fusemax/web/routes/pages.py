"""The pages themselves: one shell for all, and the files it loads."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from fusemax.web.desk import refusal
from fusemax.web.static_files import SHELL, Page

__all__ = ["PAGES", "router"]

PAGES = ("cascade", "design", "explore", "taxonomy", "learn")

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home() -> RedirectResponse:
    """The first page."""
    return RedirectResponse(f"/{PAGES[0]}")


async def shell(request: Request) -> Response:
    """A page: which one it is, the script sees in its address."""
    return _sent(request, request.app.state.pages[SHELL])


for _page in PAGES:
    router.add_api_route(f"/{_page}", shell, methods=["GET"])


@router.get("/static/{name:path}")
async def static(request: Request, name: str) -> Response:
    """A built file."""
    page = request.app.state.pages.get(name)
    return refusal(404, "UnknownName", "there is no such file") if page is None else _sent(request, page)


def _sent(request: Request, page: Page) -> Response:
    headers = {"etag": page.tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == page.tag:
        return Response(status_code=304, headers=headers)
    return Response(page.body, media_type=page.media_type, headers=headers)
