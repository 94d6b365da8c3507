"""An accelerator: memories and arrays of processing elements, as a tree, with where their costs stand.

    dram ─ buffer ─┬─ array2d   (rows x columns processing elements, registers in each)
                   └─ array1d   (one row: the lanes)

Numbers are whole numbers, amounts with a unit (``16MiB``, ``400GiB/s``) or expressions of ``parameters`` and
of other components (``2 * edge``, ``array2d.columns``). Energies, areas and leakage stand in cost tables, one
row and one source each (``fusemax.design.tables``); a component names its row with ``cost``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fusemax.design.amounts import Bytes, Clock, Count, Rate

__all__ = ["Accelerator", "Array", "Component", "Exponential", "Fixed", "Frozen", "Memory", "Registers", "Tables"]


class Frozen(BaseModel):
    """Base of all design data: frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_max_length=4096)


class Tables(Frozen):
    """The cost tables of an accelerator: catalogue names or CSV files."""

    components: str = "components-45nm"
    sram: str = "sram-45nm"


class Memory(Frozen):
    """A memory level. ``access`` is the width of one access; ``cost`` is ``sram`` or a row of the component table."""

    kind: Literal["memory"]
    inside: str | None = None
    capacity: Bytes | None = None
    access: Bytes = 8
    bandwidth: Rate | None = None
    banks: Count = 1
    ports: Count = 1
    spread: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the banks that a stream of row accesses keeps busy."""
    cost: str
    objective: str = "plugin-ED2"
    """Which of the SRAM table's optimisation targets the array was built for."""
    address_generator: bool = False
    source: str = ""


class Registers(Frozen):
    """The register file of every processing element of an array: ``depth`` words of ``bits`` bits."""

    depth: Count
    bits: Annotated[int, Field(gt=0, le=4096)] = 16
    cost: str = "registers"


class Exponential(Frozen):
    """How an array finds exp: a unit of its own, or a run of multiply-adds."""

    unit: str | None = None
    multiply_adds: Annotated[int, Field(ge=1, le=64)] | None = None
    with_subtract: bool = False
    """The unit takes the difference itself: subtract and exp together take one issue of the unit."""

    @model_validator(mode="after")
    def _one_way(self) -> Exponential:
        if (self.unit is None) == (self.multiply_adds is None):
            raise ValueError("expected one of 'unit' and 'multiply_adds'")
        return self


class Array(Frozen):
    """Processing elements in rows and columns, each with one of every unit and a register file."""

    kind: Literal["array"]
    inside: str
    rows: Count = 1
    columns: Count
    units: tuple[str, ...]
    registers: Registers
    exp: Exponential | None = None
    multiply_add: bool = True
    """A multiply and the add after it are one operation of the unit."""
    source: str = ""


class Fixed(Frozen):
    """Something that only has an area."""

    kind: Literal["fixed"]
    inside: str | None = None
    count: Count = 1
    cost: str
    source: str = ""


Component = Annotated[Memory | Array | Fixed, Field(discriminator="kind")]


class Accelerator(Frozen):
    """A whole accelerator; ``components`` in order from the outermost memory in.

    ``parameters`` are the sizes that others are written in, so that one number scales an accelerator.
    """

    accelerator: str
    title: str = ""
    source: str = ""
    clock: Clock
    word: Annotated[int, Field(gt=0, le=64)] = 16
    """Bits of a tensor's element."""
    parameters: Mapping[str, Bytes] = {}
    tables: Tables = Tables()
    components: Mapping[str, Component]

    @model_validator(mode="after")
    def _tree(self) -> Accelerator:
        for name, component in self.components.items():
            if not name.replace("_", "a").isalnum():
                raise ValueError(f"component name '{name}' is not a plain name")
            if component.inside is not None and component.inside not in self.components:
                raise ValueError(f"'{name}' is inside '{component.inside}', which is not a component")
            seen = {name}
            at: str | None = component.inside
            while at is not None:
                if at in seen:
                    raise ValueError(f"'{name}' is inside itself")
                seen.add(at)
                at = self.components[at].inside
        if not self.memories:
            raise ValueError("an accelerator needs at least one memory")
        if not self.arrays:
            raise ValueError("an accelerator needs at least one array")
        return self

    @property
    def name(self) -> str:
        """The accelerator's name."""
        return self.accelerator

    @property
    def memories(self) -> dict[str, Memory]:
        """The memories, outermost first."""
        return {name: part for name, part in self.components.items() if isinstance(part, Memory)}

    @property
    def arrays(self) -> dict[str, Array]:
        """The arrays, in file order."""
        return {name: part for name, part in self.components.items() if isinstance(part, Array)}

    def inside(self, name: str | None) -> Iterator[str]:
        """The components directly inside ``name`` (None: the roots of the tree)."""
        return (child for child, part in self.components.items() if part.inside == name)
