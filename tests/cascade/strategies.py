"""Random legal cascades for property tests of every room.

`cascades()` draws small cascades that obey the static rules and run: flat or with iterations, partitioned, with
aliases, `equal` ranks, filters, gathers, topk and several inputs. Every default size is given and small.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import strategies as st

from fusemax.cascade import ir
from fusemax.cascade.ranks import rank_of, variable_of

T = TypeVar("T")
HALVES = "halves"
"""Stands for a position with the coordinates 0 and 1 that are written by two statements."""


@dataclass(frozen=True)
class Features:
    """What the drawn cascades may hold."""

    iterations: bool = True
    partitions: bool = True
    filters: bool = True
    gathers: bool = True
    selections: bool = True
    functions: bool = True
    """More than `+ - * max min`: exp, div0, where, coordinates as numbers."""
    odd_writes: bool = True
    """Left sides with literals, backward coordinates and repeated variables."""
    sizes: tuple[int, ...] = (2, 3, 4)
    most_statements: int = 5


@dataclass(frozen=True)
class _Tensor:
    """A tensor that can be read: its ranks, whether one position is a state (one coordinate more than its rank
    has), and whether its values are coordinates of a rank (the result of argtopk). A rank may be HALVES."""

    name: str
    ranks: tuple[str, ...]
    state: int | None = None
    picks: str | None = None
    diagonal: bool = False
    """Written where its first two indices agree; `ranks` has that rank once."""


@dataclass
class _Maker:
    """Draws one cascade, statement by statement; holds what may be read so far."""

    draw: st.DrawFn
    features: Features
    sizes: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    equal: list[tuple[str, str]] = field(default_factory=list)
    factors: dict[str, tuple[str, ...]] = field(default_factory=dict)
    inputs: list[_Tensor] = field(default_factory=list)
    tensors: list[_Tensor] = field(default_factory=list)
    parameters: list[ir.Parameter] = field(default_factory=list)
    gather_inputs: set[str] = field(default_factory=set)
    count: int = 0

    def pick(self, options: Sequence[T]) -> T:
        return self.draw(st.sampled_from(list(options)))

    def chance(self, percent: int) -> bool:
        return self.draw(st.integers(0, 99)) < percent

    def name(self) -> str:
        self.count += 1
        return f"T{self.count}"

    # ------------------------------------------------------------------------------------------------ header

    def header(self) -> None:
        base = self.pick([["K"], ["K", "M"], ["K", "M", "P"], ["E", "K", "P"]])
        for rank in base:
            self.sizes[rank] = self.pick(self.features.sizes)
        if self.features.partitions and self.chance(40):
            whole = self.pick(base)
            count = 3 if self.chance(15) else 2
            self.factors[whole] = tuple(f"{whole}{n}" for n in reversed(range(count)))
            for factor in self.factors[whole]:
                self.sizes[factor] = self.pick((2, 3)) if count == 2 else 2
            self.sizes[whole] = 1
            for factor in self.factors[whole]:
                self.sizes[whole] *= self.sizes[factor]
        if self.chance(30):
            self.aliases["I"] = self.pick([*base, *(f for fs in self.factors.values() for f in fs)])
            self.sizes["I"] = self.sizes[self.aliases["I"]]
        if len(base) > 1 and self.chance(25) and not {base[0], base[1]} & set(self.factors):
            self.equal.append((base[1], base[0]))
            self.sizes[base[1]] = self.sizes[base[0]]
        if self.chance(25):
            self.parameters.append(ir.Parameter("EPS", self.pick((0.5, 2, -1.25, 1e-05))))
        self._inputs(base)
        if self.features.selections and self.chance(25):
            self.sizes["J"] = self.pick((1, 2))

    def _inputs(self, base: list[str]) -> None:
        for number, name in enumerate(self.pick([["A"], ["A", "B"], ["A", "B", "C"]])):
            wanted = self.pick((1, 1, 2, 2, 3)) if number or len(base) == 1 else len(base)
            ranks = tuple(self.draw(st.permutations(base))[:wanted])
            if number and self.chance(15):
                ranks = tuple(self.pick(self.factors.get(rank, (rank,))) for rank in ranks)
            self.inputs.append(_Tensor(name, ranks if not (number and self.chance(10)) else ()))
        missing = [r for r in base if not any(r in t.ranks for t in self.inputs)]
        if missing:
            self.inputs.append(_Tensor("D", tuple(missing)))
        self.tensors += self.inputs

    # --------------------------------------------------------------------------------------------- variables

    def variables_for(self, rank: str) -> list[str]:
        """The variables that may index a position of a rank."""
        names = [rank, *(alias for alias, target in self.aliases.items() if target == rank)]
        for left, right in self.equal:
            names += [right] if left == rank else [left] if right == rank else []
        return [variable_of(name) for name in names]

    def canonical(self, variable: str) -> str:
        rank = rank_of(variable)
        return self.aliases.get(rank, rank)

    # ----------------------------------------------------------------------------------------------- reading

    def read(self, tensor: _Tensor, pool: list[str], fixed: dict[int, ir.Expr] | None = None) -> ir.Access:
        """A read of a tensor; its indices prefer variables of `pool`, and grow it by what they add."""
        indices = [
            (fixed or {}).get(position) or self._index(rank, pool, state=position == tensor.state)
            for position, rank in enumerate(tensor.ranks)
        ]
        if tensor.diagonal:
            indices.insert(0, indices[0])
        return ir.Access(tensor.name, tuple(ir.Index(index) for index in indices))

    def _index(self, rank: str, pool: list[str], *, state: bool) -> ir.Expr:
        if rank == HALVES:
            return ir.Number(self.pick((0, 1)))
        variable = self._variable(rank, pool)
        if state:
            return self.pick([ir.Variable(variable), _plus(variable, 1), ir.Shape(rank)])
        if self.features.gathers and self.chance(12):
            return self._gather(rank, variable, pool)
        return ir.Number(0) if self.chance(4) else ir.Variable(variable)

    def _variable(self, rank: str, pool: list[str]) -> str:
        known = [v for v in pool if v in self.variables_for(rank)]
        if known and not self.chance(15):
            return self.pick(known)
        variable = self.pick(self.variables_for(rank))
        if len(pool) >= 4 and known:
            return self.pick(known)
        if variable not in pool:
            pool.append(variable)
        return variable

    def _gather(self, rank: str, variable: str, pool: list[str]) -> ir.Expr:
        shape, here = ir.Shape(rank), ir.Variable(variable)
        options: list[ir.Expr] = [
            ir.Binary("%", _plus(variable, 1), shape),
            ir.Binary("-", ir.Binary("-", shape, ir.Number(1)), here),
            ir.Binary("//", here, ir.Number(2)),
        ]
        choices = [tensor for tensor in self.tensors if tensor.picks == rank]
        options += [self.read(_Tensor(tensor.name, tensor.ranks), pool) for tensor in choices]
        return self.pick(options)

    # ------------------------------------------------------------------------------------------- expressions

    def expression(self, readable: list[_Tensor], pool: list[str], depth: int) -> ir.Expr:
        if depth == 0 or self.chance(30):
            return self._leaf(readable, pool)
        left = self.expression(readable, pool, depth - 1)
        if self.features.functions and self.chance(30):
            return self._call(left, readable, pool, depth)
        right = self.expression(readable, pool, depth - 1)
        operator = self.pick(["*", "*", "*", "+", "-", "max", "min"])
        if operator in ("max", "min"):
            return ir.Call(operator, (left, right))
        return ir.Binary(operator, left, right)

    def _call(self, left: ir.Expr, readable: list[_Tensor], pool: list[str], depth: int) -> ir.Expr:
        kind = self.pick(["exp", "tanh", "-", "div0", "where", "expsub", "sigmoid"])
        if kind == "-":
            return ir.Unary("-", left)
        if kind in ("exp", "tanh", "sigmoid"):
            return ir.Call(kind, (left,))
        right = self.expression(readable, pool, depth - 1)
        return ir.Call(kind, (self.condition(pool), left, right) if kind == "where" else (left, right))

    def _leaf(self, readable: list[_Tensor], pool: list[str]) -> ir.Expr:
        if readable and not self.chance(12):
            return self.read(self.pick(readable), pool)
        options: list[ir.Expr] = [ir.Number(1), ir.Number(0.5), *(ir.Shape(r) for r in list(self.sizes)[:1])]
        options += [ir.ParameterUse(p.name) for p in self.parameters]
        if pool and self.features.functions:
            options.append(ir.Variable(self.pick(pool)))
        return self.pick(options)

    def condition(self, pool: list[str]) -> ir.Expr:
        """A comparison of coordinates."""
        if not pool:
            return ir.Binary("<", ir.Number(0), ir.Number(1))
        left = self.pick(pool)
        right: ir.Expr = ir.Variable(self.pick(pool)) if len(pool) > 1 else ir.Number(self.pick((0, 1, 2)))
        simple = ir.Binary(self.pick(["<=", "<", ">=", "!="]), ir.Variable(left), right)
        return ir.Unary("not", simple) if self.chance(10) else simple

    # -------------------------------------------------------------------------------------------- statements

    def statement(self, readable: list[_Tensor]) -> ir.Einsum:
        """One flat statement that writes a new tensor; the tensor can be read from then on."""
        if "J" in self.sizes and self.chance(30):
            selection = self._selection(readable)
            if selection is not None:
                return selection
        pool: list[str] = []
        right = self.expression(readable, pool, self.pick((1, 2, 2, 3)))
        used = sorted({n.name for n in ir.walk(right) if isinstance(n, ir.Variable)})
        left = [v for v in self.draw(st.permutations(used)) if self.chance(60)]
        if self.chance(5):
            left += [v for v in self.variables_for(self.pick(list(self.sizes))) if v not in used and v not in left][:1]
        reduced = [v for v in used if v not in left]
        reductions = self._reductions(reduced)
        if self.features.filters and self.chance(30):
            right = self._filtered(right, reduced, used, reductions)
        name = self.name()
        self.tensors.append(_Tensor(name, tuple(map(self.canonical, left))))
        return ir.Einsum(name, tuple(map(ir.Variable, left)), right, reductions)

    def odd_statements(self) -> list[ir.Einsum]:
        """Sometimes a tensor written in two halves, backwards, or on its diagonal; never an output."""
        if not self.features.odd_writes or not self.chance(15):
            return []
        einsum = self._plain_statement()
        left = [index for index in einsum.left if isinstance(index, ir.Variable)]
        ranks = tuple(self.canonical(index.name) for index in left)
        kind = self.pick(["halves", "backwards", "diagonal"])
        if kind == "halves" or not left:
            other = ir.Unary("-", deepcopy(einsum.right))  # tests tell expressions by identity
            halves = ((ir.Number(0), einsum.right), (ir.Number(1), other))
            self.tensors.append(_Tensor(einsum.tensor, (HALVES, *ranks)))
            return [ir.Einsum(einsum.tensor, (at, *left), right, einsum.reductions) for at, right in halves]
        if kind == "backwards":
            last = ir.Binary("-", ir.Binary("-", ir.Shape(ranks[0]), ir.Number(1)), left[0])
            self.tensors.append(_Tensor(einsum.tensor, ranks))
            return [ir.Einsum(einsum.tensor, (last, *left[1:]), einsum.right, einsum.reductions)]
        # Only the diagonal is written, so only the diagonal is read: as a tensor of rank 1 that says its index twice.
        self.tensors.append(_Tensor(einsum.tensor, ranks, diagonal=True))
        return [ir.Einsum(einsum.tensor, (left[0], *left), einsum.right, einsum.reductions)]

    def _plain_statement(self) -> ir.Einsum:
        pool: list[str] = []
        right = self.expression(self.tensors, pool, self.pick((0, 1)))
        used = sorted({n.name for n in ir.walk(right) if isinstance(n, ir.Variable)})
        left = [v for v in used if self.chance(60)]
        return ir.Einsum(self.name(), tuple(map(ir.Variable, left)), right, self._reductions(sorted({*used} - {*left})))

    def _reductions(self, reduced: list[str]) -> tuple[ir.Reduction, ...]:
        if not reduced or self.chance(55):
            return ()
        order = self.draw(st.permutations(reduced))
        cut = self.draw(st.integers(1, len(order)))
        operators = ["max", "min", "+", "*"] if self.features.functions else ["max", "+"]
        found = [ir.Reduction(self.pick(operators), tuple(order[:cut]))]
        if cut < len(order) and self.chance(50):
            found.append(ir.Reduction(self.pick(operators), tuple(order[cut:])))
        return tuple(found)

    def _filtered(
        self, right: ir.Expr, reduced: list[str], used: list[str], reductions: tuple[ir.Reduction, ...]
    ) -> ir.Expr:
        """The same expression with a filter on its first access that a reduced variable indexes."""
        named = {v for r in reductions for v in r.variables}
        operators = {r.operator for r in reductions} | ({"+"} if set(reduced) - named else set())
        if len(operators) != 1:
            return right
        subject = self.pick(reduced)
        other: ir.Expr = ir.Variable(self.pick(used)) if len(used) > 1 else ir.Number(1)
        test = ir.Binary(self.pick(["<=", "<", ">=", "!="]), ir.Variable(subject), other)
        return _with_filter(right, subject, test)

    def _selection(self, readable: list[_Tensor]) -> ir.Einsum | None:
        whole = [t for t in readable if HALVES not in t.ranks and not t.diagonal]
        fitting = [t for t in whole if any(self.sizes[r] >= self.sizes["J"] and r != "J" for r in t.ranks)]
        fitting = [t for t in fitting if len(set(t.ranks)) == len(t.ranks) and t.state is None and "J" not in t.ranks]
        if not fitting:
            return None
        tensor = self.pick(fitting)
        rank = self.pick([r for r in tensor.ranks if self.sizes[r] >= self.sizes["J"]])
        variables = [variable_of(r) for r in tensor.ranks]
        left = [variable_of("J") if r == rank else variable_of(r) for r in tensor.ranks]
        operator = self.pick(["topk", "argtopk"])
        name = self.name()
        picks = rank if operator == "argtopk" else None
        self.tensors.append(_Tensor(name, tuple("J" if r == rank else r for r in tensor.ranks), picks=picks))
        right = ir.Access(tensor.name, tuple(ir.Index(ir.Variable(v)) for v in variables))
        return ir.Einsum(
            name, tuple(map(ir.Variable, left)), right, (ir.Reduction(operator, (variable_of(rank), "j")),)
        )

    def splits(self) -> list[ir.Einsum]:
        """`BK[e, m1, m0] = K[e, m1*M0+m0]` for some inputs that have a partitioned rank."""
        found = []
        for tensor in self.inputs:
            wholes = [r for r in tensor.ranks if r in self.factors]
            if len(wholes) != 1 or not self.chance(80):
                continue
            factors = self.factors[wholes[0]]
            flat: ir.Expr = ir.Variable(variable_of(factors[0]))
            for factor in factors[1:]:
                flat = ir.Binary("+", ir.Binary("*", flat, ir.Shape(factor)), ir.Variable(variable_of(factor)))
            ranks = [f for r in tensor.ranks for f in (factors if r == wholes[0] else (r,))]
            read = [ir.Index(flat if r == wholes[0] else ir.Variable(variable_of(r))) for r in tensor.ranks]
            name = f"B{tensor.name}"
            self.tensors.append(_Tensor(name, tuple(ranks)))
            left = tuple(ir.Variable(variable_of(r)) for r in ranks)
            found.append(ir.Einsum(name, left, ir.Access(tensor.name, tuple(read))))
        return found

    # ---------------------------------------------------------------------------------------------- sections

    def iteration(self) -> tuple[list[ir.Einsum], ir.Section]:
        """The `init` statements of an iteration and the iteration: states, and tensors written step by step."""
        variable = self.pick([v for rank in self.sizes if rank != "J" for v in [variable_of(rank)]])
        rank, up = self.canonical(variable), self.chance(70)
        step: ir.Expr = ir.Variable(variable)
        old, new = (step, _plus(variable, 1)) if up else (_plus(variable, 1), step)
        init: list[ir.Einsum] = []
        states: list[_Tensor] = []
        others = [v for v in self._free_variables() if v != variable and self.canonical(v) != rank]
        for _ in range(self.pick((1, 1, 2))):
            left = [v for v in self.draw(st.permutations(others))[:1] if self.chance(50)]
            state = _Tensor(self.name(), (rank, *map(self.canonical, left)), state=0)
            first: ir.Expr = ir.Number(0) if up else ir.Shape(rank)
            init.append(ir.Einsum(state.name, (first, *map(ir.Variable, left)), self._start()))
            states.append(state)
        statements = []
        ready: dict[str, ir.Expr] = {s.name: old for s in states}  # the coordinate at which a step may be read
        local: list[_Tensor] = []
        order: list[_Tensor | None] = [*states, *([None] * self.pick((0, 1, 1, 2)))]
        for target in self.draw(st.permutations(order)):
            pool = [variable]
            right = self._step_expression([*states, *local], ready, pool)
            if target is None:
                used = [v for v in pool if v != variable]
                left = [variable, *(v for v in used if self.chance(50))]
                target = _Tensor(self.name(), tuple(map(self.canonical, left)))
                statements.append(ir.Einsum(target.name, tuple(map(ir.Variable, left)), right))
                local.append(target)
                ready[target.name] = step
            else:
                kept = [variable_of(r) for r in target.ranks[1:]]
                statements.append(ir.Einsum(target.name, (new, *map(ir.Variable, kept)), right))
                ready[target.name] = self.pick([old, new])
        self.tensors += [*states, *local]
        until = None if not up else self.pick([rank_of(variable), rank])
        return init, ir.Section("iterate", tuple(statements), variable, until)

    def _free_variables(self) -> list[str]:
        return [variable_of(rank) for rank in self.sizes if rank != "J" and rank not in self.aliases]

    def _start(self) -> ir.Expr:
        options: list[ir.Expr] = [ir.Number(0), ir.Number(1), ir.Unary("-", ir.Constant("inf"))]
        return self.pick(options)

    def _step_expression(self, built: list[_Tensor], ready: dict[str, ir.Expr], pool: list[str]) -> ir.Expr:
        """Something of the states and step tensors that may be read now, and of whole tensors."""
        terms: list[ir.Expr] = [
            self.read(tensor, pool, {0: ready[tensor.name]})
            for tensor in built
            if tensor.name in ready and self.chance(50)
        ]
        terms.append(self.expression(self.tensors, pool, self.pick((0, 1))))
        right = terms[0]
        for term in terms[1:]:
            operator = self.pick(["+", "*", "max"])
            right = ir.Call("max", (right, term)) if operator == "max" else ir.Binary(operator, right, term)
        return right

    # ----------------------------------------------------------------------------------------------- cascade

    def sections(self) -> tuple[ir.Section, ...]:
        flat = [*self.splits(), *(self.statement(self.tensors) for _ in range(self.pick((0, 1, 2))))]
        flat += self.odd_statements()
        if not self.features.iterations or self.chance(50):
            flat += [self.statement(self.tensors) for _ in range(self.pick(range(1, self.features.most_statements)))]
            return (ir.Section("flat", tuple(flat)),)
        found: list[ir.Section] = []
        init = list(flat)
        for _ in range(self.pick((1, 1, 2))):
            starts, section = self.iteration()
            init += starts
            found.append(section)
        last = [self.statement(self.tensors) for _ in range(self.pick((1, 1, 2, 3)))]
        return (ir.Section("init", tuple(init)), *found, ir.Section("then", tuple(last)))

    def cascade(self) -> ir.Cascade:
        self.header()
        sections = self.sections()
        derived = {*self.aliases, *(factors[0] for factors in self.factors.values())}
        carried = {rank for tensor in self.inputs for rank in tensor.ranks}
        for whole, factors in self.factors.items():
            if whole not in carried and set(factors) <= carried:
                derived = (derived - {factors[0]}) | {whole}
        last = sections[-1].einsums
        plain = [e for e in last[:-1] if len({v for v in e.left if isinstance(v, ir.Variable)}) == len(e.left)]
        outputs = [last[-1], *(e for e in plain if self.chance(30))]
        return ir.Cascade(
            name="random",
            inputs=tuple(ir.Declaration(t.name, tuple(map(variable_of, t.ranks))) for t in self.inputs),
            outputs=tuple(
                ir.Declaration(e.tensor, tuple(v.name for v in e.left if isinstance(v, ir.Variable))) for e in outputs
            ),
            sections=sections,
            partitions=tuple(ir.Partition(whole, factors) for whole, factors in self.factors.items()),
            aliases=tuple(ir.Alias(name, target) for name, target in self.aliases.items()),
            equalities=tuple(ir.Equality(left, right) for left, right in self.equal),
            parameters=tuple(self.parameters),
            sizes=tuple(ir.Size(rank, size) for rank, size in self.sizes.items() if rank not in derived),
        )


def _plus(variable: str, number: int) -> ir.Expr:
    return ir.Binary("+", ir.Variable(variable), ir.Number(number))


def _with_filter(expr: ir.Expr, subject: str, test: ir.Expr) -> ir.Expr:
    """`expr` with `test` on its first access (outside functions' conditions) that `subject` indexes plainly."""
    from dataclasses import replace

    done = False

    def visit(node: ir.Expr) -> ir.Expr:
        nonlocal done
        match node:
            case ir.Access(indices=indices):
                for position, index in enumerate(indices):
                    if not done and index.value == ir.Variable(subject):
                        done = True
                        new = (*indices[:position], ir.Index(index.value, test), *indices[position + 1 :])
                        return replace(node, indices=new)
                return node
            case ir.Unary():
                return replace(node, operand=visit(node.operand))
            case ir.Binary():
                left = visit(node.left)
                return replace(node, left=left, right=visit(node.right))
            case ir.Call():
                return replace(node, arguments=tuple(map(visit, node.arguments)))
            case _:
                return node

    return visit(expr)


EVERYTHING = Features()


@st.composite
def cascades(draw: st.DrawFn, features: Features = EVERYTHING) -> ir.Cascade:
    """Legal cascades that run at their default sizes (inputs that gathers use do not occur: gathers use argtopk)."""
    return _Maker(draw, features).cascade()
