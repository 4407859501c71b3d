# SPDX-License-Identifier: Apache-2.0
"""A whole board: its clock, its pins, and the system between them."""

from dataclasses import dataclass

from amaranth.hdl import Elaboratable, Module
from amaranth.lib import io
from amaranth.lib.wiring import connect

from ..arch.config import Config
from ..gateware.link.uart import BitRate
from .board import Board, BoardError
from .clocking import Clocking
from .pll import Pll, solve
from .sdram_pads import IO_CYCLES, SdramPads
from .soc import Soc

__all__ = ["System", "Top"]


@dataclass(frozen=True)
class System:
    """What is to be built for a board, checked.

    Parameters
    ----------
    board:
        The board.
    config, baud:
        Of the core and of the serial line.
    pll:
        Setting of the PLL.
    """

    board: Board
    config: Config
    baud: int
    pll: Pll

    @property
    def clock_hz(self) -> int:
        """Frequency of the core."""
        return round(self.pll.output_hz)

    @classmethod
    def of(
        cls, board: Board, *, config: Config | None = None, clock_hz: float | None = None, baud: int | None = None
    ) -> "System":
        """A board's own system, or one with another configuration, clock or baud rate.

        Raises
        ------
        ClockError
            The board's PLL does not make that clock.
        BoardError
            The clock does not go with the board's SDRAM or with the baud rate.
        """
        pll = solve(board.part.family, board.crystal_hz, clock_hz or board.clock_hz)
        system = cls(board, config or board.config, baud or board.baud, pll)
        try:
            BitRate(system.clock_hz, system.baud)
            if board.sdram is not None and system.config.external:
                board.sdram.cycles(system.clock_hz)
        except ValueError as error:
            raise BoardError(f"board {board.name}: {error}") from None
        return system


class Top(Elaboratable):
    """A system with the board around it.

    Parameters
    ----------
    system:
        The system.
    """

    def __init__(self, system: System):
        self.system = system

    def elaborate(self, platform):
        m = Module()
        system, board = self.system, self.system.board
        m.submodules.clocking = Clocking(system.pll)
        m.submodules.soc = soc = Soc(
            system.config,
            clock_hz=system.clock_hz,
            baud=system.baud,
            buffer_bytes=board.buffer_bytes,
            sdram=board.sdram,
            io_cycles=IO_CYCLES,
        )
        if soc.chip is not None:
            m.submodules.sdram_pads = pads = SdramPads(platform)
            connect(m, soc.sdram, pads.pins)
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        m.d.comb += [soc.rx.eq(rx.i), tx.o.eq(soc.tx)]
        for light, resource, number in board.lamps:
            m.submodules[light] = lamp = io.Buffer("o", platform.request(resource, number, dir="-"))
            m.d.comb += lamp.o.eq(getattr(soc, light))
        return m
