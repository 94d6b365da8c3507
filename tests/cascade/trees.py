"""Random trees of the whole grammar, mostly illegal: for readers and printers only."""

from __future__ import annotations

from hypothesis import strategies as st

from fusemax.cascade import ir
from fusemax.cascade.tokens import FUNCTIONS

RANKS = ("M", "M1", "K_x", "Long2")
SCALARS = ("S", "Sc_1")
PARAMETERS = ("EPS", "Win")
TENSORS = ("A", "BK", "T_2", "M")
VARIABLES = ("m", "m1", "k_x", "long2", "unknown")

numbers = st.one_of(st.integers(0, 10**20), st.floats(0, allow_infinity=False, allow_nan=False)).map(ir.Number)
leaves: st.SearchStrategy[ir.Expr] = st.one_of(
    numbers,
    st.sampled_from(("inf", "pi")).map(ir.Constant),
    st.sampled_from(VARIABLES).map(ir.Variable),
    st.sampled_from(RANKS).map(ir.Shape),
    st.sampled_from(SCALARS).map(ir.Access),
    st.sampled_from(PARAMETERS).map(ir.ParameterUse),
    st.just("Nothing").map(ir.Unknown),
)

_ARITHMETIC = ("+", "-", "*", "/", "//", "%")
_OTHER = ("<=", "<", ">=", ">", "==", "!=", "and", "or")


def _binary(operators: tuple[str, ...], operand: st.SearchStrategy[ir.Expr]) -> st.SearchStrategy[ir.Expr]:
    return st.builds(ir.Binary, st.sampled_from(operators), operand, operand)


def _calls(argument: st.SearchStrategy[ir.Expr]) -> st.SearchStrategy[ir.Expr]:
    def of(function: str) -> st.SearchStrategy[ir.Expr]:
        fewest, most = FUNCTIONS[function]
        arguments = st.lists(argument, min_size=fewest, max_size=most or fewest + 1).map(tuple)
        return st.builds(ir.Call, st.just(function), arguments)

    return st.sampled_from(sorted(FUNCTIONS)).flatmap(of)


def _accesses(expr: st.SearchStrategy[ir.Expr]) -> st.SearchStrategy[ir.Expr]:
    index = st.builds(ir.Index, expr, st.one_of(st.none(), expr))
    return st.builds(ir.Access, st.sampled_from(TENSORS), st.lists(index, min_size=1, max_size=3).map(tuple))


expressions: st.SearchStrategy[ir.Expr] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        _binary(_ARITHMETIC, inner),
        _binary(_OTHER, inner),
        st.builds(ir.Unary, st.sampled_from(("-", "not")), inner),
        _calls(inner),
        _accesses(inner),
    ),
    max_leaves=12,
)
"""Any expression. Where the grammar wants arithmetic only (indices), a comparison comes back in parentheses."""

_variable = st.sampled_from(VARIABLES)
_folds = st.builds(
    ir.Reduction, st.sampled_from(("+", "*", "max", "min")), st.lists(_variable, min_size=1, max_size=3).map(tuple)
)
_selections = st.builds(ir.Reduction, st.sampled_from(("topk", "argtopk")), st.tuples(_variable, _variable))
einsums: st.SearchStrategy[ir.Einsum] = st.builds(
    ir.Einsum,
    st.sampled_from(TENSORS),
    st.lists(expressions, min_size=1, max_size=3).map(tuple),
    expressions,
    st.lists(st.one_of(_folds, _selections), max_size=3).map(tuple),
)

_statements = st.lists(einsums, min_size=1, max_size=3).map(tuple)
_sections = st.one_of(
    st.builds(ir.Section, st.sampled_from(("init", "then")), _statements),
    st.builds(ir.Section, st.just("iterate"), _statements, _variable, st.one_of(st.none(), st.sampled_from(RANKS))),
)
_bodies = st.one_of(
    _statements.map(lambda s: (ir.Section("flat", s),)), st.lists(_sections, min_size=1, max_size=3).map(tuple)
)
_texts = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=20))
_claims = st.one_of(
    st.builds(ir.Claim, st.sampled_from(("passes", "sweeps")), st.sampled_from(RANKS), expressions),
    st.builds(ir.Claim, st.just("conflict"), st.sampled_from(RANKS)),
)
_values = st.one_of(st.integers(-(10**20), 10**20), st.floats(allow_infinity=False, allow_nan=False))

trees: st.SearchStrategy[ir.Cascade] = st.builds(
    ir.Cascade,
    name=st.sampled_from(("x", "iterate", "max", "A_1")),
    inputs=st.just((ir.Declaration("A", ("m", "m1")), *(ir.Declaration(name) for name in SCALARS))),
    outputs=st.just((ir.Declaration("Z", ("unknown",)),)),
    sections=_bodies,
    title=_texts,
    source=_texts,
    note=_texts,
    partitions=st.sampled_from(((), (ir.Partition("M", ("M1", "M0")), ir.Partition("Q", ("Q2", "Q1", "Q0"))))),
    aliases=st.just((ir.Alias("Long2", "M"),)),
    equalities=st.sampled_from(((), (ir.Equality("K_x", "M"),))),
    parameters=st.tuples(*(st.builds(ir.Parameter, st.just(name), _values) for name in PARAMETERS)),
    sizes=st.just((ir.Size("K_x", 3), ir.Size("M", 0))),
    claims=st.lists(_claims, max_size=2).map(tuple),
)
"""Cascades of the whole grammar whose bare capitals resolve to what they say."""
