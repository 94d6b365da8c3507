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


class Composition(Strict):
    """A design, and what to change of it."""

    design: Reference = Field(examples=["fusemax"])
    choose: dict[Literal["cascade", "accelerator", "mapping", "schedule"], Name] = Field(
        {}, description="Parts that ship, by name.", examples=[{"schedule": "fusemax-architecture"}]
    )
    fields: Annotated[dict[Name, int | float | Annotated[str, Field(max_length=1000)]], Field(max_length=64)] = Field(
        {}, description='Fields to replace: {"mapping.partition.P.P1": 4, "schedule.streams": 2}.'
    )


class CompositionAnswer(Open):
    """The text, its parts by name (null: its own), the fields that are open, and why the parts do not fit."""

    name: str | None
    text: str
    parts: dict[str, str | None]
    open: list[dict[str, Any]]
    problem: dict[str, Any] | None


class Choice(Open):
    """A part that ships, and the cascades it fits."""

    name: str
    title: str
    fits: list[str]


class PartsAnswer(Open):
    """What a design can be put together from."""

    cascade: list[Choice]
    accelerator: list[Choice]
    mapping: list[Choice]
    schedule: list[Choice]


@router.get("/parts.json", response_model=PartsAnswer)
async def get_parts(request: Request) -> Response:
    """The parts of designs that ship: those of their own, and those inside of designs."""
    return await answer(request, "parts", {})


@router.post("/compose.json", response_model=CompositionAnswer)
async def post_compose(request: Request, question: Composition) -> Response:
    """A design with some of its parts replaced; parts that do not fit are answered with what is wrong, and where."""
    return await answer(request, "compose", question.model_dump())


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
    """FLAT and an unfused machine at the same point, whatever the design."""
    others = {name: value for name, value in point.arguments().items() if name != "design"}
    return await answer(request, "beside", others, is_long=True)  # FLAT's mapping is searched
