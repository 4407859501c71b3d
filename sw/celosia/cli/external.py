# SPDX-License-Identifier: Apache-2.0
"""The text of ``--external`` as a model of the memory behind the core."""

from typing import Any

from celosia.sim import MemoryModel, SimulatorError

__all__ = ["parse_external"]

_FIELDS = {"size": int, "latency": int, "gap": int, "jitter": int, "stall": float, "seed": int, "width": int}


def parse_external(text: str, least: int = 0, bus_bits: int = 64) -> MemoryModel:
    """A memory from fields with values, separated by commas: ``latency=30,stall=0.25``. Empty text: an ideal one.

    Parameters
    ----------
    least:
        Bytes it has at least where ``size`` is not given.
    bus_bits:
        The bus it is behind. A memory of fewer bits, ``width=16``, takes as many more cycles for every beat.

    Raises
    ------
    SimulatorError
        An unknown field, a value that is no number, or one out of its bounds.
    """
    values: dict[str, Any] = {"size": max(MemoryModel().size, -(-least // 4096) * 4096)}
    for part in filter(None, (part.strip() for part in text.split(","))):
        field, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or field not in _FIELDS:
            raise SimulatorError(
                f"external memory {text!r}: {part!r} is no field with its value, "
                f"as in latency=30 ({', '.join(_FIELDS)})"
            )
        try:
            values[field] = int(value, 0) if _FIELDS[field] is int else float(value)
        except ValueError:
            raise SimulatorError(f"external memory {text!r}: {field} must be a number, not {value!r}") from None
    width = values.pop("width", bus_bits)
    if width < 1 or bus_bits % width:
        raise SimulatorError(f"external memory {text!r}: width must divide the bus's {bus_bits} bits, not be {width}")
    if width < bus_bits:
        values["gap"] = (values.get("gap", 0) + 1) * (bus_bits // width) - 1
    return MemoryModel(**values)
