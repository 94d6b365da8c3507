"""`/api/derive`: equal cascades with fewer passes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from fusemax.web.desk import answer
from fusemax.web.routes.models import ERRORS, EXAMPLE, Name, Open, Strict, Text

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["derive"], responses=ERRORS)


class DeriveQuestion(Strict):
    """A cascade, the rank to go over less often, and a tile's rank and size."""

    text: Text = Field(examples=[EXAMPLE])
    rank: Name | None = None
    tile: Annotated[dict[Name, Annotated[int, Field(ge=1, le=1 << 30)]], Field(max_length=1)] | None = None


class DeriveAnswer(Open):
    """The document of `fusemax derive --json`, and the chain."""

    rank: str
    passes_before: int | str
    passes_after: int | str
    steps: list[dict[str, Any]]
    chain: list[dict[str, Any]]


@router.post("/derive.json", response_model=DeriveAnswer)
async def post_derive(request: Request, question: DeriveQuestion) -> Response:
    """The equal cascade with the fewest passes, law by law, or why there is none."""
    return await answer(request, "derive", question.model_dump(), is_long=True)
