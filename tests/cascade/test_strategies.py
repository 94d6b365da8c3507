from hypothesis import given

from fusemax.cascade import check_rules, ir, parse, print_cascade
from fusemax.cascade.sizes import resolve_sizes
from tests.cascade.strategies import cascades


@given(cascades())
def test_random_cascades_are_legal_and_have_all_sizes(cascade: ir.Cascade) -> None:
    check_rules(parse(print_cascade(cascade)))
    check_rules(cascade)
    resolve_sizes(cascade)
