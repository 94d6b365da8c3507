from xml.etree import ElementTree

import pytest

from fusemax.cascade import catalogue, load, parse
from fusemax.cascade.cuts import Cuts
from fusemax.cascade.mermaid import draw_mermaid
from fusemax.cascade.picture import draw_text
from fusemax.cascade.svg import draw
from tests.cascade.texts import ONE_PASS, THREE_PASS

CUTS = Cuts("M", 3, {"QK": 1, "GM": 1, "SN": 2, "SD": 2, "A": 3, "AV": 3}, {"GM": "max over m", "SD": "sum over m"})


def test_lanes_and_cuts() -> None:
    assert draw_text(parse(THREE_PASS), CUTS) == (
        "attn_3pass: 3 passes over M\n"
        "3-pass numerically stable attention (FuseMax Cascade 4)\n"
        "\n"
        "  ●      Q[e, p]\n"
        "  │ ●    K[e, m]\n"
        "  ○ ○ ●  QK[m, p] = Q[e, p] × K[e, m] :: ⋁e +\n"
        "  ●   ○  GM[p] = QK[m, p] :: ⋁m max\n"
        "──╪───╪── pass 1 over M ends: GM (max over m); across it: GM, QK\n"
        "  ○ ● ○  SN[m, p] = e^(QK[m, p] − GM[p])\n"
        "  ● ○    SD[p] = SN[m, p] :: ⋁m +\n"
        "──╪─╪──── pass 2 over M ends: SD (sum over m); across it: SD, SN\n"
        "  ○ ○ ●  A[m, p] = SN[m, p] ÷ SD[p]\n"
        "  ●   │  V[f, m]\n"
        "  ○ ● ○  AV[f, p] = A[m, p] × V[f, m] :: ⋁m +\n"
    )


def test_sections_in_text() -> None:
    lines = draw_text(parse(ONE_PASS)).split("\n")
    assert lines[0] == "attn_1pass_fusemax"
    assert [line for line in lines if line.endswith(":")] == ["init:", "iterate m1 until M1:", "then:"]


def test_mermaid() -> None:
    text = draw_mermaid(parse(THREE_PASS), CUTS)
    assert text.startswith('flowchart TD\n  in_Q(["Q[e, p]"])\n')
    assert '  subgraph group1["pass 2 over M"]\n    e3["SN[m, p] = e^(QK[m, p] − GM[p])"]\n' in text
    assert "  e2 --> e3\n" in text
    assert "  style e2 fill:#e7f0fa,color:#1b1f24,stroke:#b3261e,stroke-width:3px\n" in text
    looped = draw_mermaid(parse(ONE_PASS))
    assert '  subgraph group1["iterate m1 until M1"]\n' in looped
    assert '-. "RM before" .-> ' in looped


@pytest.mark.parametrize("name", catalogue())
def test_every_cascade_can_be_drawn(name: str) -> None:
    cascade = load(name)
    cuts = Cuts("M", 1, {cascade.einsums[-1].tensor: 2})
    assert len(draw_text(cascade, cuts).split("\n")) > len(cascade.einsums)
    assert draw_mermaid(cascade, cuts).count("[") >= len(cascade.einsums)
    root = ElementTree.fromstring(draw(cascade, cuts))
    boxes = [element for element in root.iter() if element.get("class", "").startswith("box")]
    assert len(boxes) == len(cascade.inputs) + len(cascade.einsums)
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    for box in boxes:
        assert 0 <= float(box.get("x", "-1")) <= width - float(box.get("width", "0"))
        assert 0 <= float(box.get("y", "-1")) <= height - float(box.get("height", "0"))


def test_svg_cuts_and_barriers() -> None:
    root = ElementTree.fromstring(draw(parse(THREE_PASS), CUTS))
    cuts = [element.text for element in root.iter() if element.get("class") == "reason"]
    assert cuts == ["pass 1 over M ends: GM (max over m)", "pass 2 over M ends: SD (sum over m)"]
    assert len([e for e in root.iter() if e.get("class") == "box barrier"]) == 2
    assert not [e for e in ElementTree.fromstring(draw(parse(THREE_PASS))).iter() if e.get("class") == "cut"]


def test_texts_are_escaped() -> None:
    text = 'cascade C\ntitle "a < b & \\"c\\" #1"\ninput X[k]\noutput Y\nY = X[k : k < 2] * (1 <= 2)\n'
    cascade = parse(text)
    ElementTree.fromstring(draw(cascade))
    assert '"Y = X[k : k #lt; 2] × (1 ≤ 2) :: ⋁k +"' in draw_mermaid(cascade)
