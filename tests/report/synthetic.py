"""Comparison rows of an invented machine, with the shape of the real ones, for tests of what is shown."""

from __future__ import annotations

from fusemax.report.grid import Row

DESIGNS = ("unfused", "flat", "fusemax-cascade", "fusemax-architecture", "fusemax")
WORKLOADS = ("bert", "trxl", "t5", "xlm")
LENGTHS = (1024, 4096, 16384, 65536, 262144, 1048576)
EINSUMS = ("QK", "LM", "SLN", "SLD", "SLNV")
SPEED = {"unfused": 1.0, "flat": 1.5, "fusemax-cascade": 1.36, "fusemax-architecture": 3.3, "fusemax": 10.0}
ENERGY = {"unfused": 1.0, "flat": 0.975, "fusemax-cascade": 0.885, "fusemax-architecture": 0.767, "fusemax": 0.767}


def comparison(
    designs: tuple[str, ...] = DESIGNS, workloads: tuple[str, ...] = WORKLOADS, factor: float = 1.0
) -> list[Row]:
    """Tidy rows; `factor` scales the gains, to tell two accountings apart."""
    rows: list[Row] = []
    for part in ("attention", "linear", "end-to-end"):
        for i, design in enumerate(designs):
            for j, workload in enumerate(workloads):
                for k, seq_len in enumerate(LENGTHS):
                    point = {"part": part, "design": design, "workload": workload, "seq_len": seq_len}
                    for quantity, (value, unit) in _values(part, i, design, j, k, factor).items():
                        rows.append({**point, "quantity": quantity, "value": value, "unit": unit})
    return rows


def _values(part: str, i: int, design: str, j: int, k: int, factor: float) -> dict[str, tuple[object, str]]:
    attention = 0.02 * (j + 1) * 16**k / (1 + (SPEED.get(design, 2.0) - 1) * factor * (1 - 0.4 / (k + 1)))
    linear = 0.01 * (j + 1) * 4**k
    joule = 1e12 * (j + 1)
    values: dict[str, tuple[object, str]] = {
        "latency": ({"attention": attention, "linear": linear, "end-to-end": attention + linear}[part], "s"),
        "energy": (joule * (16**k * ENERGY.get(design, 0.9) * (part != "linear") + 4**k * (part != "attention")), "pJ"),
        "traffic": (1e9 * (i + 1) * (j + 1) * 4**k, "B"),
    }
    if part == "attention":
        busy = min(1.0, 0.1 * SPEED.get(design, 2.0) * (1 - 0.4 / (k + 1)))
        values["utilization_2d"] = (busy, "1")
        values["utilization_1d"] = (1.0 - 0.1 * (i == 3) * 5, "1")
        values["bound"] = ("dram" if k == 0 else "array1d", "")
        if i:
            for n, einsum in enumerate(EINSUMS if i > 1 else ("QK", "AV")):
                values[f"share_2d.{einsum}"] = (busy * (0.44 if n in (0, 4) else 0.04), "1")
        values["area"] = (6e8 - 4e7 * (i > 2), "um^2")
        values["area.buffer"] = (2e8 / (1 + (i > 2)), "um^2")
        values["area.array2d"] = (6e8 - 4e7 * (i > 2) - 2e8 / (1 + (i > 2)), "um^2")
    return values


def sweep(workloads: tuple[str, ...] = WORKLOADS) -> list[Row]:
    """Area against latency for array edges 16 to 512."""
    return [
        {
            "design": "fusemax",
            "workload": w,
            "edge": 2**n,
            "area_um2": 3e3 * 4.0**n,
            "latency_s": 3e4 * (j + 1) / 4.0 ** (n - 4),
        }
        for j, w in enumerate(workloads)
        for n in range(4, 10)
    ]
