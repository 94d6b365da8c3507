"""The API held against its own OpenAPI document: requests that it describes, and some that it does not."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fusemax.report.catalogue import catalogue_text
from fusemax.web.limits import Limits
from tests.web.running import Explorer, explorer

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
CASCADES = [catalogue_text("cascades", name) for name in ("attn_3pass", "c3_iterative", "mad", "attn_window_1pass")]
DESIGN = catalogue_text("designs", "fusemax")
SWEEP = "sweep: s\ndesigns: [fusemax]\nworkloads: [bert]\nseq_lens: [4K]\nvary: {edge: [64, 128]}\n"


def _bent(texts: list[str]) -> st.SearchStrategy[str]:
    """One of the texts as it is, or with a piece of it cut out, doubled or replaced."""

    @st.composite
    def bent(draw: st.DrawFn) -> str:
        text = draw(st.sampled_from(texts))
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        piece = draw(st.sampled_from(["", text[start:end] * 2, "/etc/passwd", "[", "-1", "9" * 30, "\x00", "é", "\n"]))
        return draw(st.sampled_from([text, text[:start] + piece + text[end:]]))

    return bent()


REAL = {
    "text": _bent([*CASCADES, SWEEP]),
    "cascade": st.one_of(_bent(CASCADES), st.just("attn_1pass_fusemax")),
    "design": st.one_of(_bent([DESIGN]), st.sampled_from(["fusemax", "flat", "unfused", "/etc/passwd"])),
    "workload": st.one_of(
        st.sampled_from(["bert", "llama-3.1-8b", "../x"]), _bent([catalogue_text("workloads", "t5")])
    ),
    "accelerator": st.sampled_from(["fusemax-cloud", "flat-cloud", "nothing"]),
    "rank": st.sampled_from(["M", "K", "P", "Z", None]),
}
"""What random texts would never hit."""


@st.composite
def _cases(draw: st.DrawFn, operation: Any) -> Any:
    mode = draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
    case = draw(operation.as_strategy(generation_mode=mode))
    if "name" in (case.path_parameters or {}) and draw(st.booleans()):
        case.path_parameters["name"] = draw(st.sampled_from(["attn_3pass", "fusemax", "fusemax-cloud", "bert"]))
    if operation.path == "/api/taxonomy.json":  # the whole of it takes seconds each time it is ended at its limit
        case.query = {"family": draw(st.sampled_from(["attention: backward", "attention", "nothing", ""]))}
    body = case.body
    if isinstance(body, dict) and draw(st.integers(0, 2)):
        for part in (body, body.get("spec")):
            if isinstance(part, dict):
                part.update({name: draw(REAL[name]) for name in sorted(set(part) & set(REAL))})
    return case


def _fuzz(running: Explorer, total: int) -> Counter[int]:
    schema = schemathesis.openapi.from_url(f"{running.address}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    open_ones = [one for one in operations if {"parameters", "requestBody"} & set(one.definition.raw)]
    each = -(-total // len(open_ones))  # the others can be asked in one way only
    seen: Counter[int] = Counter()
    with requests.Session() as session:
        for operation in operations:

            @settings(max_examples=each)
            @given(case=_cases(operation))
            def ask(case: Any) -> None:
                response = case.call(base_url=running.address, session=session, timeout=120)
                seen[response.status_code] += 1
                case.validate_response(response, checks=CHECKS)

            ask()
    return seen


def test_the_document_describes_every_route(served: Explorer) -> None:
    document = served.get("/openapi.json").json()
    assert document["openapi"].startswith("3.") and document["info"]["title"] == "fusemax explorer"
    for path, methods in document["paths"].items():
        for method in methods.values():
            assert path.startswith("/api/") and path.endswith(".json")
            assert method["summary"] and method["description"]
            assert {"200", "400", "413", "422", "429"} <= set(method["responses"])


def test_some_requests(served: Explorer) -> None:
    seen = _fuzz(served, 150)
    assert sum(seen.values()) >= 150 and seen[200] > 20 and not [status for status in seen if status >= 500], seen


@pytest.mark.proof
def test_ten_thousand_requests(tmp_path: Path) -> None:
    total = int(os.environ.get("FUSEMAX_REQUESTS", "10000"))
    with explorer(tmp_path / "runs.db", Limits(quick_s=5.0, long_s=20.0, num_kept_jobs=50)) as running:
        seen = _fuzz(running, total)
    assert sum(seen.values()) >= total and not [status for status in seen if status >= 500], seen
