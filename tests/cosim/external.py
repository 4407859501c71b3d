# SPDX-License-Identifier: Apache-2.0
"""The external memory: cocotbext-axi's AXI4 slave in front of bytes, with latency, limits and faults."""

from collections.abc import Collection
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiBus, AxiResp, AxiSlave

__all__ = ["External"]

_AHEAD = 40
"""Addresses, beats and answers that the slave holds at a time: more than the core has under way."""


class _FaultError(Exception):
    """What the slave takes for a failed access; it answers with an error."""


async def _fail(why: str) -> None:
    raise AssertionError(why)


class External:
    """An external memory that notes what is touched.

    Parameters
    ----------
    dut:
        The design.
    size:
        Bytes.
    rng:
        For latencies, and the first contents.

    Attributes
    ----------
    origin:
        The bus address of byte 0.
    bytes:
        The contents.
    faults:
        Addresses of beats that answer with an error, :attr:`response`.
    limits:
        The first bus address that may be touched, and the one behind the last.
    latency:
        Cycles a burst's first beat takes at most.
    reads, writes:
        Bus addresses that were touched, in order.
    """

    def __init__(self, dut: Any, size: int, rng: np.random.Generator):
        self.clk, self.rng = dut.clk, rng
        self.bytes = bytearray(rng.bytes(size))
        self.origin, self.latency = 0, 0
        self.faults: Collection[int] = ()
        self.response = AxiResp.SLVERR
        self.limits = (0, 0)
        self.reads: list[int] = []
        self.writes: list[int] = []
        slave: Any = AxiSlave(AxiBus.from_prefix(dut, "memory_"), dut.clk, target=self)
        self.read_if, self.write_if = slave.read_if, slave.write_if
        for channel in (
            self.read_if.ar_channel, self.read_if.r_channel,
            self.write_if.aw_channel, self.write_if.w_channel, self.write_if.b_channel,
        ):  # fmt: skip
            channel.queue_occupancy_limit = _AHEAD
        for channel, field in ((self.read_if.r_channel, "rresp"), (self.write_if.b_channel, "bresp")):
            self._answer(channel, field)

    def _answer(self, channel: Any, field: str) -> None:
        """Let the slave, which knows one error only, answer with :attr:`response`."""
        send = channel.send

        async def send_response(beat: Any) -> None:
            if getattr(beat, field) == AxiResp.SLVERR:
                setattr(beat, field, self.response)
            await send(beat)

        channel.send = send_response

    async def read(self, address: int, length: int) -> bytes:
        """Called by the slave for each beat."""
        await self._touch(address, length, self.reads)
        offset = address - self.origin
        return bytes(self.bytes[offset : offset + length])

    async def write(self, address: int, data: bytes) -> None:
        """Called by the slave for each run of enabled bytes of a beat."""
        await self._touch(address, len(data), self.writes)
        offset = address - self.origin
        self.bytes[offset : offset + len(data)] = data

    async def _touch(self, address: int, length: int, notes: list[int]) -> None:
        first = not notes or notes[-1] + length != address
        notes.append(address)
        low, high = self.limits
        if not low <= address <= address + length <= high:
            # The slave would take an exception for a failed access; one in a task of its own fails the test.
            cocotb.start_soon(_fail(f"{length} bytes at {address:#x} are touched, outside {low:#x} to {high:#x}"))
        if first and self.latency:
            await ClockCycles(self.clk, int(self.rng.integers(1, self.latency + 1)))
        if address in self.faults:
            raise _FaultError
