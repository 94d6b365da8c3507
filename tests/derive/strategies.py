"""Random multi-pass statistics: reductions over m whose bodies use earlier ones, as texts and papers write them."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st


@dataclass
class _Writer:
    draw: st.DrawFn
    wide: bool  # a second rank p on some tensors
    lines: list[str] = field(default_factory=list)
    elements: list[str] = field(default_factory=list)
    means: list[str] = field(default_factory=list)
    extremes: list[tuple[str, str]] = field(default_factory=list)  # (reference, the element it is the maximum of)
    positive: list[str] = field(default_factory=list)
    count: int = 0

    def name(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def pick(self, options: list[str]) -> str:
        return self.draw(st.sampled_from(options))


def _factor(w: _Writer) -> str:
    """One factor of a body: an element, a difference, an exponential, a quotient, a mask."""
    kinds = ["element"]
    kinds += ["difference", "difference"] if w.means else []
    kinds += ["exponential", "exponential"] if w.extremes else []
    kinds += ["quotient"] if w.positive else []
    kind = w.pick(kinds)
    x = w.pick(w.elements)
    match kind:
        case "difference":
            return f"({x} - {w.pick(w.means)})"
        case "exponential":
            reference, element = w.draw(st.sampled_from(w.extremes))
            return f"exp({element} - {reference})"
        case "quotient":
            return f"{x} / {w.pick(w.positive)}"
        case _:
            return w.pick([x, f"abs({x})", f"tanh({x})", "where(m > 1, 1, 0)"])


def _body(w: _Writer) -> str:
    factors = [_factor(w) for _ in range(w.draw(st.integers(1, 3)))]
    body = " * ".join(factors)
    if w.draw(st.booleans()) and w.draw(st.booleans()):
        body = f"({body} + {_factor(w)}) * {_factor(w)}"
    return body


def _step(w: _Writer, left: str) -> None:
    kind = w.pick(["mean", "extreme", "sum", "sum", "weight", "element"])
    if kind == "mean":
        name = w.name("MU")
        w.lines.append(f"{name}{left} = {w.pick(w.elements)} / M")
        w.means.append(f"{name}{left}")
    elif kind == "extreme":
        name, x = w.name("G"), w.pick(w.elements)
        w.lines.append(f"{name}{left} = {x} :: max(m)")
        w.extremes.append((f"{name}{left}", x))
        w.means.append(f"{name}{left}")
    elif kind == "weight":
        name = w.name("D")
        x = w.pick(w.elements)
        body = f"exp({w.extremes[-1][1]} - {w.extremes[-1][0]})" if w.extremes else f"abs({x}) + 1"
        w.lines.append(f"{name}{left} = {body}")
        w.positive.append(f"{name}{left}")
    elif kind == "sum":
        name = w.name("S")
        w.lines.append(f"{name}{left} = {_body(w)}")
        w.means.append(f"{name}{left}")
    else:
        name = w.name("E")
        inside = "[m, p]" if left else "[m]"
        w.lines.append(f"{name}{inside} = {_factor(w)} * {_factor(w)}")
        w.elements.append(f"{name}{inside}")


@st.composite
def statistics(draw: st.DrawFn) -> str:
    """The text of a legal cascade over rank M with inputs X, W and, when wide, a rank P on everything derived."""
    wide = draw(st.booleans())
    w = _Writer(draw, wide)
    left = "[p]" if wide else ""
    w.elements = ["X[m, p]", "W[m]"] if wide else ["X[m]", "W[m]"]
    for _ in range(draw(st.integers(1, 4))):
        _step(w, left)
    w.lines.append(f"Z{left} = {_body(w)}")
    inputs = "X[m, p], W[m]" if wide else "X[m], W[m]"
    sizes = "M = 7, P = 2" if wide else "M = 7"
    body = "\n".join(w.lines)
    return f"cascade random\ninput {inputs}\noutput Z{left}\nsizes {sizes}\n\n{body}\n"
