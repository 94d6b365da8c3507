import pytest
from hypothesis import given

from fusemax.cascade import catalogue, ir, load, parse, print_cascade
from fusemax.cascade.parse import parse_einsum
from fusemax.cascade.print import print_einsum, print_expr
from tests.cascade.strategies import cascades
from tests.cascade.texts import ONE_PASS, THREE_PASS
from tests.cascade.trees import trees


@pytest.mark.parametrize("text", [THREE_PASS, ONE_PASS])
def test_the_examples_are_canonical(text: str) -> None:
    assert print_cascade(parse(text)) == text


@pytest.mark.parametrize("name", catalogue())
def test_the_catalogue_is_canonical_and_reads_back(name: str) -> None:
    cascade = load(name)
    text = print_cascade(cascade)
    assert cascade.origin is not None
    assert text == cascade.origin.text
    assert parse(text) == cascade


@given(cascades())
def test_random_cascades_read_back(cascade: ir.Cascade) -> None:
    text = print_cascade(cascade)
    assert parse(text) == cascade
    assert print_cascade(parse(text)) == text


@given(trees)
def test_random_trees_of_the_whole_grammar_read_back(cascade: ir.Cascade) -> None:
    text = print_cascade(cascade)
    assert parse(text) == cascade
    assert print_cascade(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("A = ((1+2))+3", "A = 1 + 2 + 3"),
        ("A = 1+(2+3)", "A = 1 + (2 + 3)"),
        ("A = 1-(2-3)-4", "A = 1 - (2 - 3) - 4"),
        ("A = (1*2)/(3*4)", "A = 1 * 2 / (3 * 4)"),
        ("A = (1+2)*3%4//5", "A = (1 + 2) * 3 % 4 // 5"),
        ("A = -(1+2)*-(3)", "A = -(1 + 2) * -3"),
        ("A = - - 1", "A = --1"),
        ("A = -(1*2)", "A = -(1 * 2)"),
        ("A = (-1)*2", "A = -1 * 2"),
        ("A = not (1 < 2) and not(3 or 4)", "A = not 1 < 2 and not (3 or 4)"),
        ("A = (1 and 2) or (3 and (4 or 5))", "A = 1 and 2 or 3 and (4 or 5)"),
        ("A = (1 < 2) < (3 + 4)", "A = (1 < 2) < 3 + 4"),
        ("A = (1 < 2) + 3", "A = (1 < 2) + 3"),
        ("A = -(not 1)", "A = -(not 1)"),
        ("A = exp((1))*max( (1 or 2),3 )", "A = exp(1) * max(1 or 2, 3)"),
        ("A[ m1*M0 + m0 ,(m)] = B[ (m1 + 1)%M1 , m : m<=2 and m != 3 ]",
         "A[m1*M0+m0, m] = B[(m1+1)%M1, m : m <= 2 and m != 3]"),
        ("A[m] = B[C[m*2, n : n < m+1]+1]", "A[m] = B[C[m*2, n : n < m + 1]+1]"),
        ("A = B[m] :: +( m )  max(n ,k)", "A = B[m] :: +(m) max(n, k)"),
        ("A = 0.30 + 1e-5 + 1.0 + 100000000000000000000.5 + 007 + 1e2", "A = 0.3 + 1e-05 + 1.0 + 1e+20 + 7 + 100.0"),
        ("A = B[m//2%3, (m-1)-(n-2), -m]", "A = B[m//2%3, m-1-(n-2), -m]"),
        ("A[(m < 1)] = B[(not m), (m and n)]", "A[(m < 1)] = B[(not m), (m and n)]"),
    ],
)  # fmt: skip
def test_spacing_and_parentheses(text: str, canonical: str) -> None:
    assert print_einsum(parse_einsum(text)) == canonical
    assert parse_einsum(canonical) == parse_einsum(text)


MESSY = r"""cascade X
sizes M=12
parameter A=1e-05,B=-3
expect M = ( I + 1 )//2,conflict I , sweeps M=1
equal P=M
alias I=P
partition M=M1*M0
note "n"
sizes M0 = 4
title "say \"\\\""
input Q[m,p],S


output Z
Z=S"""

TIDY = r"""cascade   X
title     "say \"\\\""
note      "n"

input     Q[m, p], S
output    Z
partition M = M1 * M0
alias     I = P
equal     P = M
parameter A = 1e-05, B = -3
sizes     M = 12, M0 = 4
expect    M = (I+1)//2, conflict I, sweeps M = 1

Z = S
"""


def test_fields_are_ordered_joined_and_escaped() -> None:
    assert print_cascade(parse(MESSY)) == TIDY


SECTIONS = """cascade   X

input     A[k]
output    Z

init:
  S[0] = 0

iterate k until K:
  S[k+1] = S[k]

iterate k downto 0:
  R[k] = 1

then:
  Z = S[K]
"""


def test_sections() -> None:
    assert print_cascade(parse("\n".join(line.strip() for line in SECTIONS.split("\n") if line))) == SECTIONS


def test_long_sums_print() -> None:
    einsum = parse_einsum("A = " + " + ".join(["x"] * 800))
    assert print_expr(einsum.right).count("+") == 799
    right = parse_einsum("A = " + "x + (" * 99 + "x" + ")" * 99)
    assert parse_einsum(print_einsum(right)) == right
