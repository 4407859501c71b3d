# SPDX-License-Identifier: Apache-2.0
"""The functional simulator as a transport: registers, windows and external memory over a :class:`Machine`."""

from collections.abc import Callable

import numpy as np

from celosia.arch.config import Config
from celosia.arch.isa import Engine, ErrorCause, Space
from celosia.arch.registers import (
    IDENTITY,
    Control,
    Register,
    Status,
    control_address_bits,
    stored,
    window,
    window_bits,
)
from celosia.arch.timing import ExternalTiming
from celosia.arch.version import VERSION
from celosia.runtime.transport import Event, Transport, TransportError

from .machine import Machine, Run

__all__ = ["FunctionalTransport"]

_BUSY = {
    Register.LOAD_BUSY: Engine.LOAD,
    Register.STORE_BUSY: Engine.STORE,
    Register.CONV_BUSY: Engine.CONV,
    Register.ELEMENTWISE_BUSY: Engine.ELEMENTWISE,
}


class FunctionalTransport(Transport):
    """A core whose programs are done the moment they are started.

    Cycles, events and busy counters are those of :mod:`celosia.arch.timing`. WAITS reads 0, and TIMEOUT has
    no effect. A command that the contract does not define raises
    :class:`~celosia.sim.functional.errors.UndefinedCommandError` from the write that starts it.

    Parameters
    ----------
    external_bytes:
        Size of the external memory, from bus address 0.
    timing:
        What it is like, for the cycles; None is ideal.
    """

    def __init__(self, config: Config, external_bytes: int = 16 << 20, timing: ExternalTiming | None = None):
        super().__init__(config, external_bytes)
        self._external = np.zeros(external_bytes, np.uint8)
        self._machine = Machine(config, self._external, timing)
        self._registers: dict[Register, int] = dict.fromkeys(stored(config), 0)
        self._enabled = self._pending = self._closed = False
        self._run: Run | None = None
        self._events: list[Event] = []

    def read(self, address: int) -> int:
        self._check_address(address, 4)
        if address >= 1 << window_bits(self.config):
            return int.from_bytes(self.read_block(address, 4), "little")
        try:
            return self._read(Register(address))
        except ValueError:
            return 0

    def _read(self, register: Register) -> int:
        run = self._run
        counters = (0, 0) if run is None else (run.cycles & 0xFFFFFFFF, run.cycles >> 32)
        match register:
            case Register.ID:
                return IDENTITY
            case Register.VERSION:
                return VERSION[0] << 16 | VERSION[1]
            case Register.HASH_LOW | Register.HASH_HIGH:
                return self.config.hash >> (32 if register is Register.HASH_HIGH else 0) & 0xFFFFFFFF
            case Register.STATUS:
                return 0 if run is None else (Status.DONE if run.cause is ErrorCause.NONE else Status.ERROR)
            case Register.ERROR:
                return 0 if run is None or run.cause is ErrorCause.NONE else run.cause.value | run.index << 16
            case Register.INTERRUPT:
                return self._enabled | self._pending << 1
            case Register.CYCLES_LOW | Register.CYCLES_HIGH:
                return counters[register is Register.CYCLES_HIGH]
            case Register.VECTORS:
                return 0 if run is None or not self.config.overlap else run.vectors & 0xFFFFFFFF
            case _ if register in _BUSY:
                return 0 if run is None or not self.config.overlap else run.busy(_BUSY[register]) & 0xFFFFFFFF
            case _:
                return self._registers.get(register, 0)

    def write(self, address: int, value: int) -> None:
        self._check_address(address, 4)
        if not 0 <= value < 1 << 32:
            raise TransportError(f"a register holds 32 unsigned bits, not {value!r}")
        if address >= 1 << window_bits(self.config):
            self.write_block(address, value.to_bytes(4, "little"))
        elif address == Register.CONTROL:
            self._control(Control(value & (Control.START | Control.RESET)))
        elif address == Register.INTERRUPT:
            self._enabled = bool(value & 1)
            self._pending = self._pending and not value & 2
        elif address in self._registers:
            self._registers[Register(address)] = value

    def _control(self, bits: Control) -> None:
        if Control.RESET in bits:
            self._run = None
        elif Control.START in bits:
            self._run = self._machine.run(
                self._registers[Register.START],
                self._registers.get(Register.EXTERNAL_BASE, 0),
                self._registers.get(Register.EXTERNAL_SIZE, 0),
            )
            self._events += self._run.events()
            self._pending = True

    def read_block(self, address: int, size: int) -> bytes:
        space, offset = self._locate(address, size)
        data = self._machine.memories[space][offset : offset + size].tobytes()
        return data + bytes(size - len(data))

    def write_block(self, address: int, data: bytes) -> None:
        space, offset = self._locate(address, len(data))
        room = max(self._machine.memories.size(space) - offset, 0)
        self._machine.memories.write(space, offset, np.frombuffer(data[:room], np.uint8))

    def external_read(self, offset: int, size: int) -> bytes:
        self._check_external(offset, size)
        return self._external[offset : offset + size].tobytes()

    def external_write(self, offset: int, data: bytes) -> None:
        self._check_external(offset, len(data))
        self._external[offset : offset + len(data)] = np.frombuffer(data, np.uint8)

    def wait(self, max_cycles: int | None = None, progress: Callable[[int], None] | None = None) -> None:
        self._check_open()
        cycles = 0 if self._run is None else self._run.cycles
        if progress is not None:
            progress(cycles)
        if not (self._enabled and self._pending):
            raise TransportError("no interrupt will come: nothing was started, or interrupts are disabled")
        if max_cycles is not None and cycles > max_cycles:
            raise TransportError(f"no interrupt within {max_cycles} cycles")

    def events(self) -> list[Event]:
        self._check_open()
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        self._closed = True

    def _locate(self, address: int, size: int) -> tuple[Space, int]:
        """The space and the offset in it of a block, which must lie in one window."""
        self._check_address(address, size)
        number, offset = divmod(address, 1 << window_bits(self.config))
        if not 1 <= number <= len(Space) or offset + size > 1 << window_bits(self.config):
            raise TransportError(f"control bus: {size} bytes at {address:#x} are not inside one window")
        space = Space(number - 1)
        assert window(self.config, space) + offset == address
        return space, offset

    def _check_address(self, address: int, size: int) -> None:
        self._check_open()
        limit = 1 << control_address_bits(self.config)
        if address < 0 or address % 4 or size % 4 or address + size > limit:
            raise TransportError(
                f"control bus: address and size must be multiples of 4 below {limit:#x}, not {address:#x} and {size}"
            )

    def _check_external(self, offset: int, size: int) -> None:
        self._check_open()
        self.check_external(offset, size)

    def _check_open(self) -> None:
        if self._closed:
            raise TransportError("this simulator is closed")
