# SPDX-License-Identifier: Apache-2.0
"""The external memory behind the core's AXI4 master, as every cycle-accurate simulator models it."""

from dataclasses import dataclass

from celosia.arch.timing import ExternalTiming

from .errors import SimulatorError

__all__ = ["MAX_BEATS", "MAX_BURSTS", "Delays", "MemoryModel", "Stalls"]

MAX_BURSTS = 16
"""Bursts of each direction that the memory holds before it takes no more addresses."""

MAX_BEATS = 16
"""Beats of write data that the memory takes before it has their address."""


@dataclass(frozen=True, kw_only=True)
class MemoryModel:
    """An AXI4 memory that answers in order. The defaults are an ideal memory.

    All its outputs are registers: what it samples at one clock edge shows on them after that edge.

    Parameters
    ----------
    size:
        Bytes, from address 0, all 0 at first. A beat outside is answered DECERR.
    latency:
        Cycles from the edge that takes a read address to the first edge that can transfer its data, and from
        the edge that takes the last write data of a burst to the first that can transfer its response; at least
        1. Later bursts wait while earlier ones transfer, not longer.
    gap:
        Cycles without a transfer after every beat of read data, and after every beat of write data.
    jitter:
        Each burst's latency is longer by 0 to so many cycles, each number equally likely; up to 65535. Bursts are still
        answered in order.
    stall:
        Probability that one of the five channels does nothing in a cycle: the three that the memory receives are
        not ready; the two it sends on show nothing new (what is shown stays until it is taken). 0 to 1, in steps
        of 1/4096.
    seed:
        Which stalls and which latencies: equal seeds give equal ones, in every simulator.
    errors:
        Addresses (a range of step 1) whose beats are answered SLVERR: they read 0 and keep what they held.

    Raises
    ------
    SimulatorError
        When a value is out of its bounds.
    """

    size: int = 16 << 20
    latency: int = 1
    gap: int = 0
    jitter: int = 0
    stall: float = 0.0
    seed: int = 1
    errors: range = range(0)

    def __post_init__(self):
        def check(ok: bool, field: str, what: str):
            if not ok:
                raise SimulatorError(f"external memory: {field} must be {what}, not {getattr(self, field)!r}")

        check(0 < self.size <= 1 << 32 and self.size % 4096 == 0, "size", "a multiple of 4096 up to 4 GiB")
        check(1 <= self.latency < 1 << 31, "latency", "at least 1 cycle")
        check(0 <= self.gap < 1 << 31, "gap", "at least 0 cycles")
        check(0 <= self.jitter < 1 << 16, "jitter", "0 to 65535 cycles")
        check(0 <= self.stall < 1, "stall", "a probability below 1")
        check(0 <= self.seed < 1 << 64, "seed", "an unsigned 64-bit number")
        check(self.errors.step == 1 and self.errors.start >= 0, "errors", "a range of step 1")

    @property
    def timing(self) -> ExternalTiming:
        """The same memory for the timing model."""
        return ExternalTiming(latency=self.latency, gap=self.gap, stall=self.stall, jitter=self.jitter)

    @property
    def stall_steps(self) -> int:
        """:attr:`stall` in steps of 1/4096."""
        return min(round(self.stall * 4096), 4095)


def _xorshift(state: int) -> int:
    """Marsaglia's xorshift64."""
    state ^= state << 13 & 0xFFFFFFFFFFFFFFFF
    state ^= state >> 7
    return state ^ (state << 17 & 0xFFFFFFFFFFFFFFFF)


class Delays:
    """How much longer than ``latency`` each burst of one direction takes.

    Parameters
    ----------
    model:
        Gives the jitter and the seed.
    direction:
        0 for reads, 1 for writes: they draw apart.
    """

    def __init__(self, model: MemoryModel, direction: int):
        self._range = model.jitter + 1
        self._state = model.seed ^ (0xD1B54A32D192ED03 + direction) or 1

    def draw(self) -> int:
        """The next burst's."""
        if self._range == 1:
            return 0
        self._state = _xorshift(self._state)
        return (self._state >> 20) % self._range


class Stalls:
    """Which channels stall in a cycle: Marsaglia's xorshift64, 12 bits for each of five channels.

    Parameters
    ----------
    model:
        Gives the probability and the seed.
    """

    def __init__(self, model: MemoryModel):
        self._steps = model.stall_steps
        self._state = model.seed ^ 0x9E3779B97F4A7C15 or 1

    def draw(self) -> tuple[bool, bool, bool, bool, bool]:
        """One cycle's stalls of AR, AW, W, R and B."""
        if not self._steps:
            return (False, False, False, False, False)
        self._state = x = _xorshift(self._state)
        steps = self._steps
        return (
            x & 4095 < steps, x >> 12 & 4095 < steps, x >> 24 & 4095 < steps, x >> 36 & 4095 < steps,
            x >> 48 & 4095 < steps,
        )  # fmt: skip
