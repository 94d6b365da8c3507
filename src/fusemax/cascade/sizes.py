"""The size (shape) of every rank: from input arrays, from `--size`, from `sizes`, and derived from those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from fusemax.base.errors import SourceError, UnknownName, UsageError
from fusemax.cascade.ir import NOWHERE, Cascade, Partition, Reduction, Span
from fusemax.cascade.located import at, raise_located
from fusemax.cascade.positions import equal_classes
from fusemax.cascade.ranks import canonical, declared_ranks, rank_of, rank_of_variable

Shapes = Mapping[str, Sequence[int]]


def derived_ranks(cascade: Cascade) -> dict[str, str]:
    """Every derived rank with what it is, in words. Derived ranks have no entry in `sizes`.

    They are the aliases and, of a partition, the outermost factor or, when the inputs carry all factors and
    not the whole, the whole.
    """
    found = {alias.name: f"another name of {alias.target}" for alias in cascade.aliases}
    for partition in cascade.partitions:
        rank = derived_of(cascade, partition)
        if rank == partition.rank:
            words = f"the product of {' and '.join(partition.factors)}"
        else:
            words = f"{partition.rank} divided by {' and '.join(partition.factors[1:])}"
        found.setdefault(rank, words)
    return found


def derived_of(cascade: Cascade, partition: Partition) -> str:
    """The rank of a partition whose size follows from the others': the outermost factor or the whole."""
    carried = {rank_of_variable(cascade, v) for declaration in cascade.inputs for v in declaration.variables}
    whole = canonical(cascade, partition.rank)
    if whole not in carried and all(canonical(cascade, factor) in carried for factor in partition.factors):
        return partition.rank
    return partition.factors[0]


def resolve_sizes(
    cascade: Cascade, input_shapes: Shapes | None = None, given: Mapping[str, int] | None = None
) -> dict[str, int]:
    """The size of every rank, aliases, factors and wholes included.

    `input_shapes` are the shapes of the input arrays by name; None means that there are none and only `given`
    (as from `--size`) and `sizes` count. Raises `SourceError` or `SourceErrors` at the place to blame and
    `UsageError` for a bad entry of `given`; a rank without a size is an error at its declaration.
    """
    sizes, missing = known_sizes(cascade, input_shapes, given)
    if missing:
        places = rank_places(cascade)
        hint = "rank {0} has no size: add 'sizes {0} = N' or --size {0}=N"
        raise_located(at(cascade, places.get(rank, NOWHERE), hint.format(rank)) for rank in missing)
    return sizes


def known_sizes(
    cascade: Cascade, input_shapes: Shapes | None = None, given: Mapping[str, int] | None = None
) -> tuple[dict[str, int], tuple[str, ...]]:
    """The sizes that can be known, and the ranks that have none (no alias, and no rank derived from another
    of them). Raises as `resolve_sizes` does, but not for ranks without a size."""
    search = _Search(cascade)
    if input_shapes is not None:
        search.read_inputs(input_shapes)
    search.read_given(given or {})
    search.read_defaults()
    search.derive()
    search.check()
    raise_located(search.errors)
    sizes = {
        rank: search.sizes[name]
        for rank in declared_ranks(cascade)
        if (name := canonical(cascade, rank)) in search.sizes
    }
    return sizes, search.missing(sizes)


def default_size_errors(cascade: Cascade) -> list[SourceError]:
    """What is wrong with the default sizes: do not divide, differ though `equal`, too few for topk."""
    search = _Search(cascade)
    search.read_defaults()
    search.derive()
    search.check()
    return search.errors


def rank_places(cascade: Cascade) -> dict[str, Span]:
    """Where each rank is first named in the header: an input's variable, a partition, an alias or `sizes`."""
    places: dict[str, Span] = {}
    for declaration in cascade.inputs:
        for variable, span in zip(declaration.variables, declaration.variable_spans, strict=False):
            places.setdefault(rank_of(variable), span)
    for partition in cascade.partitions:
        names = zip((partition.rank, *partition.factors), (partition.span, *partition.factor_spans), strict=False)
        for rank, span in names:
            places.setdefault(rank, span)
    for alias in cascade.aliases:
        places.setdefault(alias.name, alias.span)
    for size in cascade.sizes:
        places.setdefault(size.rank, size.span)
    return places


