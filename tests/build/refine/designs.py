# SPDX-License-Identifier: Apache-2.0
"""Small placed designs, made by hand as nextpnr-ecp5 writes them."""

import random
import re
from typing import Any

from celosia.build.refine.placement import Placement

__all__ = ["Design", "drawn"]

_OUTPUT = re.compile(r"(F|OFX|FCO|Q|O|CLKO|WDO\d|WADO\d|P\d+|DOA\d+)$")


class Design:
    """Cells, with wires by name: those of one name are one wire, None is an open port.

    Members
    -------
    bits:
        The number of every wire.
    """

    def __init__(self):
        self.bits: dict[str, int] = {}
        self.cells: dict[str, dict[str, Any]] = {}
        self._global: set[str] = set()

    def add(self, name: str, kind: str, at: str, wires: dict[str, str | None], **parameters: str) -> None:
        """A cell at a BEL."""
        self.cells[name] = {
            "type": kind,
            "parameters": parameters,
            "attributes": {"NEXTPNR_BEL": at, "src": "by hand"},
            "port_directions": {port: "output" if _OUTPUT.match(port) else "input" for port in wires},
            "connections": {port: [] if wire is None else [self._bit(wire)] for port, wire in wires.items()},
        }

    def lut(self, name: str, at: tuple[int, int, int], mode: str = "", /, **wires: str | None) -> None:
        """A LUT at column, row and position."""
        self.add(name, "TRELLIS_COMB", f"{_slice(*at)}.K{at[2] % 2}", wires, **({"MODE": mode} if mode else {}))

    def register(
        self, name: str, at: tuple[int, int, int], options: dict[str, str] | None = None, /, **wires: str | None
    ) -> None:
        """A register at column, row and position."""
        self.add(name, "TRELLIS_FF", f"{_slice(*at)}.FF{at[2] % 2}", {"CLK": "clk", **wires}, **(options or {}))

    def memory(self, at: tuple[int, int], /, **options: str) -> None:
        """A distributed memory of one bit in a tile: a LUT, and a slice for its write port."""
        wires = {"A": "read", "F": "stored", "WD": "written", "WAD0": "address", "WCK": "clk", "WRE": "write"}
        self.add("ram", "TRELLIS_COMB", f"{_slice(*at, 0)}.K0", {**wires}, MODE="DPRAM ", **options)
        ramw = {"WDO0": "written", "WADO0": "address", "A0": "data", "B0": "where"}
        self.add("ram write", "TRELLIS_RAMW", f"{_slice(*at, 4)}.RAMW", {**ramw})
        for z in (4, 5):
            self.lut(f"ram block {z}", (*at, z), "RAMW_BLOCK", M=None, F=None)

    def fill(self, columns: range, rows: range) -> None:
        """Something that is connected to nothing in the last place of every tile: tiles in use are known."""
        for x in columns:
            for y in rows:
                self.lut(f"filler {x} {y}", (x, y, 7), F=None)

    def make_global(self, name: str) -> None:
        """Let a wire be one for clocks."""
        self._global.add(name)

    def index(self, name: str) -> int:
        """A cell's, in the placement."""
        return list(self.cells).index(name)

    def module(self) -> dict[str, Any]:
        """As in nextpnr's file."""
        nets = {
            name: {"bits": [bit], "attributes": {"ROUTING": " "} | ({"ECP5_IS_GLOBAL": "0" * 31 + "1"} if way else {})}
            for name, bit in self.bits.items()
            for way in [name in self._global]
        }
        return {"settings": {}, "cells": self.cells, "netnames": nets}

    def placement(self) -> Placement:
        """The design, read."""
        return Placement(self.module())

    def _bit(self, wire: str) -> int:
        return self.bits.setdefault(wire, len(self.bits) + 2)


def _slice(x: int, y: int, z: int) -> str:
    return f"X{x}/Y{y}/SLICE{'ABCD'[z // 2]}"


def drawn(rng: random.Random, registers: int, luts: int, size: int = 12) -> Design:
    """Registers and LUTs at random in a square, and wires without loops: a LUT reads registers and earlier LUTs. Some
    registers are behind a LUT of their own, some share a reset."""
    design = Design()
    places = [(x, y, z) for x in range(size) for y in range(size) for z in range(7)]
    places = rng.sample(places, registers + luts)
    outside = [f"q{i}" for i in range(registers)]
    resets: dict[tuple[int, int], str | None] = {}
    for i in range(luts):
        place = places.pop()
        inputs = {port: rng.choice(outside) for port in "ABCD"[: rng.randint(1, 4)]}
        design.lut(f"lut{i}", place, **inputs, F=f"f{i}")
        if registers and rng.random() < 0.4:
            registers -= 1
            reset = resets.setdefault(place[:2], rng.choice([None, "q0"]))
            design.register(f"ff{registers}", place, DI=f"f{i}", LSR=reset, Q=f"q{registers}")
        outside.append(f"f{i}")
    for i in range(registers):
        place = places.pop()
        reset = resets.setdefault(place[:2], rng.choice([None, "q0"]))
        design.register(f"ff{i}", place, M=rng.choice(outside), LSR=reset, Q=f"q{i}")
    design.fill(range(size), range(size))
    return design
