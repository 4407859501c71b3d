# SPDX-License-Identifier: Apache-2.0
"""A core as Timeloop's ``architecture``: the storage levels that :mod:`.timeloop_mapping` has loops for.

The form is what Timeloop 0.4 is given in the reference inputs of timeloop-accelergy-exercises: storage from the
outermost on, with the number of its instances, and the arithmetic at the end. Sizes are the core's; there are no
energies in it.
"""

from collections.abc import Mapping

from celosia.arch.config import Config

from .timeloop import VERSION

__all__ = ["architecture"]


def architecture(config: Config) -> str:
    """The text of an architecture with these levels: sizes of the core's memories, and its array."""
    word = config.weight_word_bytes
    storage = [
        ("DRAM", "DRAM", {"width": config.bus_bits}, 1),
        ("Activations", "SRAM", {"depth": config.activation_lines * 2, "width": config.line_bytes * 4}, 1),
        ("WeightMemory", "SRAM", {"depth": config.weight_words, "width": word * 8}, 1),
        ("Accumulators", "SRAM", {"depth": config.accumulators, "width": config.columns * 8}, 1),
        ("Registers", "regfile", {"depth": 1, "width": 8}, config.macs_per_cycle),
    ]
    lines = [
        f"# {config.name}: a value has 8 bits everywhere; sums have 32, so an accumulator is counted as one value",
        "architecture:", f"  version: '{VERSION}'", "  subtree:", "  - name: system", "    local:",
    ]  # fmt: skip
    for name, kind, sizes, count in storage:
        lines += _component(config, name, kind, sizes, count)
    lines += _component(config, "MAC", "intmac", {}, config.macs_per_cycle)
    return "\n".join([*lines, ""])


def _component(config: Config, name: str, kind: str, sizes: Mapping[str, int], count: int) -> list[str]:
    mesh = {"meshX": config.columns, "meshY": config.rows} if count > 1 else {"meshX": 1, "meshY": 1}
    attributes = ", ".join(f"{key}: {value}" for key, value in ({"datawidth": 8} | dict(sizes) | mesh).items())
    return [
        f"    - name: {name}[1..{count}]", f"      class: {kind}", f"      attributes: {{{attributes}}}"
    ]  # fmt: skip
