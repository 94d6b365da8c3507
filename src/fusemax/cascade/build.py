"""Grammar actions: what each rule of grammar.lark becomes in the IR."""

from __future__ import annotations

from typing import Any

from fusemax.cascade import ir
from fusemax.cascade.automaton import AnyToken, Token
from fusemax.cascade.tokens import FUNCTIONS


class Misread(Exception):
    """A token that the grammar takes and the language does not."""

    def __init__(self, token: AnyToken, message: str) -> None:
        super().__init__(message)
        self.token, self.message = token, message


def span(token: AnyToken) -> ir.Span:
    """Where a token stands."""
    return ir.Span(token.line or 1, token.column or 1, len(token) or 1)


def _is(item: object, kind: str) -> bool:
    return getattr(item, "type", None) == kind


def _number(token: Token) -> int | float:
    try:
        value: int | float = int(token) if token.type == "INT" else float(token)
        too_large = float(value) == float("inf")
    except (OverflowError, ValueError):  # ValueError: more digits than Python converts
        too_large = True
    if too_large:
        raise Misread(token, "the number is too large for a double")
    return value


def _tokens(items: tuple[Any, ...], kind: str) -> list[Token]:
    return [item for item in items if _is(item, kind)]


class Builder:
    """A method per rule of the grammar, called bottom up with the rule's parts, so no tree is ever built; stateless."""

    def number(self, token: Token) -> ir.Number:
        return ir.Number(_number(token), span(token))

    def word(self, token: Token) -> ir.Expr:
        match token.type:
            case "CAPITAL":
                return ir.Unknown(str(token), span(token))
            case "SMALL":
                return ir.Variable(str(token), span(token))
            case _:
                return ir.Constant(str(token), span(token))

    def group(self, _open: Token, expr: ir.Expr, _close: Token) -> ir.Expr:
        return expr

    def call(self, function: Token, *rest: Any) -> ir.Call:
        fewest, most = FUNCTIONS.get(function, (1, None))  # registered functions are held to theirs by `parse`
        arguments = rest[1::2]  # "(" expr ("," expr)* ")"
        wanted = f"{fewest}" if fewest == most else f"at least {fewest}"
        message = f"{function} takes {wanted} argument{'s' if wanted != '1' else ''}, found {len(arguments)}"
        if len(arguments) < fewest:
            raise Misread(rest[-1], message)
        if most is not None and len(arguments) > most:
            raise Misread(rest[2 * most], message)
        return ir.Call(str(function), arguments, span(function))

    def access(self, tensor: Token, *rest: Any) -> ir.Access:
        return ir.Access(str(tensor), rest[1::2], span(tensor))  # "[" index ("," index)* "]"

    def index(self, value: ir.Expr, *rest: Any) -> ir.Index:
        return ir.Index(value, rest[-1] if rest else None)

    def binary(self, left: ir.Expr, operator: Token, right: ir.Expr) -> ir.Binary:
        return ir.Binary(str(operator), left, right, span(operator))

    def unary(self, operator: Token, operand: ir.Expr) -> ir.Unary:
        return ir.Unary(str(operator), operand, span(operator))

    def fold(self, operator: Token, *rest: Token) -> ir.Reduction:
        variables = rest[1::2]  # "(" SMALL ("," SMALL)* ")"
        return ir.Reduction(str(operator), tuple(map(str, variables)), span(operator), tuple(map(span, variables)))

    select = fold

    def statement(self, tensor: Token, *rest: Any) -> ir.Einsum:
        equals = rest.index("=")  # ["[" arith ("," arith)* "]"] "=" expr ["::" reduction+] NL
        return ir.Einsum(str(tensor), rest[1:equals:2], rest[equals + 1], rest[equals + 3 : -1], span(tensor))

    def init(self, heading: Token, *rest: Any) -> ir.Section:
        einsums = tuple(item for item in rest if isinstance(item, ir.Einsum))
        return ir.Section(heading.type.lower(), einsums, span=span(heading))

    then = init

    def iterate_until(self, heading: Token, variable: Token, _until: Token, rank: Token, *rest: Any) -> ir.Section:
        einsums = tuple(item for item in rest if isinstance(item, ir.Einsum))
        return ir.Section("iterate", einsums, str(variable), str(rank), span(heading), span(variable), span(rank))

    def iterate_downto(self, heading: Token, variable: Token, _downto: Token, end: Token, *rest: Any) -> ir.Section:
        if _number(end) != 0:
            raise Misread(end, f"'downto' goes to 0, found {end}")
        einsums = tuple(item for item in rest if isinstance(item, ir.Einsum))
        return ir.Section("iterate", einsums, str(variable), None, span(heading), span(variable))

    def flat(self, *einsums: ir.Einsum) -> tuple[ir.Section, ...]:
        return (ir.Section("flat", einsums),)

    def sectioned(self, *sections: ir.Section) -> tuple[ir.Section, ...]:
        return sections

    def decl(self, tensor: Token, *rest: Any) -> ir.Declaration:
        variables = rest[1::2]  # ["[" SMALL ("," SMALL)* "]"]
        return ir.Declaration(str(tensor), tuple(map(str, variables)), span(tensor), tuple(map(span, variables)))

    def partition(self, rank: Token, *rest: Any) -> ir.Partition:
        factors = rest[1::2]  # "=" CAPITAL ("*" CAPITAL)+
        return ir.Partition(str(rank), tuple(map(str, factors)), span(rank), tuple(map(span, factors)))

    def pair(self, left: Token, _equals: Token, right: Token) -> tuple[Token, Token]:
        return left, right

    def parameter(self, name: Token, *rest: Any) -> ir.Parameter:
        value = rest[-1].value
        return ir.Parameter(str(name), -value if _tokens(rest, "MINUS") else value, span(name))

    def size(self, rank: Token, _equals: Token, value: Token) -> ir.Size:
        return ir.Size(str(rank), int(_number(value)), span(rank), span(value))

    def count_claim(self, *items: Any) -> ir.Claim:
        rank, sweeps = _tokens(items, "CAPITAL")[0], _tokens(items, "SWEEPS")
        kind = "sweeps" if sweeps else "passes"
        return ir.Claim(kind, str(rank), items[-1], span((*sweeps, rank)[0]), span(rank))

    def conflict_claim(self, heading: Token, rank: Token) -> ir.Claim:
        return ir.Claim("conflict", str(rank), None, span(heading), span(rank))

    def _field(self, heading: Token, *rest: Any) -> tuple[Token, tuple[Any, ...]]:
        return heading, tuple(item for item in rest if not isinstance(item, str) or _is(item, "STRING"))

    text_field = decl_field = partition_field = pair_field = parameter_field = sizes_field = expect_field = _field

    def field(self, content: Any, _newline: Token) -> Any:
        return content

    def name(self, token: Token) -> Token:
        return token

    def body(self, sections: tuple[ir.Section, ...]) -> tuple[ir.Section, ...]:
        return sections

    def file(self, _cascade: Token, name: Token, _newline: Token, *rest: Any) -> ir.Cascade:
        *fields, sections = rest
        texts: dict[str, str] = {}
        lists: dict[str, list[Any]] = {}
        for heading, content in fields:
            keyword = str(heading)
            if keyword in ("title", "source", "note"):
                if keyword in texts:
                    raise Misread(heading, f"'{keyword}' is there already")
                texts[keyword] = content[0][1:-1].replace('\\"', '"').replace("\\\\", "\\")
            else:
                lists.setdefault(keyword, []).extend(content)

        def pairs(keyword: str, make: Any) -> tuple[Any, ...]:
            return tuple(make(str(a), str(b), span(a), span(b)) for a, b in lists.get(keyword, ()))

        return ir.Cascade(
            name=str(name),
            inputs=tuple(lists.get("input", ())),
            outputs=tuple(lists.get("output", ())),
            sections=sections,
            title=texts.get("title"),
            source=texts.get("source"),
            note=texts.get("note"),
            partitions=tuple(lists.get("partition", ())),
            aliases=pairs("alias", ir.Alias),
            equalities=pairs("equal", ir.Equality),
            parameters=tuple(lists.get("parameter", ())),
            sizes=tuple(lists.get("sizes", ())),
            claims=tuple(lists.get("expect", ())),
            name_span=span(name),
        )
