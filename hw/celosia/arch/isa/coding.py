# SPDX-License-Identifier: Apache-2.0
"""Commands to bytes and back, by the fields of their structs."""

import enum as _enum
from collections.abc import Mapping
from functools import cache
from typing import Any

from amaranth.hdl import unsigned
from amaranth.lib import data, enum

from .commands import COMMAND_BYTES, COUNTS, Engine, Opcode, layout_of

__all__ = ["IllegalCommandError", "decode", "encode", "fields_of"]


class IllegalCommandError(ValueError):
    """Bytes that are no command; the message says which byte is wrong."""


@cache
def fields_of(struct: type[data.Struct]) -> dict[str, tuple[int, int, bool]]:
    """Every field of a command outside its header: name → (first bit, bits, signed)."""
    layout = data.Layout.cast(struct)
    result = {}
    for name, field in layout:
        if name == "header":
            continue
        shape = field.shape if not isinstance(field.shape, enum.EnumMeta) else unsigned(field.width)
        result[name] = (field.offset, field.width, bool(getattr(shape, "signed", False)))
    return result


def encode(opcode: Opcode, *, waits: Mapping[Engine, int] | None = None, layer: int = 0, **fields: int) -> bytes:
    """One command as its 64 bytes, little-endian.

    Parameters
    ----------
    waits:
        Per engine, the number of its commands (since start) that must have finished before.
    fields:
        The body's fields by name; left out ones are 0.

    Raises
    ------
    IllegalCommandError
        When a field does not exist, or its value does not fit.
    """
    waits = waits or {}
    header = [opcode.value, 0, layer & 0xFF, layer >> 8]
    header += [waits.get(engine, 0) & 0xFF for engine in Engine]
    word = int.from_bytes(bytes(header), "little")
    known = fields_of(layout_of(opcode))
    for name, value in fields.items():
        if name not in known:
            raise IllegalCommandError(f"{opcode.name} has no field {name!r}")
        offset, width, is_signed = known[name]
        value = int(value.value) if isinstance(value, _enum.Enum) else int(value)
        low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if is_signed else (0, (1 << width) - 1)
        if not low <= value <= high:
            raise IllegalCommandError(f"{opcode.name}.{name} must be {low} to {high}, not {value}")
        word |= (value & ((1 << width) - 1)) << offset
    return word.to_bytes(COMMAND_BYTES, "little")


def decode(command: bytes) -> dict[str, Any]:
    """A command's fields by name: ``opcode``, ``layer``, ``waits`` (by engine) and the body's.

    Raises
    ------
    IllegalCommandError
        When the opcode is unknown, a reserved bit is set or a count is 0, as the hardware would.
    """
    if len(command) != COMMAND_BYTES:
        raise IllegalCommandError(f"a command has {COMMAND_BYTES} bytes, not {len(command)}")
    try:
        opcode = Opcode(command[0])
    except ValueError:
        raise IllegalCommandError(f"unknown opcode {command[0]:#04x}") from None
    if command[1]:
        raise IllegalCommandError(f"{opcode.name}: flags must be 0, not {command[1]:#04x}")
    word = int.from_bytes(command, "little")
    result: dict[str, Any] = {
        "opcode": opcode,
        "layer": command[2] | command[3] << 8,
        "waits": {engine: command[4 + engine] for engine in Engine},
    }
    for name, (offset, width, is_signed) in fields_of(layout_of(opcode)).items():
        value = word >> offset & ((1 << width) - 1)
        if name.startswith("reserved"):
            if value:
                raise IllegalCommandError(f"{opcode.name}: reserved bits must be 0")
            continue
        if not value and name in COUNTS.get(opcode, ()):
            raise IllegalCommandError(f"{opcode.name}.{name} must be at least 1")
        result[name] = value - (1 << width) if is_signed and value >> (width - 1) else value
    return result