@dataclass
class _Search:
    """Sizes found so far, by canonical rank, with the words that say where each came from."""

    cascade: Cascade
    sizes: dict[str, int] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    errors: list[SourceError] = field(default_factory=list)

    def _set(self, rank: str, size: int, origin: str) -> None:
        if rank not in self.sizes:
            self.sizes[rank], self.origin[rank] = size, origin

    def read_inputs(self, shapes: Shapes) -> None:
        """Sizes of the input arrays; every declared input must be there, with its number of ranks."""
        for declaration in self.cascade.inputs:
            name, wanted = declaration.tensor, len(declaration.variables)
            if name not in shapes:
                self.errors.append(at(self.cascade, declaration.span, f"no array for input '{name}'", name, shapes))
                continue
            shape = tuple(shapes[name])
            if len(shape) != wanted:
                ranks = f"{wanted} rank{'' if wanted == 1 else 's'}"
                message = f"input '{name}' has {ranks}, its array has {len(shape)}"
                self.errors.append(at(self.cascade, declaration.span, message))
                continue
            for variable, size in zip(declaration.variables, shape, strict=True):
                self._read_extent(declaration.span, name, rank_of_variable(self.cascade, variable), int(size))

    def _read_extent(self, span: Span, name: str, rank: str, size: int) -> None:
        if size < 1:
            message = f"input '{name}' has size {size} along {rank}, expected at least 1"
            self.errors.append(at(self.cascade, span, message))
        elif self.sizes.setdefault(rank, size) != size:
            known = f"{rank} is {self.sizes[rank]} {self.origin[rank]}"
            message = f"input '{name}' has size {size} along {rank}, but {known}"
            self.errors.append(at(self.cascade, span, message))
        self.origin.setdefault(rank, f"in input '{name}'")

    def read_given(self, given: Mapping[str, int]) -> None:
        """Sizes from the command line or a caller; they must not contradict an input."""
        ranks, derived = declared_ranks(self.cascade), derived_ranks(self.cascade)
        for rank, size in given.items():
            if rank not in ranks:
                raise UnknownName("rank", rank, [r for r in ranks if r not in derived])
            if rank in derived:
                raise UsageError(f"size {rank}={size}: {rank} is {derived[rank]}, its size follows")
            if size < 1:
                raise UsageError(f"size {rank}={size}: expected at least 1")
            if self.sizes.get(rank, size) != size:
                raise UsageError(f"size {rank}={size}: {rank} is {self.sizes[rank]} {self.origin[rank]}")
            self._set(rank, size, "by --size")

    def read_defaults(self) -> None:
        """The `sizes` of the header, where nothing else fixed the rank."""
        derived = derived_ranks(self.cascade)
        for size in self.cascade.sizes:
            if size.rank not in derived and size.value >= 1:  # otherwise an error of its own
                self._set(size.rank, size.value, "in 'sizes'")

    def derive(self) -> None:
        """`equal` partners first, then the derived rank of each partition, until nothing new is found."""
        before = -1
        while before != len(self.sizes):
            before = len(self.sizes)
            classes = equal_classes(self.cascade)
            for rank in list(self.sizes):
                for partner in [p for p in classes if classes[p] == classes.get(rank)]:
                    self._set(partner, self.sizes[rank], f"as equal to {rank}")
            for partition in self.cascade.partitions:
                self._derive_from(partition)

    def _derive_from(self, partition: Partition) -> None:
        whole, outer, *inner = (canonical(self.cascade, rank) for rank in (partition.rank, *partition.factors))
        if any(factor not in self.sizes for factor in inner):
            return
        tile = prod(self.sizes[factor] for factor in inner)
        if canonical(self.cascade, derived_of(self.cascade, partition)) == whole:
            if outer in self.sizes:
                self._set(whole, self.sizes[outer] * tile, "as a product")
        elif whole in self.sizes and self.sizes[whole] % tile == 0:
            self._set(outer, self.sizes[whole] // tile, "as a quotient")

    def check(self) -> None:
        """Partitions come out exact, `equal` ranks agree, and topk keeps no more than there is."""
        for partition in self.cascade.partitions:
            names = (partition.rank, *partition.factors)
            whole, outer, *inner = (self.sizes.get(canonical(self.cascade, name)) for name in names)
            if whole is None or None in inner:
                continue
            tile = prod(size for size in inner if size is not None)
            if outer is None or outer * tile != whole:
                self.errors.append(at(self.cascade, partition.span, self._indivisible(partition)))
        for einsum in self.cascade.einsums:
            for reduction in einsum.reductions:
                if reduction.operator in ("topk", "argtopk"):
                    self._check_selection(reduction)
        for equality in self.cascade.equalities:
            left, right = (self.sizes.get(canonical(self.cascade, r)) for r in (equality.left, equality.right))
            if left is not None and right is not None and left != right:
                message = f"{equality.left} is {left} and {equality.right} is {right}, expected equal sizes"
                self.errors.append(at(self.cascade, equality.span, message))

    def _check_selection(self, reduction: Reduction) -> None:
        most, kept = (self.sizes.get(rank_of_variable(self.cascade, v)) for v in reduction.variables)
        if most is not None and kept is not None and kept > most:
            rank, source = (rank_of_variable(self.cascade, v) for v in reversed(reduction.variables))
            message = f"{reduction.operator} keeps {rank} = {kept} values, but {source} has {most}"
            self.errors.append(at(self.cascade, reduction.span, message))

    def _indivisible(self, partition: Partition) -> str:
        whole, outer, *inner = (canonical(self.cascade, rank) for rank in (partition.rank, *partition.factors))
        parts = list(zip(partition.factors, (outer, *inner), strict=True))
        if outer not in self.sizes:
            parts = parts[1:]
        text = " * ".join(f"{name} = {self.sizes[rank]}" for name, rank in parts)
        if outer in self.sizes:
            return f"{partition.rank} = {self.sizes[whole]} is not the product of {text}"
        return f"{partition.rank} = {self.sizes[whole]} is not divisible by {text}"

    def missing(self, sizes: Mapping[str, int]) -> tuple[str, ...]:
        """Ranks to give a size to, in declaration order."""
        derived = {canonical(self.cascade, rank) for rank in derived_ranks(self.cascade)}
        names = dict.fromkeys(canonical(self.cascade, rank) for rank in declared_ranks(self.cascade))
        unknown = [rank for rank in names if rank not in sizes]
        return tuple(rank for rank in unknown if rank not in derived) or tuple(unknown)
