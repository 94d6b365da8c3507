"""What a cascade's statements read and write, whatever the sizes: the part of the analysis done once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fusemax.analysis.windows import shortened
from fusemax.cascade.ir import Access, Binary, Cascade, Einsum, Expr, Section, Shape, Variable, children, walk
from fusemax.cascade.positions import equal_classes, position_ranks
from fusemax.cascade.ranks import canonical, factors_of, rank_of_variable


@dataclass(frozen=True, slots=True)
class Read:
    """One access on the right side. `held[p]` are the variables of position p, gathers in, filters out.

    `plain` are its indices if all of them are variables as they are, else None.
    """

    tensor: str
    access: Access
    held: tuple[frozenset[str], ...]
    plain: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Statement:
    """One Einsum with its place. `variables` are its axes: the step variable, the left ones, the reduced ones.

    It `is_plain` if it has no filter and reads every tensor at variables as they are; `plain_left` are its left
    indices if all of them are variables as they are, else None.
    """

    number: int
    tensor: str
    einsum: Einsum
    section: int
    step: str | None
    descending: bool
    variables: tuple[str, ...]
    num_left: int
    reads: tuple[Read, ...]
    filters: tuple[Expr, ...]
    is_plain: bool
    plain_left: tuple[str, ...] | None
    bare: dict[str, tuple[int, ...]]
    read_tensors: frozenset[str]

    @property
    def reduced(self) -> tuple[str, ...]:
        """The variables that are on the right and not on the left."""
        return self.variables[self.num_left :]


@dataclass(frozen=True, slots=True)
class Structure:
    """A cascade's statements with their schedule.

    `groups` are statements that need one another, in an order in which all of them can run; a group of more
    than one statement, or of one that reads its own tensor inside `iterate`, runs step by step, any other
    at once. `rank[v]` is the rank a variable walks; `positions[T]` the rank of each position of a tensor;
    `classes[R]` stands for all ranks equal to R, `factors[R]` are a partitioned rank's, outermost first, and
    `rewritten` the tensors that several statements write; `readers[T]` and `writers[T]` are the
    statements that read and write a tensor; `behind[s]` has a bit for each statement that s may depend on.
    Coordinates of `symmetric` classes can be renamed, and two coordinates of the `small` ones are enough.
    """

    cascade: Cascade
    statements: tuple[Statement, ...]
    groups: tuple[tuple[int, ...], ...]
    stepwise: tuple[bool, ...]
    rank: dict[str, str]
    positions: dict[str, tuple[str | None, ...]]
    classes: dict[str, str]
    factors: dict[str, tuple[str, ...]]
    rewritten: frozenset[str]
    readers: dict[str, tuple[int, ...]]
    writers: dict[str, tuple[int, ...]]
    behind: tuple[int, ...]
    symmetric: frozenset[str]
    small: frozenset[str]
    depends_on_data: bool

    def whole(self, rank: str) -> str | None:
        """The partitioned rank that `rank` is a factor of, or None."""
        return next((whole for whole, factors in self.factors.items() if rank in factors), None)

    def symmetric_class(self, rank: str | None) -> str | None:
        """The class (`equal` ranks are one class) of a rank whose coordinates can be permuted, else None."""
        if rank is None:
            return None
        name = self.classes.get(rank, rank)
        return name if name in self.symmetric else None


def structure(cascade: Cascade) -> Structure:
    """Everything about a legal cascade that does not depend on sizes; its long constant windows are made short."""
    cascade = shortened(cascade)
    statements: list[Statement] = []
    for section_number, section in enumerate(cascade.sections):
        for einsum in section.einsums:
            statements.append(_statement(len(statements), einsum, section_number, section))
    rank: dict[str, str] = {}
    for statement in statements:
        for variable in statement.variables:
            if variable not in rank:
                rank[variable] = rank_of_variable(cascade, variable)
    positions, classes = position_ranks(cascade), equal_classes(cascade)
    groups, stepwise = _schedule(statements)
    depends = any(_reads_data(index) for s in statements for index in _indices_and_filters(s))
    symmetric, small = frozenset[str](), frozenset[str]()
    if not depends:
        symmetric, small = _symmetric(cascade, statements, rank, positions, classes)
    factors = {
        canonical(cascade, p.rank): tuple(canonical(cascade, factor) for factor in p.factors)
        for p in cascade.partitions
    }  # fmt: skip
    written: dict[str, list[int]] = {}
    for s in statements:
        written.setdefault(s.tensor, []).append(s.number)
    writers = {tensor: tuple(numbers) for tensor, numbers in written.items()}
    rewritten = frozenset(tensor for tensor, numbers in writers.items() if len(numbers) > 1)
    return Structure(
        cascade, tuple(statements), groups, stepwise, rank, positions, classes, factors, rewritten,
        _readers(statements), writers, _behind(statements, writers), symmetric, small, depends,
    )  # fmt: skip


def _statement(number: int, einsum: Einsum, section_number: int, section: Section) -> Statement:
    step = section.variable if section.kind == "iterate" else None
    left: dict[str, None] = {} if step is None else {step: None}
    bare: dict[str, tuple[int, ...]] = {}
    for position, index in enumerate(einsum.left):
        if isinstance(index, Variable):
            left[index.name] = None
            bare[index.name] = (*bare.get(index.name, ()), position)
        else:
            left.update((node.name, None) for node in walk(index) if isinstance(node, Variable))
    right: dict[str, None] = {}
    reads: list[Read] = []
    filters: list[Expr] = []
    stack = [einsum.right]
    while stack:  # every node in text order
        node = stack.pop()
        if isinstance(node, Variable):
            right[node.name] = None
            continue
        if isinstance(node, Access):
            values = [index.value for index in node.indices]
            reads.append(Read(node.tensor, node, tuple([_held(value) for value in values]), _plain(values)))
            filters += [index.filter for index in node.indices if index.filter is not None]
        stack += children(node)[::-1]
    variables = (*left, *(v for v in right if v not in left))
    is_plain = not filters and all(read.plain is not None for read in reads)
    return Statement(
        number, einsum.tensor, einsum, section_number, step, step is not None and section.until is None, variables,
        len(left), tuple(reads), tuple(filters), is_plain, _plain(einsum.left), bare,
        frozenset([read.tensor for read in reads]),
    )  # fmt: skip


def _behind(statements: list[Statement], writers: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    found = [sum({1 << w for tensor in s.read_tensors for w in writers.get(tensor, ())}) for s in statements]
    for k in range(len(found)):
        for i in range(len(found)):
            if found[i] >> k & 1:
                found[i] |= found[k]
    return tuple(found)


def _readers(statements: list[Statement]) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for s in statements:
        for tensor in s.read_tensors:
            found.setdefault(tensor, []).append(s.number)
    return {tensor: tuple(numbers) for tensor, numbers in found.items()}


def _plain(indices: Sequence[Expr]) -> tuple[str, ...] | None:
    names = [index.name for index in indices if isinstance(index, Variable)]
    return tuple(names) if len(names) == len(indices) else None


def _held(index: Expr) -> frozenset[str]:
    if isinstance(index, Variable):
        return frozenset((index.name,))
    held: set[str] = set()
    stack: list[Expr] = [index]
    while stack:
        node = stack.pop()
        if isinstance(node, Variable):
            held.add(node.name)
        elif isinstance(node, Access):
            stack += [inner.value for inner in node.indices]  # filters do not count
        else:
            stack += children(node)
    return frozenset(held)


def _indices_and_filters(statement: Statement) -> list[Expr]:
    indices = [index.value for read in statement.reads for index in read.access.indices]
    return [index for index in indices if not isinstance(index, Variable)] + list(statement.filters)


def _reads_data(index: Expr) -> bool:
    return any(isinstance(node, Access) for node in walk(index))


# --------------------------------------------------------------------------------------------------- schedule


def _schedule(statements: list[Statement]) -> tuple[tuple[tuple[int, ...], ...], tuple[bool, ...]]:
    """Strongly connected statements of each section, a section's groups after those they need."""
    groups: list[tuple[int, ...]] = []
    stepwise: list[bool] = []
    for section in range(statements[-1].section + 1 if statements else 0):
        members = [s for s in statements if s.section == section]
        if members and members[0].step is not None:
            for group in _components(members):
                groups.append(group)
                stepwise.append(len(group) > 1 or _is_recurrent(statements[group[0]]))
        else:
            groups += [(s.number,) for s in members]
            stepwise += [False] * len(members)
    return tuple(groups), tuple(stepwise)


