# SPDX-License-Identifier: Apache-2.0
"""Status lights: what somebody who looks at the board wants to know."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out, Signature

from ..arch.config import Config
from ..arch.registers import Register, Status, control_address_bits
from ..gateware.interfaces import AXI4Lite

__all__ = ["LIGHTS", "Lights", "ReadChannel"]

LIGHTS = ("running", "done", "error", "heartbeat")
"""The lights by name, the most telling first: a board with fewer lamps shows the first ones."""

STRETCH = 16  # of a second, at most: a program of microseconds is lit long enough to be seen


class ReadChannel(Signature):
    """The reading side of a control bus, as somebody sees it who only listens: all signals are his inputs."""

    def __init__(self, address_bits: int):
        members = AXI4Lite(address_bits).members
        listened = ("araddr", "arvalid", "arready", "rdata", "rvalid", "rready")
        super().__init__({name: Out(members[name].shape) for name in listened})


class Lights(Component):
    """Four lights, from what passes on the control bus and from the engines' events.

    The lights only listen. ``done`` and ``error`` show the status that the host read last; ``running`` is lit
    while engines take up commands, and a sixteenth of a second longer.

    Parameters
    ----------
    config:
        Of the core.
    clock_hz:
        Frequency of the clock.

    Members
    -------
    control:
        The reading side of the core's control bus.
    started:
        High while any engine takes up a command.
    running, done, error, heartbeat:
        The lights. The heartbeat goes on and off about once a second while there is a clock.
    """

    control: "ReadChannel"
    started: Signal
    running: Signal
    done: Signal
    error: Signal
    heartbeat: Signal

    def __init__(self, config: Config, *, clock_hz: float):
        self.second = max(int(clock_hz), STRETCH)
        super().__init__(
            {
                "control": In(ReadChannel(control_address_bits(config))),
                "started": In(1),
                **{name: Out(1) for name in LIGHTS},
            }
        )

    def elaborate(self, platform):
        m = Module()
        bits = self.second.bit_length()
        time = Signal(bits)  # wraps every one or two seconds
        m.d.sync += time.eq(time + 1)
        m.d.comb += self.heartbeat.eq(time[-1])

        bus = self.control
        status = Signal()  # the answer on its way is STATUS
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += status.eq(bus.araddr == Register.STATUS)
        with m.If(bus.rvalid & bus.rready & status):
            m.d.sync += [
                self.done.eq((bus.rdata & Status.DONE).any()),
                self.error.eq((bus.rdata & Status.ERROR).any()),
            ]

        slot = time[: (self.second // STRETCH).bit_length() - 1]  # a slot ends every 1/16 to 1/32 s
        recent = Signal()  # a command was taken up in this slot
        started = Signal()
        m.d.sync += started.eq(self.started)
        with m.If(started):
            m.d.sync += [self.running.eq(1), recent.eq(1)]
        with m.Elif(slot.all()):
            m.d.sync += [self.running.eq(recent), recent.eq(0)]
        return m
