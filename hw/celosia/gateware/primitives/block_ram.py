# SPDX-License-Identifier: Apache-2.0
"""What the families' block RAM cells have in common: ports, their model, how lanes and addresses share pins."""

from abc import abstractmethod
from typing import Any, ClassVar

from amaranth.hdl import Cat, Const, Module, Value, unsigned
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from ..family import device_of

__all__ = ["BlockRam"]

ADDRESS_PINS = 14


class BlockRam(Component):
    """A block RAM cell with ports a and b, both output registers in use, one clock.

    A read gives its word two cycles later on ``data``; in a cycle in which one port writes what the other reads, the
    word read is undefined.

    Parameters
    ----------
    width:
        Bits of a word on both ports, a key of :attr:`depths`.
    writers, readers:
        Which ports write, and which read: "a", "b" or "ab".

    Raises
    ------
    ValueError
        The cell has no words of ``width`` bits.

    Members
    -------
    enable, write:
        The port is used in this cycle; it writes, otherwise it reads.
    address, write_data, data:
        Word index, the word to write, the word read.
    lanes:
        Which lanes of :attr:`lane_bits` bits are written (one lane if the word is narrower).

    Each with ``a_`` or ``b_`` in front.
    """

    depths: ClassVar[dict[int, int]]
    """Words by width."""

    widest_dual: ClassVar[int]
    """The widest word with two ports that both read and write."""

    lane_bits: ClassVar[int]
    """Bits of a word that are written together."""

    def __init__(self, width: int, *, writers: str = "ab", readers: str = "ab"):
        if width not in self.depths:
            raise ValueError(f"width must be one of {', '.join(map(str, self.depths))}, not {width!r}")
        self.width, self.writers, self.readers = width, writers, readers
        self.lanes = max(1, width // self.lane_bits)
        port = {
            "enable": In(1),
            "write": In(1),
            "lanes": In(self.lanes),
            "address": In(range(self.depths[width])),
            "write_data": In(width),
            "data": Out(width),
        }
        super().__init__({f"{side}_{name}": member for side in "ab" for name, member in port.items()})

    def elaborate(self, platform):
        m = Module()
        if device_of(platform).simulated:
            self._model(m)
        else:
            self._cell(m)
        return m

    @abstractmethod
    def _cell(self, m: Module) -> None:
        """The vendor's cell."""

    def _model(self, m: Module) -> None:
        m.submodules.memory = memory = Memory(shape=unsigned(self.width), depth=self.depths[self.width], init=[])
        for side in "ab":
            enable, write, lanes, address, written, data = self._port(side)
            if side in self.writers:
                port = memory.write_port(granularity=self.width // self.lanes)
                m.d.comb += [
                    port.addr.eq(address),
                    port.data.eq(written),
                    port.en.eq((enable & write).replicate(self.lanes) & lanes),
                ]
            if side in self.readers:
                port = memory.read_port()
                reads = enable & ~write if side in self.writers else enable
                m.d.comb += [port.addr.eq(address), port.en.eq(reads)]
                m.d.sync += data.eq(port.data)

    def _port(self, side: str) -> tuple[Any, ...]:
        names = ("enable", "write", "lanes", "address", "write_data", "data")
        return tuple(getattr(self, f"{side}_{name}") for name in names)

    def _address_pins(self, lanes: Value, address: Value) -> Value:
        """All address pins: the low ones that a wide word leaves unused are the enables of its lanes."""
        unused = ADDRESS_PINS - len(address)
        low = Const(0, unused) if self.lanes == 1 else Cat(lanes, Const(0, unused - self.lanes))
        return Cat(low, address)

    def _write_pin(self, write: Value, lanes: Value) -> Value:
        """Whether the port writes; a word of one lane has no pin for the lane."""
        return write if self.lanes > 1 else write & lanes
