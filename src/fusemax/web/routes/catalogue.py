"""`/api/catalogue`, `/api/taxonomy`, `/api/learn`: what ships."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from fusemax.web.desk import answer
from fusemax.web.routes.models import ERRORS, Entry, Name, NamedText, Open

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["catalogue"], responses=ERRORS)


class Catalogue(Open):
    """Entries by kind."""

    cascades: list[Entry]
    designs: list[Entry]
    accelerators: list[Entry]
    workloads: list[Entry]


class DesignText(NamedText):
    """A shipped design: its file, and the same with accelerator, mapping and schedule written out."""

    whole: str


class TaxonomyAnswer(Open):
    """The documents of `fusemax taxonomy --json`, each with its text and evidence."""

    families: list[str]
    headline: str
    rows: list[dict[str, Any]]


class LearnAnswer(Open):
    """The tour."""

    title: str
    steps: list[dict[str, Any]]


@router.get("/catalogue.json", response_model=Catalogue)
async def get_catalogue(request: Request) -> Response:
    """Names, titles and sources of what ships."""
    return await answer(request, "catalogue", {})


@router.get("/design/{name}.json", response_model=DesignText)
async def get_design(request: Request, name: Name) -> Response:
    """A shipped design as its file."""
    return await answer(request, "design_text", {"name": name}, missing=404)


@router.get("/accelerator/{name}.json", response_model=NamedText)
async def get_accelerator(request: Request, name: Name) -> Response:
    """A shipped accelerator as its file."""
    return await answer(request, "text_of", {"kind": "accelerators", "name": name}, missing=404)


@router.get("/workload/{name}.json", response_model=NamedText)
async def get_workload(request: Request, name: Name) -> Response:
    """A shipped workload as its file."""
    return await answer(request, "text_of", {"kind": "workloads", "name": name}, missing=404)


@router.get("/mapping/{name}.json", response_model=NamedText)
async def get_mapping(request: Request, name: Name) -> Response:
    """A shipped mapping as its file."""
    return await answer(request, "text_of", {"kind": "mappings", "name": name}, missing=404)


@router.get("/taxonomy.json", response_model=TaxonomyAnswer)
async def get_taxonomy(
    request: Request, family: Annotated[Name | None, Query(description="Only this family.")] = None
) -> Response:
    """Attention algorithms by passes, with the evidence."""
    return await answer(request, "taxonomy", {"family": family}, is_long=True)


@router.get("/learn.json", response_model=LearnAnswer)
async def get_learn(request: Request) -> Response:
    """Five steps from Cascade 1 to Cascade 5."""
    return await answer(request, "learn", {})
