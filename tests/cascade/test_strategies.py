from hypothesis import given

from fusemax.cascade import check_rules, ir, parse, print_cascade
from fusemax.cascade.sizes import resolve_sizes
from tests.cascade.strategies import cascades


@given(cascades())
def test_random_cascades_are_legal_and_have_all_sizes(cascade: ir.Cascade) -> None:
    text = print_cascade(cascade)
    check_rules(parse(text))
    resolve_sizes(cascade)


@given(cascades())
def test_random_cascades_read_back(cascade: ir.Cascade) -> None:
    text = print_cascade(cascade)
    assert parse(text) == cascade
    assert print_cascade(parse(text)) == text
