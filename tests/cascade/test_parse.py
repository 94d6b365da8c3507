import pytest

from fusemax.base.errors import SourceError
from fusemax.cascade import check_rules, ir, parse, print_cascade
from fusemax.cascade.parse import MAX_BYTES, parse_einsum

HEADER = "cascade C\ninput Q[e, p], K[e, m]\noutput Z[p]\nsizes E = 2\n\n"
"""Five lines: a body begins at line 6."""
CAPITAL = "a name that starts with a capital"
REDUCTION = "a reduction (+, *, max, min, topk or argtopk)"
NO_VARIABLE = "(reserved: no rank variable has that name)"
NO_CHAIN = ": comparisons do not chain"


def error(text: str) -> str:
    """`line:column+length message [suggestion]` of what is wrong with a text."""
    with pytest.raises(SourceError) as caught:
        parse(text)
    e = caught.value
    return f"{e.line}:{e.column}+{e.length} {e.message}" + (f" [{e.suggestion}]" if e.suggestion else "")


def body_error(text: str) -> str:
    return error(HEADER + text + "\n")


@pytest.mark.parametrize(
    ("text", "report"),
    [
        ("", "1:1+1 expected 'cascade', found the end of the file"),
        ("\n\n", "1:1+1 expected 'cascade', found the end of the file"),
        ("# nothing\n", "1:1+1 expected 'cascade', found the end of the file"),
        ("cascade\n", "1:8+1 expected a name, found the end of the line"),
        ("cascade", "1:8+1 expected a name, found the end of the line"),
        ('title "x"\n', "1:1+5 expected 'cascade', found 'title'"),
        ("cascade a b\n", "1:11+1 expected the end of the line, found 'b'"),
        ("cascade C\ninput A[k]\n", "3:1+1 expected a field or a statement, found the end of the file"),
        ("cascade C\ninput A[k]", "2:11+1 expected a field or a statement, found the end of the file"),
        ("cascade C\ninputs A[k]\n", "2:1+6 unknown field 'inputs' [input]"),
        ("cascade C\nsqrt A[k]\n", "2:1+4 unknown field 'sqrt'"),
        ("cascade C\nInput A[k]\n", "2:7+1 expected '=' or '[', found 'A'"),
        ("cascade C\ntitle abc\n", "2:7+3 expected a string in double quotes, found 'abc'"),
        ('cascade C\ntitle "a"\nnote "b"\ntitle "c"\nA = 1\n', "4:1+5 'title' is there already"),
        ("cascade C\ninput Q[exp]\n", "2:9+3 expected a rank variable, found 'exp' " + NO_VARIABLE),
        ("cascade C\ninput Q[E]\n", "2:9+1 expected a rank variable, found 'E'"),
        ("cascade C\ninput Q[]\n", "2:9+1 expected a rank variable, found ']'"),
        ("cascade C\ninput q[e]\n", "2:7+1 expected a name that starts with a capital, found 'q'"),
        ("cascade C\ninput Q[e] K[e]\n", "2:12+1 expected ',' or the end of the line, found 'K'"),
        ("cascade C\ninput Q[e],\nA = 1\n", f"2:12+1 expected {CAPITAL}, found the end of the line"),
        ("cascade C\nsizes M = 4.0\n", "2:11+3 expected an integer, found '4.0'"),
        ("cascade C\nsizes M = -4\n", "2:11+1 expected an integer, found '-'"),
        ("cascade C\nsizes M = 4K\n", "2:12+1 expected ',' or the end of the line, found 'K'"),
        ("cascade C\nsizes m = 4\n", "2:7+1 expected a name that starts with a capital, found 'm'"),
        ("cascade C\npartition M = M1\n", "2:17+1 expected '*', found the end of the line"),
        ("cascade C\nparameter EPS = inf\n", "2:17+3 expected a number, found 'inf'"),
        ("cascade C\nparameter E = 1e400\nA = 1\n", "2:15+5 the number is too large for a double"),
        ("cascade C\nexpect conflict = 1\n", "2:17+1 expected a name that starts with a capital, found '='"),
    ],
)  # fmt: skip
def test_headers_that_cannot_be_read(text: str, report: str) -> None:
    assert error(text) == report


