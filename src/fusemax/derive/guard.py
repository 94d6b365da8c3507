"""Guards for references that are still infinite: nothing but masked elements has come yet.

A running maximum starts at -inf. While all elements so far are -inf too, `exp(x - maximum)` is NaN although its
limit is 0; the guarded forms say 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fusemax.cascade.ir import Access, Binary, Call, Constant, Expr, Number, Unary, Variable, walk
from fusemax.cascade.print import print_expr
from fusemax.cascade.resolve import rewrite
from fusemax.derive.normal import free_variables

MINUS_INFINITY: Expr = Unary("-", Constant("inf"))


@dataclass
class Guard:
    """`infinite`: running tensors that can be infinite, with that value; `running`: all running references.

    Not `enabled`, it changes nothing; with `zero` it also says 0 while a reference that divides is still 0.
    """

    enabled: bool
    zero: bool = False
    infinite: dict[str, Expr] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)

    def references(self, expr: Expr) -> list[Access]:
        """The reads of references that can be infinite, each once."""
        found = {print_expr(n): n for n in walk(expr) if isinstance(n, Access) and n.tensor in self.infinite}
        return [found[text] for text in sorted(found)]

    def apply(self, expr: Expr) -> Expr:
        """Element expressions: exponentials against an infinite reference are 0."""
        if not self.enabled:
            return expr
        return self.zero_where_zero(rewrite(expr, self._exponential))

    def divisors(self, expr: Expr) -> list[Access]:
        """The running references an expression divides by or takes the logarithm of, each once."""
        found: dict[str, Access] = {}
        for node in walk(expr):
            part: Expr | None = None
            if isinstance(node, Binary) and node.operator == "/":
                part = node.right
            elif isinstance(node, Call) and node.function in ("log", "log2"):
                part = node.arguments[0]
            if part is not None:
                found |= {print_expr(n): n for n in walk(part) if isinstance(n, Access) and n.tensor in self.running}
        return [found[text] for text in sorted(found)]

    def zero_where_zero(self, expr: Expr) -> Expr:
        """0 while a reference that divides is 0."""
        if not self.zero:
            return expr
        for reference in self.divisors(expr):
            expr = Call("where", (Binary("==", reference, Number(0)), Number(0), expr))
        return expr

    def _exponential(self, node: Expr) -> Expr:
        if not isinstance(node, Call) or node.function not in ("exp", "exp2"):
            return node
        argument = node.arguments[0]
        references = self.references(argument)
        if not references:
            return node
        match argument:
            case Binary("-", element, reference) if node.function == "exp" and references == [reference]:
                if self._is_low(reference):
                    return Call("expsub", (element, reference))
        return self.zero_where_infinite(node, references)

    def _is_low(self, access: Expr) -> bool:
        return isinstance(access, Access) and self.infinite[access.tensor] == MINUS_INFINITY

    def zero_where_infinite(self, expr: Expr, references: list[Access]) -> Expr:
        """0 while one of the references is infinite."""
        for reference in references:
            test = Binary("==", reference, self.infinite[reference.tensor])
            expr = Call("where", (test, Number(0), expr))
        return expr

    def correction(self, expr: Expr, old: list[Access]) -> Expr:
        """A factor or difference between an old and a new reference: 0 while the old one is infinite."""
        match expr:
            case Call("exp", (Binary("-", before, after),)) if [before] == old and self._is_low(before):
                return Call("expsub", (before, after))
        return self.zero_where_infinite(expr, old)

    def divide(self, expr: Expr) -> Expr:
        """Running references: a division by what is still 0 gives 0 instead of NaN."""
        if not self.enabled:
            return expr

        def leaf(node: Expr) -> Expr:
            if isinstance(node, Binary) and node.operator == "/" and not _is_count(node.right):
                return Call("div0", (node.left, node.right))
            return node

        return rewrite(expr, leaf)


def _is_count(expr: Expr) -> bool:
    """A size, or a number of elements so far, is never 0."""
    return not any(isinstance(node, Access) for node in walk(expr))


__all__ = ["MINUS_INFINITY", "Guard", "Variable", "free_variables", "replace"]
