# SPDX-License-Identifier: Apache-2.0
"""A core between models of its two buses, as a cocotb test sees it."""

import os
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from celosia.arch.isa import COMMAND_BYTES, ErrorCause, Space
from celosia.arch.registers import Control, Register, Status, window

from .configurations import CONFIGURATIONS
from .external import External
from .stalls import stall

__all__ = ["CONFIGURATION", "SEED", "Bench"]

CONFIGURATION, SEED = "CELOSIA_COSIM_CONFIGURATION", "CELOSIA_COSIM_SEED"
"""Environment variables that tell the simulation's Python which core it has, and the seed of everything random."""

PERIOD = 10  # ns

_EXTERNAL_BYTES = 1 << 17


class Bench:
    """A core that has just been reset, with a host and an external memory of 128 KiB at its buses.

    Nothing of the external memory may be touched before :meth:`set_bounds`.

    Attributes
    ----------
    config:
        The core's configuration.
    rng:
        The test's random generator: from the seed and the test's name.
    host:
        AXI4-Lite master, cocotbext-axi's.
    external:
        External memory.
    """

    def __init__(self, dut: Any, name: str):
        self.dut = dut
        self.config = CONFIGURATIONS[os.environ[CONFIGURATION]]
        self.rng = np.random.default_rng([int(os.environ[SEED]), *name.encode()])
        self.host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "control_"), dut.clk)
        self.external = External(dut, _EXTERNAL_BYTES, self.rng)

    @classmethod
    async def start(cls, dut: Any, test: str, *, stalls: bool = True) -> Self:
        """Begin the clock and reset the core.

        Parameters
        ----------
        test:
            The test's name, part of the seed.
        stalls:
            Random pauses on every channel and random latency.
        """
        dut.rst.value = 1
        bench = cls(dut, test)
        Clock(dut.clk, PERIOD, "ns").start()
        await bench.reset()
        if stalls:
            bench.stall()
        return bench

    def stall(self) -> None:
        """Random pauses on every channel and random latency, from now on."""
        stall(self.host, self.rng, (0.0, 0.2, 0.5))
        stall(self.external, self.rng)
        self.external.latency = int(self.rng.choice((0, 5, 40)))

    async def reset(self) -> None:
        """A pulse on ``rst``."""
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 3)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    async def set_bounds(self, base: int | None = None, size: int | None = None) -> None:
        """Set EXTERNAL_BASE, and put the memory there, and EXTERNAL_SIZE; the memory asserts that they are kept."""
        config, external = self.config, self.external
        if base is None:
            base = int(self.rng.integers(0, (1 << config.address_bits) - len(external.bytes), dtype=np.int64))
            base -= base % config.bus_bytes
        size = len(external.bytes) if size is None else size
        external.origin, external.limits = base, (base, base + size)
        await self.write(Register.EXTERNAL_BASE, base)
        await self.write(Register.EXTERNAL_SIZE, size)

    # --- registers and windows ---

    async def read(self, register: int) -> int:
        """A register."""
        return int.from_bytes(await self.read_bytes(register, 4), "little")

    async def write(self, register: int, value: int) -> None:
        """A register, all of it."""
        await self.write_bytes(register, value.to_bytes(4, "little"))

    async def read_bytes(self, address: int, size: int) -> bytes:
        """Bytes of the control bus from any address."""
        answer = await self.host.read(address, size)
        assert answer.resp == AxiResp.OKAY, f"reading {size} bytes at {address:#x}: {answer.resp!r}"
        return bytes(answer.data)

    async def write_bytes(self, address: int, data: bytes) -> None:
        """Write bytes to the control bus from any address on."""
        answer = await self.host.write(address, data)
        assert answer.resp == AxiResp.OKAY, f"writing {len(data)} bytes at {address:#x}: {answer.resp!r}"

    def address(self, space: Space, offset: int = 0) -> int:
        """The place of a local memory's byte on the control bus."""
        return window(self.config, space) + offset

    # --- programs ---

    async def put(self, commands: Sequence[bytes], index: int = 0) -> None:
        """Write commands to the program memory."""
        await self.write_bytes(self.address(Space.PROGRAM, index * COMMAND_BYTES), b"".join(commands))

    async def go(self, index: int = 0) -> None:
        """Enable the interrupt and start at a command."""
        await self.write(Register.INTERRUPT, 0b11)
        await self.write(Register.START, index)
        await self.write(Register.CONTROL, Control.START)

    async def pin(self) -> bool:
        """The interrupt pin, two cycles after the response to a write that may have changed it."""
        await ClockCycles(self.dut.clk, 2)
        return bool(self.dut.interrupt.value)

    async def wait(self, limit: int = 20_000) -> None:
        """Wait for the interrupt pin; fail after ``limit`` cycles."""
        if not self.dut.interrupt.value:
            await with_timeout(RisingEdge(self.dut.interrupt), limit * PERIOD, "ns")

    async def finish(self, limit: int = 20_000) -> Status:
        """Wait for the interrupt, clear it, and return STATUS."""
        await self.wait(limit)
        assert await self.read(Register.INTERRUPT) == 0b11
        await self.write(Register.INTERRUPT, 0b11)
        assert not await self.pin()
        return Status(await self.read(Register.STATUS))

    async def run(self, commands: Sequence[bytes], index: int = 0, limit: int = 20_000) -> Status:
        """Put a program, run it, return STATUS."""
        await self.put(commands, index)
        await self.go(index)
        return await self.finish(limit)

    async def expect_done(self, commands: Sequence[bytes], index: int = 0, limit: int = 20_000) -> None:
        """Run a program that must end well."""
        status = await self.run(commands, index, limit)
        assert status == Status.DONE, f"STATUS is {status!r}, the error {await self.error()}"

    async def error(self) -> tuple[ErrorCause, int]:
        """ERROR: cause, and index of the command."""
        value = await self.read(Register.ERROR)
        return ErrorCause(value & 0xFF), value >> 16