def test_a_string_ends_on_its_line_and_escapes_two_characters() -> None:
    report = '2:7+1 a string ends on its line, and \\ in it stands before " or \\ only'
    assert error('cascade C\ntitle "abc\n') == report
    assert error('cascade C\ntitle "a\\n"\n') == report
    assert error('cascade C\ntitle "a\\"\n') == report


@pytest.mark.parametrize(
    ("text", "report"),
    [
        ("A[m] = foo(K[e, m])", "6:8+3 unknown function 'foo' [floor]"),
        ("A[m] = K(e, m)", "6:9+1 expected an operator or '[', found '(': indices of 'K' go in square brackets"),
        ("A[m] = K[e, m] :: avg(e)", "6:19+3 unknown reduction 'avg'"),
        ("A[m] = K[e, m] :: mx(e)", "6:19+2 unknown reduction 'mx' [max]"),
        ("A[m] = K[e, m] :: exp(e)", "6:19+3 unknown reduction 'exp'"),
        ("A[m] = K[e, m] ::", f"6:18+1 expected {REDUCTION}, found the end of the line"),
        ("A[m] = K[e, m] :: max e", "6:23+1 expected '(', found 'e'"),
        ("A[m] = K[e, m] :: max(E)", "6:23+1 expected a rank variable, found 'E'"),
        ("A[j] = K[0, m] :: topk(m)", "6:25+1 expected ',', found ')'"),
        ("A[j] = K[0, m] :: topk(m, j, k)", "6:28+1 expected ')', found ','"),
        ("A[m] = K[e, m] : +(e)", "6:16+1 expected an operator, '::' or the end of the line, found ':'"),
        ("A[m] = max(K[e, m])", "6:19+1 max takes at least 2 arguments, found 1"),
        ("A[m] = exp(K[e, m], 1, 2)", "6:19+1 exp takes 1 argument, found 3"),
        ("A[m] = exp()", "6:12+1 expected an expression, found ')'"),
        ("A[m] = where(1, 2)", "6:18+1 where takes 3 arguments, found 2"),
        ("A[m] = where(1, 2, 3, 4)", "6:21+1 where takes 3 arguments, found 4"),
        ("A[m] = K[max, m]", "6:10+3 'max' is reserved for the function: no rank variable has that name"),
        ("A[max] = 1", "6:3+3 'max' is reserved for the function: no rank variable has that name"),
        ("A[m] = exp + 1", "6:8+3 'exp' is reserved for the function: no rank variable has that name"),
        ("A[then] = 1", "6:3+4 expected an expression, found 'then' (reserved: no rank variable has that name)"),
        ("A[m] = exp K[e, m]", "6:12+1 expected '(', found 'K'"),
        ("A[m : m < 2] = 1", "6:5+1 expected an operator, ',' or ']', found ':'"),
        ("A[m] = 1 < 2 < 3", "6:14+1 expected an operator, '::' or the end of the line, found '<'" + NO_CHAIN),
        ("A[m] == 1", "6:6+2 expected '=', found '=='"),
        ("A[m] = K[]", "6:10+1 expected an expression, found ']'"),
        ("A[m] = K[e, m] +", "6:17+1 expected an expression, found the end of the line"),
        ("A[m] = K[e, m] + # more", "6:18+1 expected an expression, found the end of the line"),
        ("A[m] = K[e, m])", "6:15+1 expected an operator, '::' or the end of the line, found ')'"),
        ("A[m] = exp(K[e, m]\nB = 1", "7:1+1 expected an operator, ')' or ',', found 'B'"),
        ("A[m] = (K[e, m]", "6:16+1 expected an operator or ')', found the end of the file"),
        ("a[m] = 1", "6:1+1 unknown field 'a'"),
        ("A = 1\nsizes M = 3", "7:1+5 expected a statement or the end of the file, found 'sizes'"),
        ("A = 1\ninit:\nB = 1", "7:1+4 expected a statement or the end of the file, found 'init'"),
        ("A = .5", "6:5+1 unexpected character '.'"),
        ("A = 5.", "6:6+1 unexpected character '.'"),
        ("A = 1E5", "6:6+2 expected an operator, '::' or the end of the line, found 'E5'"),
        ("A = 2m", "6:6+1 expected an operator, '::' or the end of the line, found 'm'"),
        ("A = 1e999", "6:5+5 the number is too large for a double"),
        ("A = " + "9" * 5000, "6:5+5000 the number is too large for a double"),
        ('A = "x"', "6:5+3 expected an expression, found a string"),
        ("A = 1 & 2", "6:7+1 unexpected character '&'"),
        ("A = \0", "6:5+1 unexpected character '\\x00'"),
        ("A = 1\rB = 2", "6:6+1 unexpected character '\\r'"),
        ("A =\u00a01", "6:4+1 unexpected character '\\xa0'"),
        ("A = 1\ufeff", "6:6+1 unexpected character '\\ufeff'"),
        ("iterate m until m:\nA[m] = 1", "6:17+1 expected a name that starts with a capital, found 'm'"),
        ("iterate M until M:\nA[m] = 1", "6:9+1 expected a rank variable, found 'M'"),
        ("iterate m downto 1:\nA[m] = 1", "6:18+1 'downto' goes to 0, found 1"),
        ("iterate m:\nA[m] = 1", "6:10+1 expected 'downto' or 'until', found ':'"),
        ("init\nA = 1", "6:5+1 expected ':', found the end of the line"),
        ("init: A = 1", "6:7+1 expected the end of the line, found 'A'"),
        ("init:\niterate m until M:\nA[m] = 1", "7:1+7 expected a name that starts with a capital, found 'iterate'"),
        ("init:\nA = 1\nthen:", "9:1+1 expected a name that starts with a capital, found the end of the file"),
    ],
)  # fmt: skip
def test_bodies_that_cannot_be_read(text: str, report: str) -> None:
    assert body_error(text) == report


