"""What must stay live, against the sizes the literature gives."""

from __future__ import annotations

import pytest

from fusemax.analysis.footprint import footprint
from fusemax.analysis.passes import passes
from fusemax.cascade import load, parse

KNOWN = {
    "attn_3pass": "M",
    "attn_batched_3pass": "M",
    "attn_3pass_deferred": "M",
    "attn_naive_deferred": "1",
    "attn_1pass_rabe_staats": "1",
    "attn_1pass_fusemax": "M0",
    "attn_2pass_tileflow": "M + 2*M1",  # SLN, and LM and SLD of every tile
    "attn_splitk": "F*M1 + M0 + 2*M1",  # SLNV, LM and SLD of every tile: one pass, yet it grows with the keys
    "attn_splitk_stream": "F*M2 + M0 + 2*M2",
    "softmax_2pass_online": "M",
    "c1_pedagogical": "K",
    "c2_deferred": "1",
    "c3_iterative": "1",
    "two_sweeps": "1",
}


@pytest.mark.parametrize(("name", "expected"), KNOWN.items())
def test_known_footprints(name: str, expected: str) -> None:
    cascade = load(name)
    counts = passes(cascade)
    assert str(footprint(cascade, counts, counts.asked[0])) == expected


def test_names_do_not_matter() -> None:
    cascade = parse("cascade x\ninput A[h, u], B[h, u]\noutput Z[h]\nY[h] = A[h, u] * B[h, u]\nZ[h] = Y[h] * A[h, u]\n")
    assert str(footprint(cascade, passes(cascade), "U")) == "U"
