"""The table of best mappings: ``make best-mappings`` runs its commands again, ``make docs`` writes the page.

Each row is a command. What it found stands in best-mappings.json beside the page, so that the page can be written, and
tested, without searching.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import shlex
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusemax.base.files import write_atomically
from fusemax.base.units import format_bytes, format_si

DATA = Path(__file__).parent / "explanation" / "best-mappings.json"


@dataclass(frozen=True)
class Row:
    """A part of the table, what the row is about, and its command without ``fusemax``."""

    part: str
    about: str
    command: str


_FLAT = "attn_3pass --accelerator flat-cloud --workload bert --like flat --accounting published"
_ONE = "attn_1pass_fusemax --accelerator fusemax-cloud"
_ONE_ON_FLAT = "attn_1pass_fusemax --accelerator flat-cloud"
_BERT = f"{_ONE} --workload bert --seq-len 4K"
_DECODE = f"{_ONE} --workload llama-3.1-70b --seq-len 16K --set query_len=1"
_STEP = "--set query_len=1 --set batch=16"
_EQUAL = (
    f"{_ONE} --vary edge=128,192,224,256,272 --vary buffer.access=512 --vary buffer.capacity=1MiB,4MiB,16MiB"
    " --vary exp=unit,6 --area 360.3mm^2 --mappings designs"
)
_SMALLEST = (
    f"{_ONE} --objective area --latency 201ms --vary edge=32,64,128,192,256 --vary buffer.access=512"
    " --vary buffer.capacity=1MiB,4MiB,16MiB --mappings designs"
)

ROWS = (
    Row("a", "FLAT's space, FLAT's objective, 4K", f"search {_FLAT} --seq-len 4K --as-published"),
    Row("a", "FLAT's space, least latency, 4K", f"search {_FLAT} --seq-len 4K"),
    Row("a", "FLAT's space, FLAT's objective, 256K", f"search {_FLAT} --seq-len 256K --as-published"),
    Row("a", "FLAT's space, least latency, 256K", f"search {_FLAT} --seq-len 256K"),
    Row("b", "FuseMax's own binding", "model fusemax --workload bert --seq-len 4K"),
    Row("b", "+Architecture's schedule, as shipped", "model fusemax-architecture --workload bert --seq-len 4K"),
    Row("b", "strictly one tile at a time", f"search {_BERT} --schedules serial --mappings designs"),
    Row("b", "all of the space", f"search {_BERT}"),
    Row("b", "lazy rescaling, arrays running freely, as shipped", "model fusemax-lazy --workload bert --seq-len 4K"),
    Row("b", "all of the space, lazy rescaling too", f"search {_BERT} --lazy measured"),
    Row("b", "least energy", f"search {_BERT} --objective energy"),
    Row("b", "least energy, lazy rescaling too", f"search {_BERT} --objective energy --lazy measured"),
    Row("b", "exp of 4 to 6 multiply-adds", f"search {_BERT} --exp 4,5,6 --mappings aligned"),
    Row("c", "1 pass on FLAT's hardware", f"search {_ONE_ON_FLAT} --workload bert --seq-len 4K --mappings aligned"),
    Row("c", "FuseMax's cascade as shipped there", "model fusemax-cascade --workload bert --seq-len 4K"),
    Row("d", "prefill, BERT, no mask", f"search {_BERT}"),
    Row("d", "prefill, causal, GQA", f"search {_ONE} --workload llama-3.1-8b --seq-len 8K"),
    Row("d", "prefill, GQA, no mask", f"search {_ONE} --workload llama-3.1-8b --seq-len 8K --set mask=none"),
    Row("d", "prefill, window of 4K", f"search {_ONE} --workload mistral-7b --seq-len 16K"),
    Row("d", "prefill, MLA, causal", f"search {_ONE} --workload deepseek-v3 --seq-len 4K --mappings aligned"),
    Row("d", "decode, GQA, batch 1", f"search {_DECODE} --set batch=1"),
    Row("d", "decode, GQA, batch 16", f"search {_DECODE} --set batch=16"),
    Row("d", "decode, GQA, batch 64", f"search {_DECODE} --set batch=64"),
    Row("d", "decode, GQA, batch 256, 4K", f"search {_DECODE.replace('16K', '4K')} --set batch=256"),
    Row("d", "decode, MLA, batch 16", f"search {_ONE} --workload deepseek-v3 --seq-len 16K {_STEP}"),
    Row("e", "BERT, 4K", f"search {_EQUAL} --workload bert --seq-len 4K"),
    Row("e", "Llama 3.1 8B, causal, 8K", f"search {_EQUAL} --workload llama-3.1-8b --seq-len 8K"),
    Row("e", "decode, batch 16", f"search {_EQUAL} --workload llama-3.1-70b --seq-len 16K {_STEP}"),
    Row("e", "decode, batch 16, the smallest", f"search {_SMALLEST} --workload llama-3.1-70b --seq-len 16K {_STEP}"),
)  # fmt: skip

HEAD = """\
# Best mappings

