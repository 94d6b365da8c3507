import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusemax.base.errors import FusemaxError, SourceError, UsageError
from fusemax.cascade import catalogue, ir, load, parse
from fusemax.cascade.document import from_document, to_document
from tests.cascade.strategies import cascades
from tests.cascade.texts import ONE_PASS
from tests.cascade.trees import trees


@pytest.mark.parametrize("name", catalogue())
def test_the_catalogue_reads_back(name: str) -> None:
    cascade = load(name)
    assert from_document(json.loads(json.dumps(to_document(cascade)))) == cascade


@given(cascades())
def test_random_cascades_read_back(cascade: ir.Cascade) -> None:
    assert from_document(json.loads(json.dumps(to_document(cascade)))) == cascade


@given(trees)
def test_random_trees_read_back(cascade: ir.Cascade) -> None:
    assert from_document(json.loads(json.dumps(to_document(cascade)))) == cascade


def test_what_it_looks_like() -> None:
    section = to_document(parse(ONE_PASS))["sections"][1]
    assert (section["kind"], section["variable"], section["until"]) == ("iterate", "m1", "M1")
    assert section["einsums"][2] == {
        "tensor": "RM",
        "left": [{"operator": "+", "operands": [{"variable": "m1"}, 1]}, {"variable": "p"}],
        "right": {
            "function": "max",
            "arguments": [
                {"tensor": "RM", "indices": [{"value": {"variable": "m1"}}, {"value": {"variable": "p"}}]},
                {"tensor": "LM", "indices": [{"value": {"variable": "m1"}}, {"value": {"variable": "p"}}]},
            ],
        },
        "reductions": [],
        "text": "RM[m1+1, p] = max(RM[m1, p], LM[m1, p])",
        "line": 20,
    }


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "cascade: expected a text of one line, found nothing"),
        ({"cascade": 3}, "cascade: expected a text of one line, found int '3'"),
        ({"cascade": "C", "inputs": {}}, "inputs: expected a list, found dict '{}'"),
        ({"cascade": "C", "inputs": [{"tensor": "A", "variables": [1]}]},
         "inputs[0].variables[0]: expected a text of one line, found int '1'"),
        ({"cascade": "C", "sizes": [{"rank": "M", "size": -1}]},
         "sizes[0].size: expected an integer from 0 on, found int '-1'"),
        ({"cascade": "C", "sections": [{"kind": "loop"}]},
         "sections[0].kind: expected 'flat', 'init', 'iterate' or 'then', found str 'loop'"),
        ({"cascade": "C", "sections": [{"kind": "flat", "einsums": [{"tensor": "A"}]}]},
         "sections[0].einsums[0].right: expected an expression, found nothing"),
        ({"cascade": "C", "sections": [{"kind": "flat", "einsums": [{"right": {"operator": "^", "operands": [1, 2]}}]}]
          },
         "sections[0].einsums[0].right.operator: expected an operator of 2 operands, found str '^'"),
    ],
)  # fmt: skip
def test_documents_of_another_shape(document: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_document(document)
    assert str(caught.value) == f"cascade document: {message}"


def test_words_that_the_language_lacks_are_located_in_the_canonical_text() -> None:
    document = to_document(parse(ONE_PASS))
    document["sections"][1]["einsums"][2]["right"]["function"] = "mean"
    with pytest.raises(SourceError, match="unknown function 'mean'"):
        from_document(document)


@given(st.sampled_from(catalogue()), st.integers(0, 2**32))
def test_damaged_documents_give_errors_of_ours(name: str, seed: int) -> None:
    document = copy.deepcopy(to_document(load(name)))
    chance = random.Random(seed)
    node: Any = document
    while True:  # walk to a random place and put something else there
        keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
        if not keys:
            return
        key = chance.choice(keys)
        inner = node[key]
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.2:
            node[key] = chance.choice([None, 1, -1, 1.5, True, "m", "M", "\n", [], {}, [1], {"a": 1}])
            break
        node = inner
    try:
        from_document(document)
    except FusemaxError as error:
        text = str(error)
        assert text, text
