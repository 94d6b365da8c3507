"""Cascade -> the long form of EDGE: every map and reduce action with its compute and merge operator.

A map action names the variables that its operands share: there their fibers are merged. With one operand (a
function, a number beside a tensor) it names all variables of that operand. The merge operator tells which
coordinates are touched: `intersection` where both operands are non-empty, `union` where one is, `left` where the
divisor is, `all` everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from fusemax.cascade.ir import Access, Binary, Call, Cascade, Einsum, Expr, Unary, Variable, children, walk
from fusemax.cascade.print import Form, print_header
from fusemax.cascade.reductions import SELECTIONS, all_reductions

MERGES = {
    "*": "intersection", "+": "union", "-": "union", "max": "union", "min": "union", "/": "left", "div0": "left",
}  # fmt: skip
"""Compute -> its merge operator between tensors; every other function touches all."""

SUB_THEN_EXP = "sub-then-exp"
_LOOSEST, _TIGHTEST = 0, 8


@dataclass(frozen=True, slots=True)
class Action:
    """A map or reduce action: over which variables, with which compute and merge operator."""

    kind: str
    variables: tuple[str, ...]
    compute: str
    merge: str

    def __str__(self) -> str:
        compute = "x" if self.compute == "*" else self.compute
        return " ".join((self.kind, *((", ".join(self.variables),) if self.variables else ()))) + (
            f" ({compute}, {self.merge})"
        )


def has_tensor(expr: Expr) -> bool:
    """Whether an expression reads a tensor."""
    return any(isinstance(node, Access) for node in walk(expr))


def _variables(expr: Expr) -> dict[str, None]:
    return {node.name: None for node in walk(expr) if isinstance(node, Variable)}


def operands(expr: Expr) -> tuple[Expr, ...]:
    """What a map action merges: the direct operands, of `exp(a - b)` those of the subtraction."""
    if isinstance(expr, Call) and _is_sub_then_exp(expr):
        return children(expr.arguments[0])
    return () if isinstance(expr, Access) else children(expr)


def _is_sub_then_exp(expr: Call) -> bool:
    inner = expr.arguments[0]
    return expr.function == "exp" and isinstance(inner, Binary) and inner.operator == "-" and all(
        map(has_tensor, (inner.left, inner.right))
    )  # fmt: skip


def map_action(expr: Expr) -> Action | None:
    """The map action of one operation, or None when it touches no tensor (`m1*M0+m0`, a bare access)."""
    parts = [part for part in operands(expr) if has_tensor(part)]
    if not parts:
        return None
    shared = _variables(parts[0])
    for part in parts[1:]:
        shared = {name: None for name in shared if name in _variables(part)}
    match expr:
        case Call() if _is_sub_then_exp(expr):
            compute = SUB_THEN_EXP
        case Call():
            compute = expr.function
        case Binary() | Unary():
            compute = expr.operator
        case _:
            return None
    merge = MERGES.get(compute, "all")
    if isinstance(expr, Call) and expr.merge is not None:
        merge = expr.merge
    if isinstance(expr, Unary) or (merge == "union" and len(parts) < len(operands(expr))):
        merge = "all"  # beside a number nothing is empty
    return Action("map", tuple(shared), compute, merge)


def map_actions(einsum: Einsum) -> list[tuple[Expr, Action]]:
    """The map actions of a statement, operands before what uses them."""
    found: list[tuple[Expr, Action]] = []
    stack = [(einsum.right, False)]
    while stack:
        node, seen = stack.pop()
        action = map_action(node)
        if action is None:
            continue
        if seen:
            found.append((node, action))
            continue
        stack.append((node, True))
        stack.extend((part, False) for part in reversed(operands(node)))
    return found


def reduce_actions(einsum: Einsum) -> list[Action]:
    """The reduce actions of a statement in order; topk also populates the rank it keeps."""
    found = []
    for operator, variables, kept in all_reductions(einsum):
        merge = "all" if operator in SELECTIONS else MERGES[operator]
        found.append(Action("reduce", variables, operator, merge))
        if kept:
            found.append(Action("populate", kept, operator, "all"))
    return found


class _EdgeForm(Form):
    """The expression of a statement with `.` where operands are mapped, numbered when there are several maps."""

    def __init__(self, labels: dict[int, str]) -> None:
        self.labels = labels

    def precedence(self, expr: Expr) -> int:
        """Dots have no precedence of their own: everything around them shows its parentheses."""
        return _LOOSEST if id(expr) in self.labels else super().precedence(expr)

    def operand_precedence(self, expr: Binary) -> tuple[int, int]:
        """Operands of a dot are names or in parentheses."""
        return (_TIGHTEST, _TIGHTEST) if id(expr) in self.labels else super().operand_precedence(expr)

    def operation(self, expr: Binary, left: str, right: str, tight: bool) -> str:
        """`a . b` for a map of tensors."""
        label = self.labels.get(id(expr))
        return f"{left} {label} {right}" if label else super().operation(expr, left, right, tight)

    def call(self, expr: Call, tight: bool) -> str:
        """`a . b` for a map of tensors, the call itself otherwise."""
        label = self.labels.get(id(expr))
        if label is None:
            return super().call(expr, tight)
        return f" {label} ".join(self._inner(part, _TIGHTEST, tight) for part in operands(expr))

    def reductions(self, einsum: Einsum) -> str:
        """Nothing: the actions say it."""
        return ""


def _is_dotted(expr: Expr) -> bool:
    named = isinstance(expr, Call) and expr.function not in ("max", "min", "div0", "expsub")
    if isinstance(expr, Unary) or (named and not (isinstance(expr, Call) and _is_sub_then_exp(expr))):
        return False
    return all(map(has_tensor, operands(expr)))


def print_edge_einsum(einsum: Einsum) -> str:
    """One statement in the long form.

    >>> from fusemax.cascade.parse import parse_einsum
    >>> print_edge_einsum(parse_einsum("AV[f, p] = A[m, p] * V[f, m]"))
    'AV[f, p] = A[m, p] . V[f, m]   :: map m (x, intersection)   reduce m (+, union)'
    """
    maps = map_actions(einsum)
    labels: dict[int, str] = {}
    texts: list[str] = []
    for number, (node, action) in enumerate(maps, 1):
        label = f".{number}" if len(maps) > 1 else "."
        if _is_dotted(node):
            labels[id(node)] = label
        texts.append(str(action) if len(maps) == 1 else str(action).replace("map", f"map{label}", 1))
    actions = [*texts, *map(str, reduce_actions(einsum))]
    text = _EdgeForm(labels).einsum(einsum)
    return f"{text}   :: {'   '.join(actions)}" if actions else text


class _EdgeBody(Form):
    def einsum(self, einsum: Einsum) -> str:
        return print_edge_einsum(einsum)


def print_edge(cascade: Cascade) -> str:
    """The cascade with every statement in the long form; the header as in the canonical text."""
    return f"{print_header(cascade)}\n\n{_EdgeBody().body(cascade)}\n"
