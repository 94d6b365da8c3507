"""`/api/design`, `/api/model`, `/api/beside`: design points."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from fusemax.web.desk import answer
from fusemax.web.routes.models import ERRORS, Name, Open, Strict

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["design"], responses=ERRORS)

Reference = Annotated[str, Field(min_length=1, max_length=1 << 20, description="A catalogue name, or the text itself.")]
Setting = (
    Annotated[int, Field(ge=1, le=1 << 62)]
    | Annotated[float, Field(gt=0, lt=1e18)]
    | Annotated[str, Field(max_length=100)]
)


class Point(Strict):
    """A design at a workload and sequence length."""

    design: Reference = Field(examples=["fusemax"])
    workload: Reference = "bert"
    seq_len: Annotated[int, Field(ge=1, le=1 << 30)] | Annotated[str, Field(max_length=20)] = "4K"
    accounting: Literal["corrected", "published"] = "corrected"
    set: Annotated[dict[Name, Setting], Field(max_length=64)] = Field(
        {},
        description='Numbers of the accelerator or the workload to replace: {"edge": 128, "buffer.capacity": "8MiB"}.',
    )

    def arguments(self) -> dict[str, object]:
        """As the worker's functions take it."""
        return {**self.model_dump(exclude={"set"}), "settings": self.set}


class ModelAnswer(Open):
    """The document of `fusemax model --json`."""

    design: str
    workload: str
    seq_len: int
    latency_s: float
    energy_pj: float | None
    traffic_bytes: float
    bound: str
    rows: list[dict[str, Any]]


class DesignAnswer(ModelAnswer):
    """The same, with what the page draws."""

    title: str
    headline: str
    loops: str
    gantt: dict[str, Any]
    knobs: list[dict[str, Any]]
    notes: list[str]


class BesideAnswer(Open):
    """Other designs at the same point."""

    rows: list[dict[str, Any]]


@router.post("/design.json", response_model=DesignAnswer)
async def post_design(request: Request, point: Point) -> Response:
    """A design point: time, energy, area, what bounds, one epoch, the loop nest."""
    return await answer(request, "design", point.arguments())


@router.post("/model.json", response_model=ModelAnswer)
async def post_model(request: Request, point: Point) -> Response:
    """The document of `fusemax model`."""
    return await answer(request, "model", point.arguments())


@router.post("/beside.json", response_model=BesideAnswer)
async def post_beside(request: Request, point: Point) -> Response:
    """FLAT and an unfused machine at the same point."""
    return await answer(request, "beside", point.arguments())
