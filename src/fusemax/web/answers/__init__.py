"""What a worker can be asked: one module per page, functions of plain data that return plain data.

They run in a worker process only, and open no file that a client names: texts are parsed as texts, and names are
looked up in the catalogue.
"""

from __future__ import annotations

from importlib import import_module

__all__ = ["ANSWERS", "warm"]

ANSWERS: dict[str, str] = {
    "cascade": "fusemax.web.answers.cascade:cascade",
    "cascade_text": "fusemax.web.answers.catalogue:cascade_text",
    "catalogue": "fusemax.web.answers.catalogue:catalogue",
    "passes": "fusemax.web.answers.cascade:passes",
}
"""Call -> where its function is."""


def warm() -> None:
    """Import and run once what every answer needs, so that the first one is as quick as the second."""
    for path in ANSWERS.values():
        import_module(path.partition(":")[0])
    from fusemax.web.answers.cascade import cascade
    from fusemax.web.answers.catalogue import cascade_text

    cascade(str(cascade_text("attn_3pass")["text"]))
