"""What a word on the command line names: a cascade, a design, an accelerator, a workload, and so on."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Any

from fusemax.base.files import read_bytes

__all__ = ["FOLDERS", "find", "kind_of"]

FOLDERS = {
    "cascade": "cascades", "design": "designs", "accelerator": "accelerators", "mapping": "mappings",
    "workload": "workloads", "binding": "bindings",
}  # fmt: skip
"""Kind -> its catalogue folder, in the order in which a name is looked up."""

_YAML_KINDS = ("design", "accelerator", "mapping", "schedule", "binding")
_CASCADE = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t]*cascade[ \t]")
_KEY = re.compile(rb"^[\"']?([a-z_]+)[\"']?[ \t]*:", re.MULTILINE)


def kind_of(reference: str) -> str:
    """The kind of thing a file, `-` or a catalogue name is; a file wins over the catalogue.

    A file is told by its first words: `cascade NAME` begins a cascade, and a design, accelerator, mapping, schedule
    or binding names itself by a key of that name. Other YAML and JSON files are workloads, and anything else is
    taken for a cascade, whose reader says what is wrong with it.
    """
    if reference != "-" and not os.path.exists(reference):
        return next((kind for kind, folder in FOLDERS.items() if reference in _names(folder)), "cascade")
    head = _peek() if reference == "-" else read_bytes(reference, 1 << 20)
    if reference.endswith(".cascade") or _CASCADE.match(head):
        return "cascade"
    keys = [match.decode() for match in _KEY.findall(head)]
    named = [kind for kind in _YAML_KINDS if kind in keys]
    if named:
        return named[0]
    return "workload" if reference.endswith((".yaml", ".yml", ".json")) or "heads" in keys else "cascade"


def _peek() -> bytes:
    """The beginning of standard input, left there to be read."""
    peek: Callable[[int], bytes] = getattr(sys.stdin.buffer, "peek", lambda _size: b"")
    return peek(1 << 16)


def _names(folder: str) -> tuple[str, ...]:
    from fusemax.cascade import catalogue
    from fusemax.design.load import catalogue_names

    return catalogue() if folder == "cascades" else catalogue_names(folder)


def find(reference: str) -> tuple[str, Any]:
    """The kind of what a reference names, and the thing, loaded and legal. Raises what its loader raises."""
    kind = kind_of(reference)
    return kind, _loader(kind)(reference)


def _loader(kind: str) -> Callable[[str], Any]:
    from fusemax.cascade import load
    from fusemax.design import load as designs
    from fusemax.design.mapping import Mapping
    from fusemax.design.schedule import Schedule
    from fusemax.design.workload import load_workload
    from fusemax.simulate.array.checker import check_everywhere
    from fusemax.simulate.array.load import load_binding

    loaders: dict[str, Callable[[str], Any]] = {
        "cascade": load,
        "design": designs.load_design,
        "accelerator": designs.load_accelerator,
        "mapping": lambda name: designs.load_part(name, "mappings", "mapping", Mapping),
        "schedule": lambda name: designs.load_part(name, "schedules", "schedule", Schedule),
        "workload": load_workload,
        "binding": lambda name: check_everywhere(load_binding(name)),
    }
    return loaders[kind]
