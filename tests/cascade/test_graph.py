import pytest

from fusemax.cascade import catalogue, load, parse
from fusemax.cascade.cuts import Cuts, levels_along
from fusemax.cascade.graph import as_document, edges, graph, nodes
from tests.cascade.texts import ONE_PASS, THREE_PASS


def links(text: str) -> list[str]:
    cascade = parse(text)
    names = {node.key: node.name for node in nodes(cascade)}
    return [f"{names[e.source]} {'..>' if e.is_recurrence else '->'} {names[e.target]}" for e in edges(cascade)]


def test_a_flat_cascade() -> None:
    assert links(THREE_PASS) == [
        "Q[e, p] -> QK[m, p]",
        "K[e, m] -> QK[m, p]",
        "QK[m, p] -> GM[p]",
        "QK[m, p] -> SN[m, p]",
        "GM[p] -> SN[m, p]",
        "SN[m, p] -> SD[p]",
        "SN[m, p] -> A[m, p]",
        "SD[p] -> A[m, p]",
        "A[m, p] -> AV[f, p]",
        "V[f, m] -> AV[f, p]",
    ]


def test_recurrences_are_marked_and_a_terminal_read_is_not_of_the_start() -> None:
    found = links(ONE_PASS)
    assert "RM[m1+1, p] ..> RM[m1+1, p]" in found
    assert "RM[0, p] -> RM[m1+1, p]" in found
    assert "RM[m1+1, p] -> SLN[m1, m0, p]" in found
    assert {"RM[m1+1, p] ..> PRM[m1, p]", "RM[m1+1, p] -> PRM[m1, p]"} <= set(found)
    assert "RM[0, p] -> SLN[m1, m0, p]" not in found
    assert "RNV[f, 0, p] -> AV[f, p]" not in found


def test_downwards() -> None:
    text = "cascade C\ninput X[i]\noutput Y[i]\nsizes I = 3\ninit:\nR[I] = 0\n"
    text += "iterate i downto 0:\nR[i] = R[i+1] + X[i]\nY[i] = R[i]\n"
    assert links(text) == [
        "R[I] -> R[i]",
        "R[i] ..> R[i]",
        "X[i] -> R[i]",
        "R[i] -> Y[i]",
    ]


def test_gathers_are_edges_too() -> None:
    text = "cascade C\ninput X[k], I[k]\noutput Y[k]\nY[k] = X[I[k]]\n"
    assert links(text) == ["X[k] -> Y[k]", "I[k] -> Y[k]"]


@pytest.mark.parametrize("name", catalogue())
def test_without_recurrences_the_graph_has_no_cycle(name: str) -> None:
    import networkx

    found = graph(load(name))
    forward = networkx.DiGraph((s, t) for s, t, data in found.edges(data=True) if not data["edge"].is_recurrence)
    assert networkx.is_directed_acyclic_graph(forward)
    assert len(found) == len(load(name).inputs) + len(load(name).einsums)


def test_levels_follow_what_is_read() -> None:
    cascade = parse(THREE_PASS)
    cuts = Cuts("M", 3, {"QK": 1, "GM": 1, "SN": 2, "SD": 2, "A": 3}, {"GM": "max over m", "SD": "sum over m"})
    found = levels_along(cascade, cuts)
    assert [found[str(number)] for number in range(1, 7)] == [1, 1, 2, 2, 3, 3]
    assert (found["K"], found["V"]) == (1, 3)
    assert cuts.headline() == "3 passes over M"
    assert cuts.end(1, ["QK", "GM"]) == "pass 1 over M ends: GM (max over m)"
    assert set(levels_along(cascade, None).values()) == {1}


def test_as_document() -> None:
    found = as_document(parse(THREE_PASS))
    assert found["nodes"][3] == {
        "key": "1", "tensor": "QK", "name": "QK[m, p]", "text": "QK[m, p] = Q[e, p] * K[e, m]", "section": 0, "line": 9,
    }  # fmt: skip
    assert found["edges"][0] == {"source": "Q", "target": "1", "tensor": "Q", "recurrence": False}
