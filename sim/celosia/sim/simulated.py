# SPDX-License-Identifier: Apache-2.0
"""What the cycle-accurate simulators share: the transport's methods over a clock that runs when told to."""

import enum
from abc import abstractmethod
from collections.abc import Callable

import numpy as np

from celosia.arch.config import Config
from celosia.arch.isa import Engine
from celosia.arch.registers import control_address_bits
from celosia.arch.timing import START_CYCLES
from celosia.runtime.transport import Event, Transport, TransportError

from .memory import MemoryModel

__all__ = ["PATIENCE", "Access", "SimulatedTransport", "Until"]

PATIENCE = 1 << 20
"""Cycles an access to the control bus may take without any transfer, before it counts as unanswered."""


class Access(enum.IntEnum):
    """A direction of the control bus."""

    READ = 0
    WRITE = 1


class Until(enum.IntEnum):
    """What the clock runs for."""

    ACCESS = 0  # the last word of the access that was begun
    INTERRUPT = 1


class SimulatedTransport(Transport):
    """A core simulated cycle by cycle, with its external memory.

    The clock runs only inside calls: while an access to the control bus is under way, and in :meth:`wait`. So a
    run's number of cycles, and its events, depend on nothing but the calls.

    Accesses go over the bus word by word, addresses back to back, address and data of a write together, as fast
    as the core takes them. Nothing is reset at first: the registers start at their initial values.

    Parameters
    ----------
    config:
        The core's configuration.
    external:
        The memory behind its AXI4 master.
    """

    _chunk = 1 << 16  # cycles between two looks at progress and at the keyboard

    def __init__(self, config: Config, external: MemoryModel):
        super().__init__(config, external.size)
        self.external = external
        self._memory = np.zeros(external.size, dtype=np.uint8)
        self._interrupted = False
        self._closed = False

    # --- what a simulator does ---

    @property
    @abstractmethod
    def cycles(self) -> int:
        """Clock edges since the transport was opened."""

    @abstractmethod
    def _begin(self, access: Access, address: int, words: np.ndarray) -> None:
        """Begin an access of ``len(words)`` 32-bit words, read into ``words`` or written from it."""

    @abstractmethod
    def _run(self, until: Until, cycles: int) -> bool:
        """Run the clock until something has happened (True), or for ``cycles`` (False).

        Raises
        ------
        TransportError
            When a bus answered with an error or broke its protocol, or an assertion of the gateware failed.
        """

    @abstractmethod
    def _raw_events(self) -> list[tuple[int, int, int]]:
        """Cycle, bits of ``trace_started`` and of ``trace_finished``, since the last call."""

    # --- the transport ---

    def read(self, address: int) -> int:
        words = np.zeros(1, dtype="<u4")
        self._access(Access.READ, address, words)
        return int(words[0])

    def write(self, address: int, value: int) -> None:
        if not 0 <= value < 1 << 32:
            raise TransportError(f"a register holds 32 unsigned bits, not {value!r}")
        self._access(Access.WRITE, address, np.array([value], dtype="<u4"))

    def read_block(self, address: int, size: int) -> bytes:
        if size < 0 or size % 4:
            raise TransportError(f"the size of a block must be a multiple of 4 bytes, not {size}")
        words = np.zeros(size // 4, dtype="<u4")
        self._access(Access.READ, address, words)
        return words.tobytes()

    def write_block(self, address: int, data: bytes) -> None:
        if len(data) % 4:
            raise TransportError(f"the size of a block must be a multiple of 4 bytes, not {len(data)}")
        self._access(Access.WRITE, address, np.frombuffer(data, dtype="<u4"))

    def external_read(self, offset: int, size: int) -> bytes:
        self._check_external(offset, size)
        return self._memory[offset : offset + size].tobytes()

    def external_write(self, offset: int, data: bytes) -> None:
        self._check_external(offset, len(data))
        self._memory[offset : offset + len(data)] = np.frombuffer(data, dtype=np.uint8)

    def wait(self, max_cycles: int | None = None, progress: Callable[[int], None] | None = None) -> None:
        self._check_open()
        first = self.cycles
        while True:
            ran = self.cycles - first
            budget = self._chunk if max_cycles is None else min(self._chunk, max_cycles - ran)
            if self._run(Until.INTERRUPT, budget):
                return
            ran = self.cycles - first
            if progress is not None:
                progress(ran)
            if max_cycles is not None and ran >= max_cycles:
                raise TransportError(f"no interrupt within {max_cycles} cycles")

    def events(self) -> list[Event]:
        """What the engines did since the last call, in order of time.

        Cycles have the origin of the core's CYCLES: ``START_CYCLES`` after the edge that completed the write of
        CONTROL.START. An engine that finishes one command and takes up the next in one cycle shows the finish first.
        """
        self._check_open()
        return [
            Event(cycle - START_CYCLES, engine, bool(is_start))
            for cycle, started, finished in self._raw_events()
            for is_start, bits in ((False, finished), (True, started))
            for engine in Engine
            if bits >> engine & 1
        ]

    # --- checks ---

    def _access(self, access: Access, address: int, words: np.ndarray) -> None:
        self._check_open()
        limit = 1 << control_address_bits(self.config)
        if address < 0 or address % 4 or address + 4 * len(words) > limit:
            raise TransportError(
                f"control bus: an address must be a multiple of 4 below {limit:#x}, not {address:#x}"
                f" ({4 * len(words)} bytes)"
            )
        if self._interrupted:
            self._finish_access()
        if len(words):
            self._begin(access, address, words)
            self._finish_access()

    def _finish_access(self) -> None:
        """Run until the access that was begun is done; if Python is interrupted, the next one resumes it."""
        self._interrupted = True
        while not self._run(Until.ACCESS, self._chunk):
            pass
        self._interrupted = False

    def _check_external(self, offset: int, size: int) -> None:
        self._check_open()
        self.check_external(offset, size)

    def _check_open(self) -> None:
        if self._closed:
            raise TransportError("this simulator is closed")
