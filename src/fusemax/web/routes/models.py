"""Bodies that several routes share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ERRORS", "EXAMPLE", "CascadeText", "Entry", "ErrorAnswer", "Name", "Open", "Place", "Strict", "Text"]

Text = Annotated[str, Field(max_length=1 << 20, description="A cascade as text.")]
Name = Annotated[str, Field(max_length=100, description="A name of the catalogue.")]


EXAMPLE = "cascade sum_twice\ninput A[k], B[k]\noutput Z\nY = A[k] * B[k]\nZ = Y * A[k]\n"
"""A cascade with two passes."""


class Strict(BaseModel):
    """A request: unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid")


class Open(BaseModel):
    """A response: more fields than those named may come."""

    model_config = ConfigDict(extra="allow")


class Place(BaseModel):
    """Where an error stands, in the text (`<text>`, `<design>`, ...) or a file; line and column start at 1."""

    file: str
    line: int
    column: int
    length: int
    message: str
    suggestion: str | None = None


class Fault(BaseModel):
    """What went wrong."""

    kind: str
    message: str
    text: str = Field(description="As the command line prints it.")
    places: list[Place] = []


class ErrorAnswer(BaseModel):
    """The body of every response that is no success."""

    error: Fault


class Entry(BaseModel):
    """One entry of the catalogue."""

    name: str
    title: str
    source: str


class NamedText(BaseModel):
    """One entry of the catalogue as its file."""

    name: str
    text: str


class CascadeText(Strict):
    """A cascade."""

    text: Text = Field(examples=[EXAMPLE])


ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "The request is malformed"},
    403: {"model": ErrorAnswer, "description": "The request comes from a page of another origin"},
    404: {"model": ErrorAnswer, "description": "There is none of that name"},
    405: {"model": ErrorAnswer, "description": "There is no such method here"},
    408: {"model": ErrorAnswer, "description": "The body took too long"},
    413: {"model": ErrorAnswer, "description": "The body is larger than 1 MiB"},
    415: {"model": ErrorAnswer, "description": "The body is not application/json"},
    421: {"model": ErrorAnswer, "description": "The Host header is not this server's"},
    422: {"model": ErrorAnswer, "description": "The input is wrong, or its computation is over a limit"},
    429: {"model": ErrorAnswer, "description": "Too much is asked at once"},
}
"""What every route may answer instead."""
