# SPDX-License-Identifier: Apache-2.0
"""Reads Yosys' flat Verilog: what it declares and assigns, and the registers that may become elements of arrays."""

import re
from dataclasses import dataclass

__all__ = ["RANGE", "TOKEN", "WIDEST", "Netlist", "Register", "fold_equal", "width"]

WIDEST = 64
"""Bits of a register or of an intermediate wire: wider ones are arrays of words in C++ already."""

TOKEN = re.compile(
    r"""(?P<skip>"[^"]*"|\$\w+|\d*'s?[bdho][0-9a-fA-FxzXZ?_]+|\d+)|(?P<name>\\\S+[ ]|[A-Za-z_][A-Za-z0-9_$]*)"""
)
"""A name, or what could be taken for one."""

RANGE = re.compile(r"\[(\d+)(?::(\d+))?\]")
"""One bit or some bits of what stands before it."""

_DECLARATION = re.compile(r"  (wire|reg) ((?:signed )?(?:\[(\d+):\d+\] )?)(\\\S+ |\w+)(?: = \d+'[hd](0+))?;")
_ASSIGN = re.compile(r"  assign (\\\S+ |\w+) = (.*);")
_PORT = re.compile(r"  (?:input|output|inout) (?:\[\d+:\d+\] )?(\w+);")
_RESET = re.compile(r"    if \((\w+)\) (\\\S+ |\w+) <= \d+'[hd]0+;")
_UPDATE = re.compile(r"    (?:else )?(?:if \((.*)\) )?(\\\S+ |\w+) <= (.*);")
_ALWAYS = "  always @(posedge clk)"
_EQUAL = re.compile(r"(?<=[{,] )((?:\\\S+ |\w+)\[\d+\] ?)(?:, \1){2,}(?=,| })")


@dataclass(frozen=True)
class Register:
    """A register that may become an element: where it stands, and what it takes at an edge."""

    name: str
    kind: str
    reset: str | None
    enable: str | None
    value: str
    lines: tuple[int, ...]


class Netlist:
    """Lines of Yosys' Verilog, and what they declare."""

    def __init__(self, lines: list[str]):
        self.lines = lines
        self.kinds: dict[str, str] = {}
        self.assigned: dict[str, str] = {}
        self.registers: list[Register] = []
        ports = {match[1] for line in lines if (match := _PORT.fullmatch(line))}
        zero: dict[str, int] = {}
        for number, line in enumerate(lines):
            if match := _DECLARATION.fullmatch(line):
                self.kinds[match[4]] = match[2]
                if match[1] == "reg" and match[5] and match[4] not in ports and int(match[3] or 0) < WIDEST:
                    zero[match[4]] = number
            elif match := _ASSIGN.fullmatch(line):
                self.assigned[match[1]] = match[2]
            elif line == _ALWAYS:
                self._take_register(number, zero)

    def _take_register(self, number: int, zero: dict[str, int]) -> None:
        reset = _RESET.fullmatch(self.lines[number + 1])
        last = number + (2 if reset else 1)
        update = _UPDATE.fullmatch(self.lines[last])
        if not update or update[2] not in zero or (reset and reset[2] != update[2]):
            return
        if reset is None and self.lines[last + 1].startswith("    "):
            return
        name = update[2]
        lines = (zero[name], *range(number, last + 1))
        self.registers.append(
            Register(name, self.kinds[name], reset[1] if reset else None, update[1], update[3], lines)
        )


def fold_equal(line: str) -> str:
    """The line with equal neighbours in a concatenation, a sign extension mostly, written once and counted."""
    if '"' in line or ", " not in line:
        return line
    return _EQUAL.sub(lambda match: f"{{{match[0].count(', ') + 1}{{{match[1]}}}}}", line)


def width(kind: str) -> int:
    """Bits of a declared type."""
    match = RANGE.search(kind)
    return int(match[1]) - int(match[2] or match[1]) + 1 if match else 1