def _is_recurrent(statement: Statement) -> bool:
    return statement.tensor in statement.read_tensors


def _components(members: list[Statement]) -> list[tuple[int, ...]]:
    """Groups of statements that read one another's tensors, in an order that serves every read."""
    first = members[0].number
    writers: dict[str, int] = {}
    for s in members:
        writers[s.tensor] = writers.get(s.tensor, 0) | 1 << (s.number - first)
    needs = [0] * len(members)
    for i, s in enumerate(members):
        for tensor in s.read_tensors:
            needs[i] |= writers.get(tensor, 0)
    for k in range(len(members)):  # transitive closure, one bit per statement
        bit = 1 << k
        for i in range(len(members)):
            if needs[i] & bit:
                needs[i] |= needs[k]
    order: list[tuple[int, ...]] = []
    done = 0
    while len([m for group in order for m in group]) < len(members):
        for i in range(len(members)):
            if done >> i & 1:
                continue
            same = [j for j in range(len(members)) if j == i or (needs[i] >> j & 1 and needs[j] >> i & 1)]
            mask = sum(1 << j for j in same)
            if needs[i] & ~mask & ~done == 0:
                order.append(tuple(first + j for j in same))
                done |= mask
    return order


# --------------------------------------------------------------------------------------------------- symmetry