NESTS = [
    ("(", "1", ")"),
    ("exp(", "1", ")"),
    ("-", "1", ""),
    ("K[0, ", "m", "]"),
    ("-(", "1", ")"),
    ("max(-", "1", ", 0)"),
]


@pytest.mark.parametrize(("opening", "core", "closing"), NESTS)
def test_nesting_of_100_is_legal_and_of_101_is_not(opening: str, core: str, closing: str) -> None:
    each = 2 if opening in ("-(", "max(-") else 1
    count = 100 // each
    parse(f"{HEADER}A[m] = {opening * count}{core}{closing * count}\n")
    report = body_error(f"A[m] = {opening * (count + 1)}{core}{closing * (count + 1)}")
    last = 8 + len(opening) * count
    assert report.split(" ", 1)[1] == "nested more than 100 deep"
    assert last <= int(report.split(":")[1].split("+")[0]) < last + len(opening)


def test_not_nests_too() -> None:
    parse(f"{HEADER}A[m] = {'not ' * 100}m\n")
    assert body_error(f"A[m] = {'not ' * 101}m") == "6:408+3 nested more than 100 deep"


def test_unary_operators_end_with_their_operand() -> None:
    parse(f"{HEADER}A[m] = {' + '.join(['-m'] * 150)}\n")
    parse(f"{HEADER}A[m] = {' + '.join(['-(-m)'] * 150)}\n")


@pytest.mark.parametrize("text", ["(" * 100_000, "-" * 100_000, "exp(" * 30_000, "K[" * 100_000, "not " * 50_000])
def test_deep_nesting_is_refused_at_once(text: str) -> None:
    assert body_error(f"A = {text}").endswith("nested more than 100 deep")