How fast can attention be on an accelerator, and what stands in the way? `fusemax search` answers within a stated space
([how](../how-to/search.md)); every row below is one command, and says what came out. Latency is of one layer times the
layers of the workload; figures are in `corrected` accounting unless the command says otherwise. "Proven" means that no
design of the space is better. `make best-mappings` runs all of it again.
"""

PARTS = {
    "a": """\
## FLAT's own space

On the paper's hardware and accounting, FLAT's objective (the two matrix products alone, the first of equals) finds
FLAT's published choice: by head, output-stationary, scores on chip. Asked for the whole latency instead, the same space
has nothing faster up to 64K, where softmax on the lanes bounds whatever the mapping is, but less traffic; at 256K it is
faster.
""",
    "b": """\
## FuseMax's binding

Interleaving tiles is what brings the time down. Strictly one tile at a time, the same hardware waits for columns to
drain twice a tile; +Architecture lets the end of a tile pass beside the next one's scores, and waits once. FuseMax's
own binding is found, and beaten by 3.5 %: a lane has a multiply-add, so SPNV and RNV (and SPD and RD) need one
operation a word instead of two, and the 2D array bounds the time instead of the lanes. [Lazy
rescaling](lazy-rescaling.md) relieves the lanes as well, and brings the same 3.5 % without joined multiply-adds. Beside
them it brings no time, and 0.1 % of the energy, where PRM is left out and most tiles need no multiplication. What is
left is exp on the 2D array: 7 of 137 cycles with its subtraction. With 4 multiply-adds instead of 6 it is 1.5 % faster;
nothing here says how exact that is.
""",
    "c": """\
## One pass on FLAT's hardware

As shipped, +Cascade leaves all of softmax to 256 lanes: three cycles for each of 256 scores of a column, while the 2D
array needs 128 for all of them. Its multiply-add units can add, so the best design gives them the sums and the
rescaling: what stays on the lanes, maximum and exp, is two cycles a score, and bounds the time.
""",
    "d": """\
## From prefill to decode

The goal is 95 % of the roofline (useful multiply-adds at full rate, or compulsory traffic at full bandwidth). Decode
reaches it, for memory bounds it. Prefill reaches it with heads of 128 words and no mask. It misses it with heads of 64,
where exp, maximum and sum take 9 cycles of the 2D array beside the 128 of its products; and under a mask, where tiles
on the diagonal are computed whole though half of each is not seen (in a window, at both ends).
""",
    "e": """\
## At equal area

