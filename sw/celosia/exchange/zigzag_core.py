# SPDX-License-Identifier: Apache-2.0
"""A core as ZigZag's accelerator, in the form of zigzag-dse 3.9.1.

``D1`` are the array's columns, ``D2`` its rows. A weight is in a register of its multiplier, sums in accumulators below
each column, and the two local memories are between them and the external one. Sizes and widths are the core's. Energies
and areas are 0: nothing is known about them that could be compared.
"""

from collections.abc import Sequence

from celosia.arch.config import Config

__all__ = ["accelerator"]

_BITS = 8
_SUM_BITS = 32
_EXTERNAL_BYTES = 1 << 30

_Port = tuple[str, str, int, Sequence[str]]
"""Name, type, bits a cycle, and what it is for."""


def accelerator(config: Config) -> str:
    """The text of an accelerator file."""
    vector, bus = config.rows * _BITS, config.bus_bits
    made = config.columns * _BITS
    memories = [
        _memory(
            "registers", _BITS, ["I2"], [],
            [("r_port_1", "read", _BITS, ["I2, tl"]), ("w_port_1", "write", _BITS, ["I2, fh"])],
        ),
        _memory(
            "accumulators", config.accumulators * _SUM_BITS, ["O"], ["D2"],
            [
                ("r_port_1", "read", _SUM_BITS, ["O, tl"]), ("r_port_2", "read", _SUM_BITS, ["O, th"]),
                ("w_port_1", "write", _SUM_BITS, ["O, fh"]), ("w_port_2", "write", _SUM_BITS, ["O, fl"]),
            ],
        ),
        _memory(
            "activations", config.activation_bytes * 8, ["I1", "O"], ["D1", "D2"],
            [
                ("r_port_1", "read", max(vector, made), ["I1, tl", "O, tl", "O, th"]),
                ("w_port_1", "write", max(vector, made), ["I1, fh", "O, fh", "O, fl"]),
            ],
        ),
        _memory(
            "weights", config.weight_bytes * 8, ["I2"], ["D1", "D2"],
            [
                ("r_port_1", "read", config.weight_word_bytes * 8, ["I2, tl"]),
                ("w_port_1", "write", bus, ["I2, fh"]),
            ],
        ),
        _memory(
            "external", _EXTERNAL_BYTES * 8, ["I1", "I2", "O"], ["D1", "D2"],
            [
                (
                    "rw_port_1", "read_write", bus,
                    ["I1, fh", "I1, tl", "I2, fh", "I2, tl", "O, fh", "O, tl", "O, fl", "O, th"],
                )
            ],
        ),
    ]  # fmt: skip
    array = [
        "operational_array:", "  unit_energy: 0.0", "  unit_area: 0.0", "  dimensions: [D1, D2]",
        f"  sizes: [{config.columns}, {config.rows}]",
    ]  # fmt: skip
    name = "".join(letter if letter.isalnum() else "_" for letter in config.name)
    return "\n".join([f"name: {name}", "", "memories:", *(line for part in memories for line in part), "", *array, ""])


def _memory(
    name: str, bits: int, operands: Sequence[str], dimensions: Sequence[str], ports: Sequence[_Port]
) -> list[str]:  # fmt: skip
    lines = [
        f"  {name}:", f"    size: {bits}", "    r_cost: 0.0", "    w_cost: 0.0", "    area: 0.0", "    latency: 1",
        f"    operands: [{', '.join(operands)}]", "    ports:",
    ]  # fmt: skip
    for port, kind, width, uses in ports:
        lines += [
            f"      - name: {port}", f"        type: {kind}", f"        bandwidth_min: {width}",
            f"        bandwidth_max: {width}", "        allocation:", *(f"          - {use}" for use in uses),
        ]  # fmt: skip
    return [*lines, f"    served_dimensions: [{', '.join(dimensions)}]"]
