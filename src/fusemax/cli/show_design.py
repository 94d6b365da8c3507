"""What ``fusemax show`` prints of a design or an accelerator."""

from __future__ import annotations

from fusemax.cli.options import Output, emit_text

__all__ = ["FORMATS", "show_accelerator", "show_design"]

FORMATS = ("text", "svg", "json")


def show_design(reference: str, output: Output, workload: str = "bert", seq_len: int = 4096) -> None:
    """A design as loop nest and epoch (``text``), its epoch as a picture (``svg``), or both as data (``json``)."""
    from fusemax.base.result import to_json
    from fusemax.model.evaluate import evaluate
    from fusemax.model.show import accelerator_tree, epoch_spans, epoch_stages, loop_nest
    from fusemax.report.gantt import gantt_svg, gantt_text

    found = evaluate(reference, workload, seq_len)
    design, measured = found.design, found.measured
    spans, stages = epoch_spans(measured), epoch_stages(measured)
    lags = {} if stages is None else {design.label(name): int(stage) for name, stage in stages.stage.items()}
    if output.format == "svg":
        emit_text(gantt_svg(spans, title=f"One tile of {design.name}"), output)
    elif output.format == "json":
        document = {
            "schema": "fusemax/show/1",
            "design": design.name,
            "title": design.title,
            "workload": found.workload.name,
            "seq_len": seq_len,
            "parameters": found.parameters,
            "loop_nest": loop_nest(measured).split("\n"),
            "epoch": [dict(zip(("unit", "einsum", "start", "end"), span, strict=True)) for span in spans],
            "stages": lags,
        }
        emit_text(to_json(document), output)
    else:
        parts = [f"{design.name}: {design.title}", accelerator_tree(design), loop_nest(measured), gantt_text(spans)]
        if stages is not None:
            late = ", ".join(f"{name} {lag}" for name, lag in lags.items() if lag)
            parts.append(
                f"epochs after a tile's first: {late}; at least {int(stages.reuse)} query tiles in flight keep the"
                " epochs full"
            )
        emit_text("\n\n".join(parts), output)


def show_accelerator(reference: str, output: Output) -> None:
    """An accelerator as a tree with areas, in corrected accounting."""
    from fusemax.design.load import load_hardware
    from fusemax.model.show import accelerator_tree

    emit_text(accelerator_tree(load_hardware(reference)), output)
