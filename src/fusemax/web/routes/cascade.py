"""`/api/cascade`, `/api/passes`: texts of cascades and what they say."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from fusemax.web.desk import answer
from fusemax.web.routes.models import ERRORS, EXAMPLE, CascadeText, Name, NamedText, Open, Place, Strict, Text

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["cascade"], responses=ERRORS)


class CascadeQuestion(Strict):
    """A cascade, and sizes to count its work at."""

    text: Text = Field(examples=[EXAMPLE])
    sizes: Annotated[dict[Name, Annotated[int, Field(ge=1, le=1 << 53)]], Field(max_length=64)] | None = None
    rank: Name | None = Field(None, description="Draw the passes over this rank; else the one the cascade is about.")


class CascadeAnswer(Open):
    """What the page shows. `ok` false: only `errors` and `error_text` are there."""

    ok: bool
    errors: list[Place]
    error_text: str
    name: str | None = None
    text: str | None = None
    unicode: str | None = None
    svg: str | None = None
    passes: dict[str, Any] | None = None
    work: dict[str, Any] | None = None
    footprint: list[dict[str, Any]] | None = None


class PassesAnswer(Open):
    """The document of `fusemax passes --json`."""

    cascade: str
    ranks: dict[str, dict[str, Any]]


@router.get("/cascade/{name}.json", response_model=NamedText)
async def get_cascade(request: Request, name: Name) -> Response:
    """The text of a shipped cascade."""
    return await answer(request, "text_of", {"kind": "cascades", "name": name}, missing=404)


@router.post("/cascade.json", response_model=CascadeAnswer)
async def post_cascade(request: Request, question: CascadeQuestion) -> Response:
    """Passes, work, footprint and picture of a cascade; a text with mistakes is answered with their places."""
    return await answer(request, "cascade", question.model_dump())


@router.post("/passes.json", response_model=PassesAnswer)
async def post_passes(request: Request, question: CascadeText) -> Response:
    """The document of `fusemax passes`."""
    return await answer(request, "passes", question.model_dump())