def test_a_file_of_1_mib_is_read_and_a_longer_one_is_not() -> None:
    text = HEADER + "Z[p] = Q[e, p]\n"
    parse(text + "#" * (MAX_BYTES - len(text)))
    assert error(text + "#" * (MAX_BYTES - len(text) + 1)) == "1:1+1 the file is larger than 1 MiB"
    assert error(text + "#" + "\u20ac" * (MAX_BYTES // 3)).endswith("larger than 1 MiB")


def test_lines_may_end_with_crlf_and_the_text_with_neither() -> None:
    text = HEADER + "Z[p] = Q[e, p]"
    assert parse(text) == parse(text.replace("\n", "\r\n")) == parse(text + "\n\n") == parse("\ufeff" + text)
    assert error("cascade C\r\ninput A[k] x\r\nZ = A[k]\r\n") == "2:12+1 expected ',' or the end of the line, found 'x'"


def test_newlines_in_brackets_are_spaces_and_blanks_are_free() -> None:
    text = "\n # first\n cascade C # name\n\n\tinput Q[\n e,\n\n p]\noutput Z[p]\n"
    text += "\nZ[p] = (Q[e, # comment\n p]\n\n )\n\n# end"
    assert parse(text) == parse("cascade C\ninput Q[e, p]\noutput Z[p]\nZ[p] = Q[e, p]\n")


def test_lists_add_up_and_fields_come_in_any_order() -> None:
    text = "cascade C\nsizes A = 1\noutput Z\ninput X[a]\nsizes B = 2\ninput Y[b]\nZ = X[a]\n"
    cascade = parse(text)
    assert [s.rank for s in cascade.sizes] == ["A", "B"]
    assert [d.tensor for d in cascade.inputs] == ["X", "Y"]


def test_a_cascade_may_have_any_name() -> None:
    for name in ("x", "X_1", "max", "cascade", "input", "iterate", "topk", "conflict"):
        assert parse(f"cascade {name}\ninput A\noutput Z\nZ = A\n").name == name


def test_bare_capitals_are_sizes_parameters_and_scalars() -> None:
    text = "cascade C\ninput A[k], S\noutput Z\nparameter EPS = 2\nZ = A[k] * K * EPS * S * NONE\n"
    kinds = [type(node) for node in ir.walk(parse(text).einsums[0].right) if not isinstance(node, ir.Binary)]
    assert kinds == [ir.Access, ir.Variable, ir.Shape, ir.ParameterUse, ir.Access, ir.Unknown]


def test_precedence_and_association() -> None:
    same = [("1 - 2 - 3", "(1 - 2) - 3"), ("1 / 2 * 3", "(1 / 2) * 3"), ("1 + 2 * 3", "1 + (2 * 3)"),
            ("-1 * 2", "(-1) * 2"), ("not 1 < 2", "not (1 < 2)"), ("1 or 2 and 3", "1 or (2 and 3)"),
            ("1 + 2 < 3 * 4", "(1 + 2) < (3 * 4)"), ("not 1 and 2", "(not 1) and 2")]  # fmt: skip
    for short, long in same:
        assert parse_einsum(f"A = {short}") == parse_einsum(f"A = {long}")


def test_spans_are_those_of_the_text() -> None:
    einsum = parse(HEADER + "  Z[p] = Q[e,  p] :: +(e)\n").einsums[0]
    assert einsum.span == ir.Span(6, 3, 1)
    assert isinstance(einsum.right, ir.Access)
    assert einsum.right.span == ir.Span(6, 10, 1)
    assert ir.start(einsum.right.indices[1].value) == ir.Span(6, 16, 1)
    assert einsum.reductions[0].span == ir.Span(6, 22, 1)


def test_long_sums_are_bounded() -> None:
    parse(f"{HEADER}A = {' + '.join(['1'] * 800)}\n")
    assert "more than 800 operations" in body_error(f"A = {' + '.join(['1'] * 900)}")


def test_the_deepest_legal_expression_can_be_walked_compared_and_printed() -> None:
    expr = "A"
    for _ in range(100):
        expr = f"tanh(0 or 1 and A < 1 + 2 * {expr})"
    text = f"{HEADER}A = W\nZ[p] = {expr}\n"
    cascade = parse(text)
    assert cascade == parse(print_cascade(cascade))
    assert hash(cascade) == hash(parse(text))
    check_rules(parse(text.replace("W", "1")))


def test_a_bare_einsum() -> None:
    einsum = parse_einsum("Z[m,n] = A[k,m]*B[k,n] / M + C")
    kinds = [type(node) for node in ir.walk(einsum.right) if isinstance(node, ir.Shape | ir.Access)]
    assert kinds == [ir.Access, ir.Access, ir.Shape, ir.Access]
    with pytest.raises(SourceError, match="expected an expression"):
        parse_einsum("Z = ")
