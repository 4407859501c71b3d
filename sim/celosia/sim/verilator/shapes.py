# SPDX-License-Identifier: Apache-2.0
"""What a register takes at an edge, as an expression whose names are taken out: equal shapes fit one loop."""

import re
from collections.abc import Container
from dataclasses import dataclass

from .flat_verilog import RANGE, TOKEN, WIDEST, Netlist, Register, width

__all__ = ["Shape", "shape"]

LARGEST = 24
"""Wires in the expression of one register; a larger one is left alone."""


@dataclass(frozen=True)
class Shape:
    """An expression with its leaves taken out."""

    wires: tuple[str, ...]
    """The declared type of each intermediate wire, and the last, the register's."""
    texts: tuple[tuple[str | int, ...], ...]
    """What each is assigned: text, leaves as numbers from 0, wires as numbers from −1 down."""
    leaves: tuple[str, ...]
    """The type of each leaf."""


def shape(register: Register, netlist: Netlist, elements: Container[str]) -> tuple[Shape, tuple[str, ...]] | None:
    """The shape of a register's next value, and its leaves: names, or parts of what is no element.

    A part, ``name[9:2]``, is a leaf of its own: the columns of one wide word then have equal shapes.

    Parameters
    ----------
    elements:
        Names of registers that are elements of arrays: always leaves, and whole.

    Returns
    -------
    :
        None for an expression that is too large or reads a memory.
    """
    walk = _Walk(netlist, elements)
    try:
        walk.texts.append(walk.text(register.value))
    except _UnknownError:
        return None
    if len(walk.texts) > LARGEST:
        return None
    kinds = (*(netlist.kinds[name] for name in walk.wires), register.kind)
    return Shape(kinds, tuple(walk.texts), tuple(walk.leaves.values())), tuple(walk.leaves)


class _UnknownError(Exception):
    """A name without a declared type: a memory."""


class _Walk:
    """The wires behind one expression, each after those that it reads, and the leaves with their types."""

    def __init__(self, netlist: Netlist, elements: Container[str]):
        self._kinds, self._assigned, self._elements = netlist.kinds, netlist.assigned, elements
        self.texts: list[tuple[str | int, ...]] = []
        self.wires: dict[str, int] = {}
        self.leaves: dict[str, str] = {}
        self._depth = 0

    def text(self, text: str) -> tuple[str | int, ...]:
        """The text with its names as numbers."""
        parts: list[str | int] = []
        end = 0
        for match in TOKEN.finditer(text):
            name = match["name"]
            if name is None:
                continue
            before = text[end : match.start()]
            end = match.end()
            number = self._wire(name)
            if number is None:
                part = None if name in self._elements else RANGE.match(text, end)
                number = self._leaf(name, part)
                end = part.end() if part else end
            parts += [before, number]
        return (*parts, text[end:])

    def _wire(self, name: str) -> int | None:
        """The number of a wire that becomes part of the expression; None for a leaf."""
        if name in self.wires:
            return self.wires[name]
        if name in self._elements or name not in self._assigned or len(self.texts) + self._depth >= LARGEST:
            return None
        if name not in self._kinds or width(self._kinds[name]) > WIDEST:
            return None
        self._depth += 1
        inside = self.text(self._assigned[name])
        self._depth -= 1
        self.texts.append(inside)
        self.wires[name] = -len(self.texts)
        return self.wires[name]

    def _leaf(self, name: str, part: re.Match[str] | None) -> int:
        if name not in self._kinds:
            raise _UnknownError
        leaf, kind = name, self._kinds[name]
        if part is not None:
            last = int(part[1]) - int(part[2] or part[1])
            leaf, kind = name + part[0], f"[{last}:0] " if last else ""
        self.leaves.setdefault(leaf, kind)
        return list(self.leaves).index(leaf)
