# SPDX-License-Identifier: Apache-2.0
"""A core on Amaranth's own simulator, as a transport."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from amaranth.lib import wiring
from amaranth.sim import Simulator, SimulatorContext  # type: ignore[attr-defined]

from celosia.arch.config import Config
from celosia.runtime.transport import TransportError

from ..memory import MemoryModel
from ..simulated import Access, SimulatedTransport, Until
from .control import ControlBus
from .memory import Memory
from .pins import Pins, ProtocolError

__all__ = ["PysimTransport"]

_PERIOD = 10e-9  # seconds; only waveforms show it


class PysimTransport(SimulatedTransport):
    """A core simulated by Amaranth: slow, and nothing to build.

    The clock rises at whole periods and falls halfway between. The bus models run between the two, outside the
    simulator: they sample just before a rising edge and drive just after it, at the falling one's time::

        advance()        sample           advance()         drive
        falling edge     settled values   rising edge       new inputs, which settle at the falling edge's time

    Parameters
    ----------
    config:
        The core's configuration.
    make:
        Makes the core, a component with the members of :class:`celosia.gateware.core.Core`.
    external:
        The memory behind its AXI4 master.
    wave:
        A VCD file to write.
    """

    _chunk = 256

    def __init__(
        self,
        config: Config,
        make: Callable[[], wiring.Component],
        *,
        external: MemoryModel = MemoryModel(),  # noqa: B008 - frozen
        wave: Path | None = None,
    ):
        super().__init__(config, external)
        self._now = 0
        self._error = ""
        self._events: list[tuple[int, int, int]] = []
        self._component = component = make()
        self._simulator = Simulator(component)
        self._simulator.add_clock(_PERIOD, phase=_PERIOD)
        self._simulator.add_testbench(self._meet)
        self._resources = ExitStack()
        if wave is not None:
            self._resources.enter_context(self._simulator.write_vcd(str(wave)))
        self._simulator.advance()
        self._control = ControlBus(Pins(self._context, component.control))  # type: ignore[attr-defined]
        self._bus = Memory(Pins(self._context, component.memory), self._memory, external)  # type: ignore[attr-defined]

    async def _meet(self, context: SimulatorContext) -> None:
        """Keep the context, and make the first half period a point in time where inputs can be driven."""
        self._context = context
        await context.delay(_PERIOD / 2)

    @property
    def cycles(self) -> int:
        return self._now

    def _begin(self, access: Access, address: int, words: np.ndarray) -> None:
        self._control.begin(access, address, words, self._now)

    def _run(self, until: Until, cycles: int) -> bool:
        if self._error:
            raise TransportError(self._error)
        try:
            return self._run_clock(until, cycles)
        except ProtocolError as violation:
            self._error = f"{violation} (cycle {self._now})"
        except AssertionError as error:
            self._error = f"an assertion of the gateware failed{_own_message(error)} (cycle {self._now})"
        raise TransportError(self._error)

    def _run_clock(self, until: Until, cycles: int) -> bool:
        interrupt = self._component.interrupt  # type: ignore[attr-defined]
        for remaining in range(cycles, -1, -1):
            if self._context.get(interrupt) if until == Until.INTERRUPT else not self._control.busy:
                return True
            if remaining:
                self._step()
        return False

    def _step(self) -> None:
        """One clock cycle."""
        component, context, now = self._component, self._context, self._now
        self._simulator.advance()
        started, finished = context.get(component.trace_started), context.get(component.trace_finished)  # type: ignore[attr-defined]
        if started or finished:
            self._events.append((now - self._control.started, started, finished))
        self._control.sample(now)
        self._bus.sample(now)
        self._simulator.advance()
        self._control.drive()
        self._bus.drive(now)
        self._now += 1

    def _raw_events(self) -> list[tuple[int, int, int]]:
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        self._closed = True
        self._resources.close()


def _own_message(error: AssertionError) -> str:
    """What the assertion says, after Amaranth's own words."""
    _, _, message = str(error).partition("Assertion violated: ")
    return f": {message}" if message else ""
