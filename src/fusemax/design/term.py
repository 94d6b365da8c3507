"""Numbers that are not known yet: arithmetic on them is written down, to be run later on any values.

A term is a node of a graph: a variable, or an operation on terms and plain numbers. Equal operations on equal
operands are one node, and operations with 0 and 1 are simplified away, so that a formula evaluated on terms leaves
the shortest straight program behind. In a condition a term is neither all true nor all false: code that asks takes
the way that is right at every point.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

__all__ = ["Term", "is_term"]


class Term:
    """See the module. ``operation`` is ``variable``, an operator, or the name of a function."""

    __slots__ = ("_key", "arguments", "operation")
    __array_ufunc__ = None  # arrays leave operations with terms to the term

    _known: ClassVar[dict[tuple[object, ...], Term]] = {}

    def __init__(self, operation: str, arguments: tuple[Any, ...], key: tuple[object, ...]) -> None:
        self.operation = operation
        self.arguments = arguments
        self._key = key

    @classmethod
    def variable(cls, name: str) -> Term:
        """The variable of that name."""
        return cls._make("variable", (name,))

    @classmethod
    def call(cls, function: str, *arguments: Any) -> Term:
        """A function applied to terms and numbers."""
        return cls._make(function, arguments)

    @classmethod
    def where(cls, condition: Any, yes: Any, no: Any) -> Any:
        """``yes`` where the condition holds, else ``no``."""
        if not isinstance(condition, Term):
            return yes if condition else no
        return yes if _same(yes, no) else cls._make("where", (condition, yes, no))

    @classmethod
    def _make(cls, operation: str, arguments: tuple[Any, ...]) -> Term:
        key = (operation, *(id(a) if isinstance(a, Term) else (type(a), a) for a in arguments))
        found = cls._known.get(key)
        if found is None:
            found = cls._known[key] = cls(operation, arguments, key)
        return found

    @classmethod
    def forget(cls) -> None:
        """Let go of the nodes made so far; terms in hand stay what they are."""
        cls._known.clear()

    def all(self) -> bool:
        """Not known to hold everywhere."""
        return False

    def any(self) -> bool:
        """Not known to hold nowhere."""
        return True

    def __bool__(self) -> NoReturn:
        raise TypeError(f"the truth of {self.operation} is not known yet")

    def __hash__(self) -> int:
        return id(self)

    def __add__(self, other: Any) -> Any:
        return self if _is(other, 0) else self._make("+", (self, other))

    def __radd__(self, other: Any) -> Any:
        return self if _is(other, 0) else self._make("+", (other, self))

    def __sub__(self, other: Any) -> Any:
        return self if _is(other, 0) else 0 if self is other else self._make("-", (self, other))

    def __rsub__(self, other: Any) -> Any:
        return -self if _is(other, 0) else self._make("-", (other, self))

    def __mul__(self, other: Any) -> Any:
        return _times(self, other)

    def __rmul__(self, other: Any) -> Any:
        return _times(self, other)

    def __truediv__(self, other: Any) -> Any:
        return self._make("/", (_real(self), _real(other)))

    def __rtruediv__(self, other: Any) -> Any:
        return 0 if _is(other, 0) else self._make("/", (other, _real(self)))

    def __floordiv__(self, other: Any) -> Any:
        return self if _is(other, 1) and self._is_whole() else self._make("//", (self, other))

    def __rfloordiv__(self, other: Any) -> Any:
        return 0 if _is(other, 0) else self._make("//", (other, self))

    def __mod__(self, other: Any) -> Any:
        return self._make("%", (self, other))

    def __rmod__(self, other: Any) -> Any:
        return self._make("%", (other, self))

    def __pow__(self, other: Any) -> Any:
        return self._make("**", (self, other))

    def __neg__(self) -> Any:
        return self.arguments[0] if self.operation == "neg" else self._make("neg", (self,))

    def __eq__(self, other: object) -> Any:
        return True if self is other else self._make("==", (self, other))

    def __ne__(self, other: object) -> Any:
        return False if self is other else self._make("!=", (self, other))

    def __lt__(self, other: Any) -> Any:
        return self._make("<", (self, other))

    def __le__(self, other: Any) -> Any:
        return True if self is other else self._make("<=", (self, other))

    def __gt__(self, other: Any) -> Any:
        return self._make(">", (self, other))

    def __ge__(self, other: Any) -> Any:
        return True if self is other else self._make(">=", (self, other))

    def __and__(self, other: Any) -> Any:
        return _logic("&", self, other)

    def __rand__(self, other: Any) -> Any:
        return _logic("&", self, other)

    def __or__(self, other: Any) -> Any:
        return _logic("|", self, other)

    def __ror__(self, other: Any) -> Any:
        return _logic("|", self, other)

    def __repr__(self) -> str:
        return f"Term({self.operation!r}, {self.arguments!r})"

    def _is_whole(self) -> bool:
        """Whether the value is an integer for certain: then a division by 1 changes nothing."""
        if self.operation in ("variable", "//", "largest_divisor", "wrapped_share"):
            return True
        if self.operation in ("+", "-", "*", "neg", "maximum", "minimum", "where"):
            operands = self.arguments[1:] if self.operation == "where" else self.arguments
            return all(a._is_whole() if isinstance(a, Term) else isinstance(a, int) for a in operands)
        return False


def is_term(*values: object) -> bool:
    """Whether any of some values is not known yet."""
    return any(isinstance(value, Term) for value in values)


def _real(value: Any) -> Any:
    """Integers made doubles once, not at every division."""
    return Term._make("as_real", (value,)) if isinstance(value, Term) and value._is_whole() else value


def _times(term: Term, other: Any) -> Any:
    if _is(other, 1):
        return term
    if _is(other, 0):
        return 0
    if isinstance(other, Term) and id(other) < id(term):  # one node for a*b and b*a
        return Term._make("*", (other, term))
    return Term._make("*", (term, other))


def _logic(operator: str, term: Term, other: Any) -> Any:
    if other is True:
        return term if operator == "&" else True
    if other is False:
        return False if operator == "&" else term
    return term if other is term else Term._make(operator, (term, other))


def _is(value: Any, number: int) -> bool:
    return not isinstance(value, Term) and isinstance(value, int | float) and value == number


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, Term) or isinstance(second, Term):
        return first is second
    return type(first) is type(second) and bool(first == second)
