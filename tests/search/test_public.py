"""Search and sweep from Python."""

from __future__ import annotations

import fusemax


def test_the_room_and_the_function_share_a_name() -> None:
    assert len(fusemax.sweep("fig12").rows()) == 24
    found = fusemax.search(
        "attn_1pass_fusemax", "flat-cloud", "bert", "1K", like=["fusemax-cascade"], mappings="designs"
    )
    assert found.certificate.optimal
    assert "latency" in str(found)
