"""Each route, through a server: the library's own result, or an error in the API's form."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

import fusemax
from fusemax.base.result import to_json
from fusemax.report.catalogue import catalogue_text
from tests.web.running import Explorer, slow_cascade

NAIVE = catalogue_text("cascades", "attn_3pass")


def _plain(document: object) -> Any:
    return json.loads(to_json(document))


def test_pages_and_files(served: Explorer) -> None:
    assert served.get("/").headers["location"] == "/cascade"
    shells = {served.get(f"/{page}").text for page in ("cascade", "design", "explore", "taxonomy", "learn")}
    assert len(shells) == 1
    first = served.get("/static/app.js")
    assert first.headers["content-type"].startswith("text/javascript")
    again = served.get("/static/app.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("..%2fapp.py", "%2fetc%2fpasswd", "../web/app.py", "app.js/", "%00"):
        assert served.get(f"/static/{name}").status_code == 404


def test_cascades(served: Explorer) -> None:
    assert served.get("/api/cascade/attn_3pass.json").json() == {"name": "attn_3pass", "text": NAIVE}
    assert served.get("/api/cascade/..%2f..%2fx.json").status_code == 404
    expected = _plain({**fusemax.passes("attn_3pass").to_json_document(), "file": "<text>"})
    assert served.post("/api/passes.json", {"text": NAIVE}).json() == expected
    found = served.post("/api/cascade.json", {"text": NAIVE, "sizes": {"M": 64}, "rank": "E"}).json()
    assert found["passes"] == expected and found["rank"] == "E" and found["ok"]
    wrong = served.post("/api/cascade.json", {"text": "cascade c\ninput B[k]\noutput Z\nZ = A[k]\n"})
    assert wrong.status_code == 200 and not wrong.json()["ok"] and wrong.json()["errors"]
    wrong = served.post("/api/passes.json", {"text": "cascade c\ninput B[k]\noutput Z\nZ = A[k]\n"})
    assert wrong.status_code == 422 and wrong.json()["error"]["places"][0]["line"] == 4


def test_derive(served: Explorer) -> None:
    found = served.post("/api/derive.json", {"text": NAIVE, "rank": "M"}).json()
    assert (found["passes_before"], found["passes_after"], len(found["chain"])) == (3, 1, len(found["steps"]) + 1)
    assert served.post("/api/derive.json", {"text": NAIVE, "rank": "Z"}).status_code == 422


def test_design_points(served: Explorer) -> None:
    expected = _plain(fusemax.model("fusemax", "bert", "4K", "published", {"edge": 128}).to_json_document())
    point = {"design": "fusemax", "seq_len": "4K", "accounting": "published", "set": {"edge": 128}}
    assert served.post("/api/model.json", point).json() == expected
    found = served.post("/api/design.json", point).json()
    assert {key: found[key] for key in expected} == expected and found["gantt"]["svg"].startswith("<svg")
    rows = served.post("/api/beside.json", point).json()["rows"]
    assert [row["design"] for row in rows] == ["flat", "unfused"]
    for wrong in ({"design": "fusemaks"}, {"design": "fusemax", "set": {"edges": 3}}, {"design": "fusemax: 3\nx: 4"}):
        assert served.post("/api/model.json", wrong).status_code == 422


def test_designs_from_parts(served: Explorer) -> None:
    found = served.get("/api/parts.json").json()
    assert "flat-cloud" in [part["name"] for part in found["accelerator"]]
    question = {"design": "fusemax", "choose": {"schedule": "fusemax-architecture"}}
    assert served.post("/api/compose.json", question).json()["name"] == "fusemax-architecture"
    found = served.post("/api/compose.json", {"design": "fusemax", "choose": {"mapping": "flat"}}).json()
    assert "of another cascade" in found["problem"]["message"]
    wrong = served.post("/api/model.json", {"design": found["text"]})
    assert wrong.status_code == 422 and wrong.json()["error"]["places"] == found["problem"]["places"]
    assert served.post("/api/compose.json", {"design": "fusemax", "choose": {"mapping": "nothing"}}).status_code == 422
    assert served.post("/api/compose.json", {"design": "fusemax", "choose": {"maps": "flat"}}).status_code == 400


def test_what_ships(served: Explorer) -> None:
    found = served.get("/api/catalogue.json").json()
    assert "attn_3pass" in [entry["name"] for entry in found["cascades"]]
    for kind in ("design", "accelerator", "workload", "mapping"):
        name = found[f"{kind}s"][0]["name"]
        assert served.get(f"/api/{kind}/{name}.json").json()["text"] == catalogue_text(f"{kind}s", name)
        assert served.get(f"/api/{kind}/nothing.json").status_code == 404
    family = "attention: backward"
    rows = served.get("/api/taxonomy.json", params={"family": family}).json()["rows"]
    assert rows and {row["family"] for row in rows} == {family}
    assert [step["number"] for step in served.get("/api/learn.json").json()["steps"]] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": 3},
        {"text": "x", "more": 1},
        [],
        "x",
        {"text": "x", "sizes": {"M": 0}},
        {"text": "x" * 1048577},
    ],
)
def test_what_is_no_question(served: Explorer, body: object) -> None:
    found = served.post("/api/cascade.json", body)
    assert found.status_code in (400, 413) and found.json()["error"]["kind"] in ("Malformed", "Limit")


def test_a_cascade_made_to_be_slow(served: Explorer) -> None:
    """It is ended at its limit, and what others ask is answered as before."""
    assert served.post("/api/passes.json", {"text": NAIVE}).status_code == 200  # the worker has started
    begun = time.monotonic()
    found = served.post("/api/cascade.json", {"text": slow_cascade()})
    assert found.status_code == 422 and found.json()["error"]["kind"] == "Limit"
    assert time.monotonic() - begun < served.state.limits.quick_s + 2
    assert served.post("/api/passes.json", {"text": NAIVE}).status_code == 200


def test_nothing_is_computed_for_a_client_that_left(served: Explorer) -> None:
    served.post("/api/passes.json", {"text": "cascade c\ninput A[k]\noutput Z\nZ = A[k]\n"})
    (busy,) = served.state.desk.quick.pids
    body = json.dumps({"text": slow_cascade(399)}).encode()
    head = f"POST /api/cascade.json HTTP/1.1\r\nHost: localhost:{served.port}\r\nContent-Type: application/json\r\n"
    with served.connect() as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        time.sleep(0.3)
    end = time.monotonic() + 3  # before before the limit
    while busy in served.state.desk.quick.pids:
        assert time.monotonic() < end
        time.sleep(0.02)
