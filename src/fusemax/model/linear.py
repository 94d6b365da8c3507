"""The linear layers of a workload: matrix multiplications on the design's accelerator, one after another.

Rows R = B x P. Q, K and V projections (D, R, heads x head size), the output projection, and the feed-forward layers,
of which a gated one computes its first twice as wide; each is (contraction K, rows M, columns N). Source: FuseMax
Sec. VI-C and artifact.
"""

from __future__ import annotations

from dataclasses import dataclass

from fusemax.design.arithmetic import Number
from fusemax.design.sizes import Sizes

__all__ = ["Layer", "layers"]


@dataclass(frozen=True)
class Layer:
    """One matrix multiplication: ``contraction`` x ``rows`` by ``contraction`` x ``columns``."""

    name: str
    contraction: Number
    rows: Number
    columns: Number


def layers(sizes: Sizes) -> tuple[Layer, ...]:
    """The linear layers of one Transformer layer."""
    width, ffn, gated = sizes("D"), sizes("S"), sizes("swiglu")
    rows = sizes("B") * sizes("P")
    queries, outputs = sizes("H") * sizes("E"), sizes("H") * sizes("F")
    return (
        Layer("Q", width, rows, queries),
        Layer("K", width, rows, sizes("KV") * sizes("E")),
        Layer("V", width, rows, sizes("KV") * sizes("F")),
        Layer("Z", outputs, rows, width),
        Layer("FFN1", width, rows, ffn * (1 + gated)),
        Layer("FFN2", ffn, rows, width),
    )
