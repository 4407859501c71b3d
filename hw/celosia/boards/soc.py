# SPDX-License-Identifier: Apache-2.0
"""The system on a board: a core, the serial link to the host, and the external memory if there is one."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ..arch.config import Config
from ..arch.link import BUFFER_BYTES
from ..gateware.core import Core
from ..gateware.link import Link
from ..gateware.sdram import Chip, Sdram, SdramPins
from ..gateware.sdram.arbiter import AXI4Arbiter
from .lights import LIGHTS, Lights
from .no_memory import NoMemory

__all__ = ["Soc"]


class Soc(Component):
    """Everything between a board's pins, in one clock domain.

    ::

                 ┌──────┐ control (AXI4-Lite) ┌──────┐
        rx ────► │      ├────────────────────►│      │
        tx ◄──── │ link │ ◄── interrupt ──────┤ core │
                 │      │                     │      ├──► lights
                 └──┬───┘                     └──┬───┘
                    │ memory (AXI4)              │ memory (AXI4)
                    └──────► arbiter ◄───────────┘
                                │
                              SDRAM ◄──► pins         (without: NoMemory, which answers with errors)

    Parameters
    ----------
    config:
        Of the core.
    clock_hz:
        Frequency of the clock: baud rate, timing of the SDRAM, and the pace of the lights come from it.
    baud:
        Of the serial line.
    buffer_bytes:
        Of received frames that the link holds.
    sdram:
        The SDRAM chip on the board, or ``None``. A core without an external bus leaves it alone.
    io_cycles:
        Cycles that the board's pads add between the SDRAM's controller and chip (:class:`.Sdram`).

    Members
    -------
    rx, tx:
        The serial line. ``rx`` is asynchronous.
    running, done, error, heartbeat:
        Lights (:class:`.lights.Lights`).
    sdram:
        Pins of the SDRAM, if there is one (:class:`.SdramPins`).
    """

    rx: Signal
    tx: Signal
    sdram: "SdramPins"

    def __init__(
        self,
        config: Config,
        *,
        clock_hz: int,
        baud: int,
        buffer_bytes: int = BUFFER_BYTES,
        sdram: Chip | None = None,
        io_cycles: int = 0,
    ):
        self.config, self.clock_hz, self.baud, self.io_cycles = config, clock_hz, baud, io_cycles
        self.buffer_bytes = buffer_bytes
        self.chip = sdram if config.external else None
        members: dict[str, Any] = {"rx": In(1, init=1), "tx": Out(1, init=1), **{name: Out(1) for name in LIGHTS}}
        if self.chip:
            members["sdram"] = Out(SdramPins())
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        external_bytes = self.chip.size if self.chip else 0
        m.submodules.core = core = Core(self.config)
        m.submodules.link = link = Link(
            self.config,
            clock_hz=self.clock_hz,
            baud=self.baud,
            external_bytes=external_bytes,
            buffer_bytes=self.buffer_bytes,
        )
        m.submodules.lights = lights = Lights(self.config, clock_hz=self.clock_hz)
        connect(m, link.control, core.control)
        if self.chip is None:
            m.submodules.no_memory = no_memory = NoMemory(self.config)
            connect(m, core.memory, no_memory.bus)
        else:
            self._sdram(m, self.chip, core, link)
        listened = lights.control.signature.members
        m.d.comb += [
            link.rx.eq(self.rx),
            self.tx.eq(link.tx),
            link.interrupt.eq(core.interrupt),
            lights.started.eq(core.trace_started.any()),
            *(getattr(lights.control, name).eq(getattr(core.control, name)) for name in listened),
            *(getattr(self, name).eq(getattr(lights, name)) for name in LIGHTS),
        ]
        return m

    def _sdram(self, m: Module, chip: Chip, core: Core, link: Link):
        """External memory for both, the core and the host."""
        m.submodules.sdram = sdram = Sdram(self.config, chip, clock_hz=self.clock_hz, io_cycles=self.io_cycles)
        m.submodules.arbiter = arbiter = AXI4Arbiter(self.config)
        connect(m, core.memory, arbiter.a)
        connect(m, link.memory, arbiter.b)
        connect(m, arbiter.target, sdram.bus)
        connect(m, sdram.pins, flipped(self.sdram))