As much area as FuseMax's accelerator has (360 mm^2), to be spent on the edge of the arrays, the buffer, and a unit for
exp in every processing element (more than twice the area of a multiply-add unit with its registers) instead of
multiply-adds. What needs arithmetic takes a large array and a small buffer: tiles of keys and values pass through, and
little has to stay; 272 does not divide 4K, so BERT stays with 256. The last row asks for the smallest accelerator that
decodes as fast as memory lets it: 8 queries fill 8 columns only, and it takes 256 rows to keep up with the keys.
""",
}


def run_rows(names: frozenset[str]) -> None:
    """Run the commands of some parts and write down what they found, row by row."""
    known: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8")) if DATA.exists() else {}
    for row in ROWS:
        if row.part in names or row.command not in known:
            known[row.command] = found_by(row)
            write_atomically(
                DATA, json.dumps({r.command: known[r.command] for r in ROWS if r.command in known}, indent=1) + "\n"
            )
            print(f"{row.part}: {row.about}: {format_si(known[row.command]['latency_s'], 's')}", file=sys.stderr)


def found_by(row: Row) -> dict[str, Any]:
    """What the command of a row finds now."""
    from fusemax.cli.main import run

    text, words = io.StringIO(), shlex.split(row.command)
    with contextlib.redirect_stdout(text):
        if run([*words, "--json"]) != 0:
            raise SystemExit(f"{row.command}: failed")
    document = json.loads(text.getvalue())
    kept = ("latency_s", "energy_pj", "traffic_bytes", "area_um2", "roofline_fraction", "bound")
    found = {name: document[name] for name in kept}
    if "certificate" in document:
        certificate = document["certificate"]
        found["space"] = float(certificate["space"])
        found |= {name: certificate[name] for name in ("evaluated", "optimal", "mappings_space", "schedule")}
        found["design"] = _design(document["best"])
        found["shares"] = _shares(document["best"], document["workload"], document["seq_len"], words)
    return found


def _design(best: Mapping[str, Any]) -> dict[str, Any]:
    mapping, schedule = best["mapping"], best["schedule"]
    arrays: dict[str, list[str]] = {}
    for name, entry in mapping["einsums"].items():
        arrays.setdefault(entry["on"], []).append(name)
    parts = {p: v for split in mapping["partition"].values() for p, v in split.items() if isinstance(v, int)}
    parameters = best["accelerator"].get("parameters", {})
    components = best["accelerator"]["components"]
    exps = {name: part["exp"] for name, part in components.items() if part.get("exp")}
    return {
        "title": best.get("title", ""),
        "arrays": arrays,
        "parts": parts,
        "joined": ["+".join(pair) for pair in schedule.get("as_one", ())],
        "streams": schedule.get("streams", 1),
        "runs": schedule.get("runs", {}),
        "steps": sum(len(phase["steps"]) for phase in schedule["phases"]),
        "accelerator": {
            **parameters,
            "buffer": components["buffer"]["capacity"],
            "exp": next(iter(exps.values()), None),
        },
    }


def _shares(best: Mapping[str, Any], workload: str, length: int, words: list[str]) -> dict[str, float]:
    """The share of the time that each Einsum keeps its array busy."""
    from fusemax.design.load import load_design
    from fusemax.design.workload import load_workload
    from fusemax.model.evaluate import evaluate
    from fusemax.search.rewrite import with_workload_field

    load = load_workload(workload)
    for name, value in (w.split("=", 1) for before, w in itertools.pairwise(words) if before == "--set"):
        load = with_workload_field(load, name, int(value) if value.isdigit() else value)
    accounting = "published" if "published" in words else "corrected"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "best.yaml"
        path.write_text(json.dumps(best), encoding="utf-8")
        measured = evaluate(load_design(path), load, length, accounting).measured
    clock = float(measured.sizes("clock")) * float(measured.latency)
    return {name: float(measured.cycles(name)) / clock for name in measured.design.schedule.einsums}


# ------------------------------------------------------------------------------------------------------- page


def page() -> str:
    """The page, from what the commands found."""
    known = json.loads(DATA.read_text(encoding="utf-8"))
    text = [HEAD]
    for part, introduction in PARTS.items():
        rows = [row for row in ROWS if row.part == part and row.command in known]
        text += [
            introduction,
            "| what | latency | energy | traffic | of the roofline | bound by | found |",
            "|---|--:|--:|--:|--:|---|---|",
        ]
        for row in rows:
            text.append(_line(row, known[row.command]))
        text += ["", "```text"]
        text += [f"fusemax {row.command}" for row in rows]
        text += ["```", ""]
    return "\n".join(text).rstrip() + "\n"


def _line(row: Row, found: Mapping[str, Any]) -> str:
    energy = "unknown" if found["energy_pj"] is None else format_si(found["energy_pj"] * 1e-12, "J")
    fraction = found["roofline_fraction"]
    return (
        f"| {row.about} | {format_si(found['latency_s'], 's')} | {energy} | {format_bytes(found['traffic_bytes'])} |"
        f" {fraction:.1%} | {_bound(found)} | {_words(row, found)} |"
    )


def _bound(found: Mapping[str, Any]) -> str:
    shares, bound = found.get("shares", {}), str(found["bound"])
    own = found.get("design", {}).get("arrays", {}).get(bound, [])
    most = sorted((name for name in own if shares.get(name, 0) >= 0.02), key=lambda name: -shares[name])
    busy = ", ".join(f"{name} {shares[name]:.0%}" for name in most[:5])
    return f"{bound} ({busy})" if busy and found["roofline_fraction"] < 0.95 else bound


def _words(row: Row, found: Mapping[str, Any]) -> str:
    design = found.get("design")
    if design is None:
        return "as shipped"
    said = []
    if ": " in design["title"]:
        said.append(design["title"].split(": ", 1)[1])
    if row.part == "e":
        own = design["accelerator"]
        exp = own["exp"] or {}
        way = "exp unit" if "unit" in exp else f"exp of {exp.get('multiply_adds')} multiply-adds"
        said.append(f"edge {own['edge']}, buffer {own['buffer']}, {way}, {found['area_um2'] * 1e-6:.0f} mm^2")
    if design["joined"]:
        said.append(", ".join(design["joined"]) + " joined")
    if design.get("runs"):
        said.append(f"lazy rescaling at {', '.join(dict.fromkeys(design['runs'].values()))} of the tiles")
    exp = design["accelerator"]["exp"] or {}
    if "--exp" in row.command:
        said.append(f"exp of {exp.get('multiply_adds')} multiply-adds")
    if design["streams"] > 1:
        said.append(f"{design['streams']} heads interleaved")
    proof = f"proven in {found['space']:.2g} designs" if found["optimal"] else "not proven"
    return "; ".join([*said, proof])


if __name__ == "__main__":
    run_rows(frozenset(sys.argv[1:] or "abcde"))
