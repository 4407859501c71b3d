# SPDX-License-Identifier: Apache-2.0
"""What the runtime needs from anything that holds a core: a simulator or a board."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from celosia.arch.config import Config
from celosia.arch.isa import Engine

from .errors import TransportError

__all__ = ["Event", "Transport", "TransportError"]


@dataclass(frozen=True)
class Event:
    """An engine took up a command, or finished one.

    Parameters
    ----------
    cycle:
        Clock cycle, with the origin of the CYCLES register.
    engine:
        Which engine. An engine finishes its commands in the order it took them up.
    started:
        True when it took the command up, False when it finished it.
    """

    cycle: int
    engine: Engine
    started: bool


class Transport(ABC):
    """One core, reachable over its control bus, with whatever memory hangs on its AXI4 master.

    A subclass calls ``super().__init__(config, external_bytes)`` and implements every abstract method.
    It is a context manager that closes itself.

    Parameters
    ----------
    config:
        The configuration the core on the other side is expected to have. :class:`celosia.runtime.Device`
        checks it against the core's HASH registers.
    external_bytes:
        Bytes of external memory the host can reach, from offset 0; 0 when there is none. Offset 0 is
        the byte at EXTERNAL_BASE as the device leaves it after construction (0 in a simulator).

    Raises
    ------
    TransportError
        From every method: a bus error, an address outside the map or not aligned, a closed transport.
    """

    def __init__(self, config: Config, external_bytes: int = 0):
        self.config = config
        self.external_bytes = external_bytes

    @abstractmethod
    def read(self, address: int) -> int:
        """The 32-bit register at byte ``address`` of the control bus, a multiple of 4."""

    @abstractmethod
    def write(self, address: int, value: int) -> None:
        """Write ``value``, 0 to 2³²−1, to the 32-bit register at byte ``address``."""

    @abstractmethod
    def read_block(self, address: int, size: int) -> bytes:
        """``size`` bytes of a window from byte ``address`` of the control bus; both multiples of 4."""

    @abstractmethod
    def write_block(self, address: int, data: bytes) -> None:
        """Write ``data`` to a window; ``address`` and ``len(data)`` are multiples of 4."""

    @abstractmethod
    def external_read(self, offset: int, size: int) -> bytes:
        """``size`` bytes of external memory from ``offset``."""

    @abstractmethod
    def external_write(self, offset: int, data: bytes) -> None:
        """Write ``data`` to external memory at ``offset``."""

    @abstractmethod
    def wait(self, max_cycles: int | None = None, progress: Callable[[int], None] | None = None) -> None:
        """Return when the interrupt pin is high (at once if it is already).

        Parameters
        ----------
        max_cycles:
            Clock cycles to wait at most; None is for ever.
        progress:
            Called now and then with the cycles run so far since this call.

        Raises
        ------
        TransportError
            ``max_cycles`` have passed.
        """

    @abstractmethod
    def events(self) -> list[Event]:
        """What the engines did since the last call, in order of time; empty where nothing records it."""

    def check_external(self, offset: int, size: int) -> None:
        """Raises TransportError if ``size`` bytes from ``offset`` are not all in external memory."""
        if offset < 0 or size < 0 or offset + size > self.external_bytes:
            raise TransportError(
                f"external memory has {self.external_bytes} bytes; {size} at {offset} are not all inside"
            )

    def close(self) -> None:  # noqa: B027 - having nothing to release is fine
        """Release what the transport holds. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