def _symmetric(
    cascade: Cascade,
    statements: list[Statement],
    rank: dict[str, str],
    positions: dict[str, tuple[str | None, ...]],
    classes: dict[str, str],
) -> tuple[frozenset[str], frozenset[str]]:
    """Classes of ranks whose coordinates only ever index positions of their own class, as they are.

    Renaming the coordinates of such a class renames cells and reads alike, so all fibers that differ only
    there have the same counts and one of them is enough. A split such as `m1*M0+m0` of a partitioned M is in
    order for M1 and M0: renaming m0 renames m in every tile alike.

    Second: those of which no statement has two variables. There a cell can only have seen nothing, its own
    coordinate or all of them, so that two coordinates show everything that more would.
    """

    def class_of(name: str | None) -> str:
        return "" if name is None else classes.get(name, name)

    class_of_variable = {v: class_of(r) for v, r in rank.items()}
    broken, split = {""}, set[str]()
    for s in statements:
        if s.step is not None:
            broken.add(class_of_variable[s.step])
        for condition in s.filters:
            broken |= {class_of_variable[n.name] for n in walk(condition) if isinstance(n, Variable)}
        accesses = [(s.tensor, s.einsum.left)]
        accesses += [(read.tensor, tuple(i.value for i in read.access.indices)) for read in s.reads]
        for tensor, indices in accesses:
            for position, index in zip(positions[tensor], indices, strict=True):
                if isinstance(index, Variable) and class_of_variable[index.name] == class_of(position):
                    continue
                if position is not None and _is_split(cascade, position, index, rank):
                    split.add(class_of(position))
                    continue
                broken.add(class_of(position))
                broken |= {class_of_variable[n.name] for n in walk(index) if isinstance(n, Variable)}
    factors: set[str] = set()
    wholes = [class_of(canonical(cascade, p.rank)) for p in cascade.partitions]
    for partition, whole in zip(cascade.partitions, wholes, strict=True):
        inner = {class_of(canonical(cascade, f)) for f in partition.factors}
        factors |= {whole, *inner}
        if whole in broken or wholes.count(whole) > 1 or len(inner) < len(partition.factors):
            broken |= inner
    known = {*class_of_variable.values(), *(class_of(r) for ranks in positions.values() for r in ranks)}
    symmetric = frozenset(known - broken - split)
    twice = {c for s in statements for c in _repeated([class_of_variable[v] for v in s.variables])}
    return symmetric, symmetric - twice - factors


def _is_split(cascade: Cascade, whole: str, index: Expr, rank: dict[str, str]) -> bool:
    """Whether an index is `m1*M0+m0`, or `(m2*M1+m1)*M0+m0`, for a partitioned rank."""
    factors = [canonical(cascade, factor) for factor in factors_of(cascade, whole)]
    while len(factors) > 1:
        match index:
            case Binary("+", Binary("*", outer, Shape(size)), Variable(inner)):
                if canonical(cascade, size) != factors[-1] or rank[inner] != factors[-1]:
                    return False
                factors.pop()
                index = outer
            case _:
                return False
    return bool(factors) and isinstance(index, Variable) and rank[index.name] == factors[0]


def _repeated(names: list[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}
