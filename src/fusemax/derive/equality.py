"""Are two cascades the same function? A proof, inputs on which they differ, or how many samples showed nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from fusemax.base.errors import FusemaxError, UsageError
from fusemax.base.result import Result
from fusemax.cascade.ir import Cascade
from fusemax.cascade.ranks import canonical, rank_of
from fusemax.cascade.sizes import resolve_sizes
from fusemax.derive.algebra import TooLarge
from fusemax.derive.canonical import same_form
from fusemax.derive.check import Difference, Reference
from fusemax.derive.definition import definitions, flattened
from fusemax.derive.laws import Aim
from fusemax.derive.roles import Unsupported
from fusemax.derive.samples import Sample, samples_for, sizes_for
from fusemax.derive.search import Search

_FORMS = 30


@dataclass(frozen=True)
class Equality(Result):
    """`verdict` is `proof`, `counterexample` or `no difference`."""

    command: ClassVar[str] = "equal"
    first: str
    second: str
    verdict: str
    proof: tuple[str, ...] = ()
    difference: Difference | None = None
    samples: int = 0

    @property
    def sample(self) -> Sample | None:
        """The inputs on which the two differ."""
        return self.difference.sample if self.difference else None

    def rows(self) -> list[dict[str, object]]:
        """The steps of the proof, or the difference."""
        if self.difference is not None:
            d = self.difference
            row = {"output": d.output, "cell": list(d.cell), self.first: d.expected, self.second: d.found}
            return [row]
        return [{"step": number, "proof": step} for number, step in enumerate(self.proof, 1)]

    def document(self) -> Mapping[str, object]:
        """The JSON of `fusemax equal`, without its schema."""
        d = self.difference
        return {
            "first": self.first,
            "second": self.second,
            "verdict": self.verdict,
            "equal": None if self.verdict == "no difference" else self.verdict == "proof",
            "proof": list(self.proof),
            "samples": self.samples,
            "counterexample": None
            if d is None
            else {
                "output": d.output,
                "cell": d.cell,
                "first": d.expected,
                "second": d.found,
                "inputs": {name: array.tolist() for name, array in d.sample.inputs.items()},
            },
        }

    def headline(self) -> str:
        """The answer."""
        match self.verdict:
            case "proof":
                return f"{self.first} and {self.second} are the same function"
            case "counterexample":
                return f"{self.first} and {self.second} differ: {self.difference}"
            case _:
                return f"no difference between {self.first} and {self.second} found in {self.samples} samples"


def equal(first: Cascade, second: Cascade) -> Equality:
    """Compare two cascades with the same inputs and outputs.

    The proof is one of: the same text up to names and order; the same definition of every output once running and
    tiled forms are undone; a derivation from one that reaches the other. All hold in exact arithmetic, where what is
    divided by is not 0. Raises UsageError when inputs or outputs differ.
    """
    _comparable(first, second)
    names = first.name, second.name
    if same_form(first, second):
        return Equality(*names, "proof", ("they differ in names, order of statements and order of indices only",))
    proof = _by_definition(first, second)
    difference, samples = _difference(first, second)
    if difference is not None and not proof:
        return Equality(*names, "counterexample", difference=difference, samples=samples)
    proof = proof or _by_derivation(first, second)
    if proof:
        return Equality(*names, "proof", tuple(proof), samples=samples)
    return Equality(*names, "no difference", samples=samples)


def _comparable(first: Cascade, second: Cascade) -> None:
    for what, one, other in (("input", first.inputs, second.inputs), ("output", first.outputs, second.outputs)):
        shapes = [{d.tensor: tuple(map(rank_of, d.variables)) for d in declared} for declared in (one, other)]
        for tensor in sorted(shapes[0].keys() | shapes[1].keys()):
            if tensor not in shapes[0] or tensor not in shapes[1]:
                owner, lacks = (first, second) if tensor in shapes[0] else (second, first)
                raise UsageError(f"{owner.name} has the {what} {tensor!r}, {lacks.name} has not")
            ranks = [
                [canonical(c, r) for r in shape[tensor]] for c, shape in zip((first, second), shapes, strict=True)
            ]
            if ranks[0] != ranks[1]:
                words = [f"[{', '.join(r)}]" for r in ranks]
                raise UsageError(
                    f"{what} {tensor!r} has the ranks {words[0]} in {first.name} and {words[1]} in {second.name}"
                )


def _by_definition(first: Cascade, second: Cascade) -> list[str]:
    try:
        (one, chain), (other, other_chain) = flattened(first), flattened(second)
        if definitions(one) != definitions(other):
            return []
    except (Unsupported, TooLarge, ValueError):
        return []
    found = [f"{first.name}: {use.law} {', '.join(use.einsums)}" for use in chain]
    found += [f"{second.name}: {use.law} {', '.join(use.einsums)}" for use in other_chain]
    outputs = ", ".join(d.tensor for d in first.outputs)
    return [*found, f"put every tensor in and multiply out: {outputs} have one and the same definition"]


def _by_derivation(first: Cascade, second: Cascade) -> list[str]:
    for source, target in ((first, second), (second, first)):
        for rank in _ranks(source):
            for form in Search(source, rank, Aim(), _FORMS, True).run():
                if form.chain and same_form(form.cascade, target):
                    return [f"{source.name}: {s.law} {', '.join(s.einsums)}" for s in form.chain] + [
                        f"that is {target.name} up to names and order"
                    ]
    return []


def _ranks(cascade: Cascade) -> Sequence[str]:
    names = [canonical(cascade, rank_of(v)) for d in cascade.inputs for v in d.variables]
    return list(dict.fromkeys(names))


def _difference(first: Cascade, second: Cascade) -> tuple[Difference | None, int]:
    sizes = _common_sizes(first, second)
    total = 0
    for rank in _ranks(first) or [""]:
        reference = Reference(first, samples_for(first, rank, sizes=sizes))
        check = reference.check(second)
        total += check.samples
        if check.difference is not None:
            return check.difference, total
    return None, total


def _common_sizes(first: Cascade, second: Cascade) -> dict[str, int]:
    """Sizes that both accept: those of one of the two. Raises UsageError when neither's will do."""
    for own, other in ((first, second), (second, first)):
        sizes = sizes_for(own)
        shapes = {d.tensor: [sizes[canonical(own, rank_of(v))] for v in d.variables] for d in own.inputs}
        try:
            resolve_sizes(other, shapes)
        except FusemaxError:
            continue
        return {**sizes_for(other), **sizes}
    raise UsageError(f"{first.name} and {second.name} have no sizes in common; give both the same 'sizes'")
