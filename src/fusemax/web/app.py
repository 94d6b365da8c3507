"""The application: routes behind the guard, workers that live as long as it does."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from fusemax import __version__
from fusemax.web.desk import Desk, refusal
from fusemax.web.fronts import Fronts
from fusemax.web.guard import Guard
from fusemax.web.jobs import Jobs, default_store
from fusemax.web.limits import Limits
from fusemax.web.nursery import LONG
from fusemax.web.pool import Pool
from fusemax.web.processes import Nursery
from fusemax.web.routes import cascade, catalogue, derive, design, jobs, pages
from fusemax.web.static_files import pages as static_pages

__all__ = ["create_app", "hosts_at"]


def hosts_at(port: int) -> frozenset[str]:
    """What a Host header may say of a server on this machine's port."""
    names = ("127.0.0.1", "localhost", "[::1]")
    return frozenset([f"{name}:{port}" for name in names] + (list(names) if port == 80 else []))


def create_app(hosts: Iterable[str], limits: Limits | None = None, store: str | None = None) -> Guard:
    """The explorer's application behind its guard. ``hosts``: what the Host header may say, port included.

    ``store`` is the file that results of sweeps go into.
    """
    limits = limits or Limits()
    app = FastAPI(
        title="fusemax explorer", version=__version__, docs_url=None, redoc_url=None, lifespan=_lifespan,
        description="Cascades, designs, sweeps: each page of the explorer as JSON.",
    )  # fmt: skip
    app.state.limits = limits
    app.state.store = store or default_store()
    app.state.pages = static_pages()
    app.state.fronts = Fronts()
    for module in (pages, cascade, catalogue, derive, design, jobs):
        app.include_router(module.router)
    app.add_exception_handler(RequestValidationError, _malformed)
    for status in (400, 404, 405):
        app.add_exception_handler(status, _no_such)
    app.add_exception_handler(Exception, _fault)
    return Guard(app, frozenset(hosts), limits)  # outermost: no response passes it by


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    limits: Limits = app.state.limits
    with tempfile.TemporaryDirectory(prefix="fusemax-") as folder:
        nursery = Nursery(folder)
        quick = Pool(limits.quick_workers, limits, nursery)
        long = Pool(limits.long_workers, limits, nursery, LONG)
        app.state.jobs = Jobs(app.state.store, limits, nursery)
        app.state.jobs.load()
        app.state.desk = Desk(limits, quick, long)
        quick.start()
        long.start()
        try:
            yield
        finally:
            await app.state.jobs.stop()
            await quick.stop()
            await long.stop()
            await nursery.stop()


async def _malformed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"] if step != "body")
    return refusal(400, "Malformed", f"{where}: {first['msg']}" if where else str(first["msg"]))


async def _no_such(request: Request, error: Exception) -> Response:
    status = int(getattr(error, "status_code", 404))
    found = refusal(status, "Malformed", f"{request.method} {request.url.path}: {getattr(error, 'detail', error)}")
    found.headers.update(getattr(error, "headers", None) or {})  # a 405 says what is allowed
    return found


async def _fault(_request: Request, _error: Exception) -> Response:
    return refusal(500, "Internal", "a fault in fusemax; the terminal that serves this page shows where")
