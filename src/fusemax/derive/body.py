"""What a reduction reduces as the text has it: elements that wait for references put in, nothing rearranged."""

from __future__ import annotations

from dataclasses import replace

from fusemax.cascade.ir import Access, Binary, Call, Einsum, Expr, Unary, Variable
from fusemax.derive.normal import free_variables, reduced_variables, reductions_of, substitute
from fusemax.derive.roles import Roles
from fusemax.derive.symbols import NotProved


def inlined_body(roles: Roles, tensor: str, known: frozenset[str]) -> Expr:
    """The right side of a statement as an expression of elements, and of references not in `known`.

    A sum over other ranks inside is opened, since the reduction goes over its ranks as well, where it stands as a
    factor of everything. Raises NotProved where it does not, and for other reductions inside.
    """
    return _Inliner(roles, known).inlined(roles.statements[tensor].right, True)


class _Inliner:
    def __init__(self, roles: Roles, known: frozenset[str]) -> None:
        self.roles, self.known = roles, known
        self.opened: set[str] = set()

    def inlined(self, expr: Expr, is_factor: bool) -> Expr:
        match expr:
            case Access():
                return self._put_in(expr, is_factor)
            case Unary():
                return replace(expr, operand=self.inlined(expr.operand, is_factor and expr.operator == "-"))
            case Binary():
                left = self.inlined(expr.left, is_factor and expr.operator in ("*", "/"))
                return replace(expr, left=left, right=self.inlined(expr.right, is_factor and expr.operator == "*"))
            case Call():
                return replace(expr, arguments=tuple(self.inlined(a, False) for a in expr.arguments))
            case _:
                return expr

    def _put_in(self, access: Access, is_factor: bool) -> Expr:
        roles = self.roles
        statement = roles.statements.get(access.tensor)
        waits = access.tensor in roles.carries and roles.is_unknown(access.tensor, self.known)
        if statement is None or not waits:
            return access
        values = {
            v.name: i.value for v, i in zip(statement.left, access.indices, strict=True) if isinstance(v, Variable)
        }
        self._open(statement, is_factor, values)
        return self.inlined(substitute(statement.right, values), is_factor)

    def _open(self, statement: Einsum, is_factor: bool, values: dict[str, Expr]) -> None:
        variables = reduced_variables(statement)
        if not variables:
            return
        if any(operator != "+" for operator, _ in reductions_of(statement, variables)):
            raise NotProved(f"the reduction {statement.tensor} inside")
        used = frozenset[str]().union(*(free_variables(e) for e in values.values()))
        if not is_factor or set(variables) & (self.opened | used):
            raise NotProved(f"the sum {statement.tensor} inside is no factor of everything")
        self.opened |= set(variables)
