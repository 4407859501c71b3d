# SPDX-License-Identifier: Apache-2.0
"""The board's end of the serial link, put together."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ...arch.config import Config
from ...arch.link import BUFFER_BYTES, LINK_IDENTITY, LINK_VERSION, Info
from ...arch.registers import control_address_bits
from ..interfaces import AXI4, AXI4Lite
from .access import WordAccess
from .buffer import FrameBuffer
from .executor import Executor
from .receiver import FrameReceiver
from .transmitter import FrameTransmitter
from .uart import BitRate, UartReceiver, UartTransmitter

__all__ = ["Link"]


class Link(Component):
    """A host on a serial line as the initiator of the control bus and, where there is some, of external memory.

    ::

        rx ─► UART ─► frame receiver ─► frame buffer ─► executor ◄─► word access ─┬► control
                      (stuffing, CRC)                      │                      └► memory
        tx ◄─ UART ◄─ frame transmitter ◄──────────────────┘

    docs/link.md is the protocol.

    Parameters
    ----------
    config:
        Of the core: widths of the buses; its hash is told to the host.
    clock_hz, baud:
        Cycles of the clock and bits of the line a second; a bit lasts at least 4 cycles.
    external_bytes:
        External memory the host can reach, from address 0; 0 is none.
    buffer_bytes:
        Block RAM for received frames, a power of two. How many words a host writes at once follows from it.

    Members
    -------
    rx, tx:
        The line. ``rx`` may be asynchronous.
    control:
        The core's registers and windows.
    memory:
        External memory; only where ``external_bytes`` is not 0.
    interrupt:
        The core's interrupt; every answer tells the host.

    Raises
    ------
    ValueError
        A parameter is out of its bounds.
    """

    rx: Signal
    tx: Signal
    control: "AXI4Lite"
    memory: "AXI4"
    interrupt: Signal

    def __init__(
        self,
        config: Config,
        *,
        clock_hz: float,
        baud: int,
        external_bytes: int = 0,
        buffer_bytes: int = BUFFER_BYTES,
    ):
        if not 0 <= external_bytes < 1 << 32 or external_bytes % config.bus_bytes:
            raise ValueError(
                f"external_bytes must be a multiple of {config.bus_bytes} below 4 GiB, not {external_bytes!r}"
            )
        self.config, self.external_bytes = config, external_bytes
        self.clock_hz = round(clock_hz)
        self.rate = BitRate(self.clock_hz, baud)
        self.buffer_bytes = buffer_bytes
        memory = {"memory": Out(AXI4(config.address_bits, config.bus_bits))} if external_bytes else {}
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "control": Out(AXI4Lite(control_address_bits(config))),
                "interrupt": In(1),
                **memory,
            }
        )

    @property
    def info(self) -> dict[Info, int]:
        """What the host is told."""
        return {
            Info.VERSION: LINK_IDENTITY << 16 | LINK_VERSION,
            Info.CLOCK_HZ: self.clock_hz,
            Info.EXTERNAL_BYTES: self.external_bytes,
            Info.BUFFER_BYTES: self.buffer_bytes,
            Info.HASH_LOW: self.config.hash & 0xFFFF_FFFF,
            Info.HASH_HIGH: self.config.hash >> 32,
        }

    def elaborate(self, platform):
        m = Module()
        external = self.external_bytes > 0
        m.submodules.uart_receiver = uart_receiver = UartReceiver(self.rate)
        m.submodules.receiver = receiver = FrameReceiver()
        m.submodules.buffer = buffer = FrameBuffer(self.buffer_bytes)
        m.submodules.executor = executor = Executor(self.info, external=external)
        m.submodules.access = access = WordAccess(self.config, external=external)
        m.submodules.transmitter = transmitter = FrameTransmitter()
        m.submodules.uart_transmitter = uart_transmitter = UartTransmitter(self.rate)
        connect(m, buffer.o, executor.i)
        connect(m, executor.o, transmitter.i)
        connect(m, transmitter.o, uart_transmitter.i)
        connect(m, access.control, flipped(self.control))
        if external:
            connect(m, access.memory, flipped(self.memory))
        m.d.comb += [
            uart_receiver.rx.eq(self.rx),
            self.tx.eq(uart_transmitter.tx),
            receiver.valid.eq(uart_receiver.valid),
            receiver.data.eq(uart_receiver.data),
            buffer.write.eq(receiver.write),
            buffer.data.eq(receiver.byte),
            buffer.commit.eq(receiver.commit),
            buffer.length.eq(receiver.length),
            buffer.drop.eq(receiver.drop),
            *(getattr(access, name).eq(getattr(executor, name)) for name in ("start", "write", "external")),
            *(getattr(access, name).eq(getattr(executor, name)) for name in ("address", "word")),
            *(getattr(executor, name).eq(getattr(access, name)) for name in ("done", "error", "read")),
            executor.interrupt.eq(self.interrupt),
        ]
        return m
