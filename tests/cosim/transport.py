# SPDX-License-Identifier: Apache-2.0
"""A bench as a transport, so that the runtime itself drives the core."""

from collections.abc import Callable

from cocotb.task import resume
from cocotb.triggers import SimTimeoutError

from celosia.runtime.transport import Event, Transport, TransportError

from .bench import Bench

__all__ = ["CosimTransport"]

_PATIENCE = 1_000_000  # cycles that stand for ever


class CosimTransport(Transport):
    """A bench to blocking code: its methods may be called inside ``cocotb.task.bridge`` only.

    Parameters
    ----------
    bench:
        The bounds have been set.
    """

    def __init__(self, bench: Bench):
        super().__init__(bench.config, len(bench.external.bytes))
        self.bench = bench

    def read(self, address: int) -> int:
        return resume(self.bench.read)(address)

    def write(self, address: int, value: int) -> None:
        resume(self.bench.write)(address, value)

    def read_block(self, address: int, size: int) -> bytes:
        return resume(self.bench.read_bytes)(address, size)

    def write_block(self, address: int, data: bytes) -> None:
        resume(self.bench.write_bytes)(address, data)

    def external_read(self, offset: int, size: int) -> bytes:
        return bytes(self.bench.external.bytes[offset : offset + size])

    def external_write(self, offset: int, data: bytes) -> None:
        self.bench.external.bytes[offset : offset + len(data)] = data

    def wait(self, max_cycles: int | None = None, progress: Callable[[int], None] | None = None) -> None:
        limit = _PATIENCE if max_cycles is None else max_cycles
        try:
            resume(self.bench.wait)(limit)
        except SimTimeoutError:
            raise TransportError(f"no interrupt within {limit} cycles") from None

    def events(self) -> list[Event]:
        return []
