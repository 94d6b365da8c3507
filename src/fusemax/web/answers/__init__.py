"""What a worker can be asked: one module per page, functions of plain data that return plain data.

They run in a worker process only, and open no file that a client names: texts are parsed as texts, and names are
looked up in the catalogue.
"""

from __future__ import annotations

from importlib import import_module

__all__ = ["ANSWERS", "warm"]

ANSWERS: dict[str, str] = {
    "beside": "fusemax.web.answers.design:beside",
    "cascade": "fusemax.web.answers.cascade:cascade",
    "catalogue": "fusemax.web.answers.catalogue:catalogue",
    "check_job": "fusemax.web.answers.jobs:check_job",
    "compose": "fusemax.web.answers.compose:compose",
    "derive": "fusemax.web.answers.derive:derive",
    "design": "fusemax.web.answers.design:design",
    "design_text": "fusemax.web.answers.catalogue:design_text",
    "front": "fusemax.web.answers.store:front",
    "learn": "fusemax.web.answers.learn:learn",
    "model": "fusemax.web.answers.design:model",
    "parts": "fusemax.web.answers.parts:parts",
    "passes": "fusemax.web.answers.cascade:passes",
    "point": "fusemax.web.answers.store:point",
    "studies": "fusemax.web.answers.store:studies",
    "taxonomy": "fusemax.web.answers.taxonomy:taxonomy",
    "text_of": "fusemax.web.answers.catalogue:text_of",
}
"""Call -> where its function is."""


def warm() -> None:
    """Import what answers need and run the quick ones once, so that the first is as quick as the second."""
    for path in ANSWERS.values():
        import_module(path.partition(":")[0])
    from fusemax.web.answers.cascade import cascade
    from fusemax.web.answers.catalogue import text_of
    from fusemax.web.answers.design import design
    from fusemax.web.answers.texts import names_of

    cascade(str(text_of("cascades", next(iter(names_of("cascade"))))["text"]))
    workload = next(iter(names_of("workload")))
    for name in names_of("design"):
        design(name, workload, 4096)
