# SPDX-License-Identifier: Apache-2.0
"""The text of ``--external`` as a model of the memory behind the core."""

from typing import Any

from celosia.sim import MemoryModel, SimulatorError

__all__ = ["parse_external"]

_FIELDS = {"size": int, "latency": int, "gap": int, "stall": float, "seed": int}


def parse_external(text: str, least: int = 0) -> MemoryModel:
    """A memory from fields with values, separated by commas: ``latency=30,stall=0.25``. Empty text: an ideal one.

    Parameters
    ----------
    least:
        Bytes it has at least where ``size`` is not given.

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
    return MemoryModel(**values)
