# SPDX-License-Identifier: Apache-2.0
"""The command set and the register map as Markdown, read off the code that defines them.

``python -m celosia.arch.document docs/commands.md`` writes the document (without a path, it is printed).
Numbers come from the classes, explanations from their docstrings and from the comments beside their members.
"""

import enum as _enum
import inspect
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

from amaranth.hdl import unsigned
from amaranth.lib import data, enum

from . import isa, registers
from .config import PRESETS, Config
from .version import VERSION

__all__ = ["main", "render"]


def render() -> str:
    """The whole document."""
    parts = [
        "# Commands and registers",
        "<!-- Made by `python -m celosia.arch.document docs/commands.md`: change the code instead. -->",
        f"What a host and a Celosia core agree on, version {VERSION[0]}.{VERSION[1]}. "
        "A core's sizes are in its configuration; both sides take them from `celosia.arch.config`.",
        *_registers(),
        *_commands(),
        *_configurations(),
    ]
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the document to the path given, or print it."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) > 1:
        sys.exit("usage: python -m celosia.arch.document [docs/commands.md]")
    if arguments:
        Path(arguments[0]).write_text(render(), encoding="utf-8")
    else:
        print(render(), end="")


def _registers() -> list[str]:
    record = registers.PARAMETER_RECORD
    assert record.fields is not None
    fields = []
    for name, (kind, first, *_) in record.fields.items():
        fields.append((f"`{name}`", str(first), f"{kind.itemsize} bytes" if kind.kind == "V" else kind.name))
    return [
        "## Control bus",
        _text(registers),
        "### Registers",
        _text(registers.Register) + f" IDENTITY is {registers.IDENTITY:#010x}.",
        _members(registers.Register, ("address", "register", "what it holds"), "{:#04x}"),
        "### CONTROL",
        _text(registers.Control),
        _members(registers.Control, ("bit", "name", "effect of writing 1"), "{:#x}", bits=True),
        "### STATUS",
        _text(registers.Status),
        _members(registers.Status, ("bit", "name", "meaning"), "{:#x}", bits=True),
        "### ERROR",
        "The low byte of ERROR.",
        _members(isa.ErrorCause, ("code", "cause", "meaning"), "{}"),
        "### Parameter records",
        f"{record.itemsize} bytes each, little-endian; reserved bytes are not stored and read 0.",
        _table(("field", "first byte", "type"), fields),
    ]


def _commands() -> list[str]:
    parts = [
        "## Commands",
        _text(isa.commands),
        "### Engines",
        _text(isa.Engine),
        _members(isa.Engine, ("number", "engine", "what it does"), "{}"),
        "### Local memories",
        _text(isa.Space),
        _members(isa.Space, ("number", "memory", "what it holds"), "{}"),
        "### Header",
        _text(isa.Header),
        _layout(isa.Header),
    ]
    by_layout: dict[type[data.Struct], list[isa.Opcode]] = {}
    for opcode in isa.Opcode:
        by_layout.setdefault(isa.layout_of(opcode), []).append(opcode)
    for struct, opcodes in by_layout.items():
        parts.append("### " + ", ".join(f"{opcode.name} ({opcode.value:#04x})" for opcode in opcodes))
        parts.append(_text(struct))
        counts = isa.COUNTS.get(opcodes[0], ())
        if counts:
            parts.append("At least 1: " + ", ".join(f"`{name}`" for name in counts) + ".")
        parts.append(_layout(struct))
    return parts


def _configurations() -> list[str]:
    def row(config: Config) -> tuple[str, ...]:
        windows = [f"`{registers.window(config, space):#x}`" for space in isa.Space]
        return (f"`{config.name}`", f"{config.rows}x{config.columns}", *windows, f"`{config.hash:016x}`")

    header = ("configuration", "array", *(f"{space.name.lower()} window" for space in isa.Space), "hash")
    return [
        "## Configurations",
        "Where the windows of the named configurations are, and what their HASH registers read.",
        _table(header, [row(config) for config in PRESETS.values()]),
    ]


def _text(thing: type | ModuleType) -> str:
    """A docstring as Markdown: roles become code, indented blocks already are."""
    text = re.sub(r":[a-z]+:`[~.]*([^`]+)`", r"`\1`", inspect.getdoc(thing) or "")
    return re.sub(r"::$", ":", text, flags=re.MULTILINE)


def _comments(kind: type) -> dict[str, str]:
    """The comment beside each member of an enumeration, by the member's name."""
    found = re.finditer(r"^\s+(\w+) = [^#\n]+?(?:\s+#\s*(.*))?$", inspect.getsource(kind), re.MULTILINE)
    return {match[1]: match[2] or "" for match in found}


def _members(kind: type[_enum.Enum], header: tuple[str, str, str], number: str, *, bits: bool = False) -> str:
    """An enumeration as a table: number (or number of the bit), name, and the comments if there are any."""
    comments = _comments(kind)

    def row(member: _enum.Enum) -> tuple[str, str, str]:
        value = member.value.bit_length() - 1 if bits else member.value
        return str(value) if bits else f"`{number.format(value)}`", f"`{member.name}`", comments[member.name]

    kept = 3 if any(comments[member.name] for member in kind) else 2
    return _table(header[:kept], [row(member)[:kept] for member in kind])


def _layout(struct: type[data.Struct]) -> str:
    """A command's fields as a table of bytes, bits and types."""
    rows = []
    for name, field in data.Layout.cast(struct):
        if name == "header":
            continue
        shape = unsigned(field.width) if isinstance(field.shape, enum.EnumMeta) else field.shape
        kind = "signed" if getattr(shape, "signed", False) else "unsigned"
        if isinstance(field.shape, enum.EnumMeta):
            kind = f"`{field.shape.__name__}`"
        if str(name).startswith("reserved"):
            kind = "0"
        first, last = field.offset, field.offset + field.width - 1
        rows.append((f"`{name}`", str(first // 8), f"{last}:{first}", str(field.width), kind))
    if not rows:
        return "No fields but the header's."
    return _table(("field", "byte", "bits", "width", "type"), rows)


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(header), *[list(row) for row in rows]]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    main()
