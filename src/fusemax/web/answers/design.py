"""The design page: one design point, and its neighbours in the literature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fusemax.base.errors import FusemaxError
from fusemax.design.sizes import Sizes
from fusemax.model.compare import default_plan
from fusemax.model.evaluate import Evaluation, evaluate
from fusemax.model.show import epoch_spans, loop_nest
from fusemax.report.gantt import gantt_svg, gantt_text
from fusemax.web.answers.texts import design_of, workload_of
from fusemax.web.worker import TOO_LARGE

__all__ = ["beside", "design", "model"]

_SHOWN = ("latency_s", "energy_pj", "traffic_bytes", "area_um2", "utilization_2d", "utilization_1d", "bound")

Settings = Mapping[str, int | float | str]


def model(
    design: str, workload: str, seq_len: int | str, accounting: str = "corrected", settings: Settings | None = None
) -> dict[str, object]:
    """The document of `fusemax model`."""
    return _evaluated(design, workload, seq_len, accounting, settings).to_json_document()


def design(
    design: str, workload: str, seq_len: int | str, accounting: str = "corrected", settings: Settings | None = None
) -> dict[str, object]:
    """The document of `fusemax model`, and what the page draws and offers beside it."""
    found = _evaluated(design, workload, seq_len, accounting, settings)
    spans = epoch_spans(found.measured)
    return {
        **found.to_json_document(),
        "title": found.design.title,
        "headline": found.headline().partition("\n")[0],
        "notes": list(found.notes()),
        "accelerator": found.design.accelerator.name,
        "cascade": found.design.cascade.name,
        "loops": loop_nest(found.measured),
        "gantt": {
            "text": gantt_text(spans),
            "svg": gantt_svg(spans, title=f"One tile of {found.design.name}: what each array runs, in cycles."),
            "spans": [{"unit": on, "label": label, "start": start, "end": end} for on, label, start, end in spans],
        },
        "knobs": list(_knobs(found)),
    }


def beside(
    workload: str, seq_len: int | str, accounting: str = "corrected", settings: Settings | None = None
) -> dict[str, object]:
    """The designs of the literature at a point, each on its own accelerator with those of the settings that it has."""
    load, rows = workload_of(workload), []
    for name in reversed(default_plan().baselines):  # the closest rival first
        other = design_of(name)
        sizes = Sizes(other.accelerator, {"B": load.batch})
        own = {key: value for key, value in (settings or {}).items() if sizes.known(key)}
        row: dict[str, object] = {"design": name, "title": other.title, "set": own, "error": None}
        try:
            found = evaluate(other, load, seq_len, accounting, _with_units(own))
            row |= {key: getattr(found, key) for key in _SHOWN}
        except (FusemaxError, OverflowError) as error:
            reason = TOO_LARGE if isinstance(error, OverflowError) else str(error)
            row |= {**dict.fromkeys(_SHOWN), "error": reason}
        rows.append(row)
    return {"rows": rows}


def _evaluated(
    design: str, workload: str, seq_len: int | str, accounting: str, settings: Settings | None
) -> Evaluation:
    return evaluate(design_of(design), workload_of(workload), seq_len, accounting, _with_units(settings or {}))


def _with_units(settings: Settings) -> dict[str, int | float | str]:
    """The settings as files would write them: a slider's clock is a number of hertz, a bandwidth of bytes a second."""
    found: dict[str, int | float | str] = {}
    for name, value in settings.items():
        unit = "Hz" if name == "clock" else "B/s" if name.endswith(".bandwidth") else ""
        number = int(value) if isinstance(value, float) and value.is_integer() else value
        found[name] = f"{number}{unit}" if unit and not isinstance(number, str) else number
    return found


def _knobs(found: Evaluation) -> Iterator[dict[str, object]]:
    """What a slider can move: the accelerator's own parameters, its buffer, its memory's bandwidth, clock, batch."""
    machine = found.design.accelerator
    memories = list(machine.memories)
    named = [(name, "array edge" if name == "edge" else name, "") for name in machine.parameters]
    named += [(f"{name}.capacity", name, "B") for name in memories[1:2]]
    named += [(f"{name}.bandwidth", f"{name} bandwidth", "B/s") for name in memories[:1]]
    named += [("clock", "clock", "Hz"), ("B", "batch", "")]
    for name, label, unit in named:
        if found.sizes.known(name):
            value = found.sizes(name)
            yield {"name": name, "label": label, "value": float(value) if value % 1 else int(value), "unit": unit}
