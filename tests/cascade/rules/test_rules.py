import pytest

from fusemax.base.errors import SourceError, SourceErrors
from fusemax.cascade import catalogue, check_rules, load, parse
from fusemax.cascade.rules import RULES, Rule, broken_rules
from fusemax.cascade.rules.examples import EXAMPLES
from tests.cascade.texts import ONE_PASS, THREE_PASS

DEMO = """cascade demo
input Q[e, p], K[e, m]
output SN[m, p]

QK[m, p] = Q[e, p] * K[e, m]
GM[p] = QK[m, p] :: max(m)
SN[m, p] = exp(QKK[m, p] - GM[p])
"""


def test_the_example_report_of_the_language() -> None:
    with pytest.raises(SourceError) as caught:
        check_rules(parse(DEMO, "demo.cascade"))
    assert str(caught.value) == (
        "demo.cascade:7:16: unknown tensor 'QKK'\n"
        "    SN[m, p] = exp(QKK[m, p] - GM[p])\n"
        "                   ^~~\n"
        "    did you mean 'QK'?"
    )


def test_several_errors_come_in_line_order() -> None:
    text = DEMO.replace("output SN[m, p]", "output SN[m, p], T").replace("max(m)", "max(p)")
    with pytest.raises(SourceErrors) as caught:
        check_rules(parse(text, "demo.cascade"))
    assert [(e.line, e.column) for e in caught.value.errors] == [(3, 18), (6, 21), (7, 16)]


@pytest.mark.parametrize("text", [THREE_PASS, ONE_PASS])
def test_the_examples_are_legal(text: str) -> None:
    cascade = parse(text)
    assert check_rules(cascade) is cascade


@pytest.mark.parametrize("name", catalogue())
def test_the_catalogue_is_legal(name: str) -> None:
    load(name)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_example_breaks_its_rule_and_no_other(rule: Rule) -> None:
    assert {broken.name for broken, _ in broken_rules(parse(EXAMPLES[rule.name]))} == {rule.name}


def test_rules_have_names_and_descriptions() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.description.endswith(".") for rule in RULES)
