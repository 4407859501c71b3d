# SPDX-License-Identifier: Apache-2.0
"""When wires have their values, and when they must, in picoseconds after the clock's edge.

A wire's delay is a line by how far it goes, with the steps of nextpnr's estimate (``predictDelay`` in its
``ecp5/arch.cc``). It was fitted to the wires from register to register of a routed c256 (``--detailed-timing-report``),
on their slow side: the estimate itself is too slow for long wires and too fast for short ones.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..delays import ALONG_CARRY, CARRY, LUT, MEMORY_START, MULTIPLEXER, START
from .placement import Pin, Placement

__all__ = ["NEVER", "WIRE", "Times", "tied"]

NEVER = 10**6
"""When a wire must have its value that no register waits for."""

_SETUP = {"TRELLIS_FF": 0, "MULT18X18D": 200, "DP16KD": 200, "TRELLIS_RAMW": 0, "TRELLIS_COMB": 0}
"""Cells at which paths end, and how long before the clock."""

_TO_MULTIPLEXER = ("M", "F1", "FXA", "FXB")

_BOUND = frozenset(("FCI", "FXA", "FXB", "F1", "WD", "WAD0", "WAD1", "WAD2", "WAD3"))
"""Ports with a wire of their own from the neighbour that drives them."""

_OPERANDS = frozenset("ABCD")
_ENTRY, _TILE = 710, 60
"""Picoseconds of any wire, and of a step."""

_NEAR, _FARTHEST = 5, 160
"""Columns or rows that count as two steps each, and more than any ECP5 has."""


def _wire_delays() -> NDArray[np.int64]:
    """By columns and rows between the ends."""
    distance = np.arange(_FARTHEST)
    steps = distance + np.minimum(distance, _NEAR)
    return _ENTRY + _TILE * (steps[:, None] + steps[None, :])


WIRE = _wire_delays()
"""Picoseconds of a wire, by columns and rows between its ends."""


def tied(placement: Placement, bit: int, index: int, port: str) -> bool:
    """Whether an input of a cell can only be reached from beside it, where its driver has to be."""
    return port in _BOUND or (port == "DI" and placement.kinds[placement.driver[bit][0]] == "TRELLIS_COMB")


class Times:
    """Of every wire, the latest arrival at its driver (``arrival``), and when it must be there (``required``).

    Parameters
    ----------
    placement:
        Where cells are. Whoever moves some says so by :meth:`update`.
    period:
        Of the clock: all registers have the same.
    """

    def __init__(self, placement: Placement, period: int):
        self.placement, self.period = placement, period
        self._delays = WIRE.tolist()
        self._through: dict[Pin, list[tuple[int, int]]] = {}
        self._into: dict[int, list[tuple[int, Pin, int]]] = defaultdict(list)
        self._tied = set[Pin]()
        for bit, readers in placement.readers.items():
            for pin in readers:
                if tied(placement, bit, *pin):
                    self._tied.add(pin)
                if placement.kinds[pin[0]] == "TRELLIS_COMB":
                    self._through[pin] = paths = _paths(placement, *pin)
                    for out, delay in paths:
                        self._into[out].append((bit, pin, delay))
        self.arrival: dict[int, int] = {}
        self.required: dict[int, int] = {}
        # Wires in the order in which they follow from each other; a loop of logic has none, and is left at one wire.
        self._rank = {bit: rank for rank, bit in enumerate(self._order())}
        for bit in self._rank:
            self._arrive(bit)
        for bit in reversed(self._rank):
            self._require(bit)

    def slowest(self) -> int:
        """Picoseconds of the slowest path from register to register."""
        slacks = (self.slack(bit, index, port) for bit, pins in self.placement.readers.items() for index, port in pins)
        return max(0, self.period - min(slacks, default=self.period))

    def slack(self, bit: int, index: int, port: str) -> int:
        """What the slowest path has to spare that enters a cell by a port."""
        return self.limit(index, port) - self.arrival[bit] - self.wire(bit, index, port)

    def wire(self, bit: int, index: int, port: str) -> int:
        """How long it is from a wire's driver to one of its readers."""
        if (index, port) in self._tied:
            return 0
        driver, x, y = self.placement.driver[bit][0], self.placement.x, self.placement.y
        return self._delays[abs(x[index] - x[driver])][abs(y[index] - y[driver])]

    def limit(self, index: int, port: str) -> int:
        """When a cell's input must be there."""
        paths = self._through.get((index, port))
        if paths is None or port == "WRE":
            setup = _SETUP.get(self.placement.kinds[index])
            return NEVER if setup is None else self.period - setup
        return min((self.required.get(bit, NEVER) - delay for bit, delay in paths), default=NEVER)

    def update(self, moved: tuple[int, ...]) -> None:
        """After cells have moved: everything that depends on where they are."""
        own = [bit for cell in moved for bit, _ in self.placement.outputs[cell]]
        self._spread([*own, *(after for bit in own for after in self._after(bit))], self._arrive, self._after, 1)
        into = [bit for cell in moved for bit, _ in self.placement.inputs[cell]]
        self._spread([*own, *into], self._require, self._before, -1)

    def _spread(
        self,
        waiting: list[int],
        change: Callable[[int], bool],
        others: Callable[[int], Iterable[int]],
        sign: int,
    ) -> None:
        """Wires in their order, and with each that changes those that see it; nothing goes against the order."""
        queue = [(sign * self._rank[bit], bit) for bit in dict.fromkeys(waiting)]
        heapq.heapify(queue)
        queued = set(waiting)
        while queue:
            place, bit = heapq.heappop(queue)
            queued.discard(bit)
            if change(bit):
                for other in others(bit):
                    further = sign * self._rank[other]
                    if other not in queued and further > place:
                        queued.add(other)
                        heapq.heappush(queue, (further, other))

    def _after(self, bit: int) -> Iterator[int]:
        for pin in self.placement.readers.get(bit, ()):
            yield from (out for out, _ in self._through.get(pin, ()))

    def _before(self, bit: int) -> Iterator[int]:
        return (before for before, _, _ in self._into.get(bit, ()))

    def _order(self) -> list[int]:
        """Wires, each behind those that it depends on: depth first, without recursion."""
        order: list[int] = []
        begun, done = set[int](), set[int]()
        for root in self.placement.driver:
            waiting = [root]
            while waiting:
                bit = waiting[-1]
                before = [] if bit in begun else [b for b in self._before(bit) if b not in begun]
                begun.add(bit)
                if before:
                    waiting += before
                    continue
                waiting.pop()
                if bit not in done:
                    done.add(bit)
                    order.append(bit)
        return order

    def _arrive(self, bit: int) -> bool:
        """Work out when a wire has its value; whether that is new."""
        index, _ = self.placement.driver[bit]
        time = self._start(index)
        for before, (reader, port), delay in self._into.get(bit, ()):
            if before in self.arrival:
                time = max(time, self.arrival[before] + self.wire(before, reader, port) + delay)
        new = self.arrival.get(bit) != time
        self.arrival[bit] = time
        return new

    def _start(self, index: int) -> int:
        """When a cell's outputs are there of themselves. A pin has no clock."""
        kind = self.placement.kinds[index]
        if kind == "TRELLIS_IO":
            return -NEVER
        return MEMORY_START if self.placement.modes[index] == "DPRAM" else START.get(kind, 0)

    def _require(self, bit: int) -> bool:
        """Work out when a wire must have its value; whether that is new."""
        readers = self.placement.readers.get(bit, ())
        time = min((self.limit(*pin) - self.wire(bit, *pin) for pin in readers), default=NEVER)
        new = self.required.get(bit) != time
        self.required[bit] = time
        return new


def _paths(placement: Placement, index: int, port: str) -> list[tuple[int, int]]:
    """The outputs of a LUT that depend on an input, and how long it takes to them."""
    mode = placement.modes[index]
    if mode == "DPRAM" and port not in _OPERANDS:
        return []  # written with the clock
    found = []
    for bit, out in placement.outputs[index]:
        if port in _TO_MULTIPLEXER:
            if out == "OFX":
                found.append((bit, MULTIPLEXER))
        elif mode == "CCU2":
            found.append((bit, ALONG_CARRY if (port, out) == ("FCI", "FCO") else CARRY))
        else:
            found.append((bit, LUT + (MULTIPLEXER if out == "OFX" else 0)))
    return found
