# SPDX-License-Identifier: Apache-2.0
"""The requantizer lanes and who may use them."""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ..delay import delays
from ..family import Family, device_of
from ..memory.parameters import Scale
from .lane import multiplied
from .lane.lane import Lane
from .multipliers import share

__all__ = ["Lane", "Lanes", "Source"]

BODIES = {
    Family.ECP5: (multiplied.ecp5, multiplied.ecp5_logic),
    Family.GOWIN: (multiplied.gowin, multiplied.logic),
    Family.ICE40: (multiplied.ice40, multiplied.logic),
}
"""A lane's product with multipliers, and without."""


class Source(data.Struct):
    """Whose value a lane slot carries, and which of its kinds; travels beside the lanes."""

    conv: 1
    elementwise: 1
    kind: unsigned(2)  # of an element-wise slot


class Lanes(Component):
    """``config.lanes`` lanes and who may use them.

    Complete sums of a convolution always enter, C of them, in ``lane_groups`` slots one after the other, lowest
    columns first. The element-wise engine has every other slot; its values are a cycle on their way to the lanes,
    which lie all over the chip.

    Members
    -------
    totals, valid, scale:
        From the accumulators and the parameter ring; not more often than every ``lane_groups`` cycles, and steady for
        so long.
    soon:
        ``valid`` is high four cycles later.
    slot, slot_valid, slot_ready, slot_kind, slot_scale:
        The element-wise engine's values (one scale for all lanes). ``slot_ready`` is about the third cycle from now:
        what is offered in it enters; in any other ``slot_valid`` must be low.
    y, source:
        Results, :attr:`latency` cycles after ``valid``, :attr:`slot_latency` cycles after ``slot_valid``.
    source_soon:
        ``source`` of the next cycle.
    """

    latency = 1 + Lane.latency
    slot_latency = 1 + latency

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "totals": In(data.ArrayLayout(signed(32), config.columns)),
                "valid": In(1),
                "soon": In(1),
                "scale": In(data.ArrayLayout(Scale, config.columns)),
                "slot": In(data.ArrayLayout(signed(32), config.lanes)),
                "slot_kind": In(2),
                "slot_scale": In(Scale),
                "slot_valid": In(1),
                "slot_ready": Out(1),
                "y": Out(data.ArrayLayout(signed(32), config.lanes)),
                "source": Out(Source),
                "source_soon": Out(Source),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        valid, soon, totals, scale = self._groups(m)
        source, kind = Signal(Source), Signal.like(self.slot_kind, reset_less=True)
        slot, slot_scale = Signal.like(self.slot, reset_less=True), Signal.like(self.slot_scale, reset_less=True)
        slot_left, taken, passes = Signal(3, reset_less=True), Signal(), Signal()
        m.d.comb += self.slot_ready.eq(~soon)
        m.d.sync += [
            taken.eq(self.slot_valid),
            slot.eq(self.slot),
            kind.eq(self.slot_kind),
            slot_scale.eq(self.slot_scale),
            slot_left.eq(self.slot_scale.left),
            source.conv.eq(valid),
            source.elementwise.eq(taken),
            source.kind.eq(kind),
            passes.eq(valid | taken),
        ]
        for i in range(config.lanes):
            m.submodules[f"lane_{i}"] = lane = self._lane(i, platform)
            x, x_scale, left = (
                Signal(signed(32), name=f"x_{i}", reset_less=True),
                Signal(Scale, name=f"scale_{i}", reset_less=True),
                Signal(3, name=f"left_{i}", reset_less=True),
            )
            m.d.sync += [
                x.eq(Mux(valid, totals[i], slot[i])),
                x_scale.eq(Mux(valid, scale[i].as_value(), slot_scale.as_value())),
                left.eq(Mux(valid, scale[i].left, slot_left)),
            ]
            m.d.comb += [
                lane.x.eq(x),
                lane.scale.eq(x_scale),
                lane.left.eq(left),
                lane.valid.eq(passes),
                self.y[i].eq(lane.y),
            ]
        *_, soon_out, out = delays(m, source, Lane.latency, "source")
        m.d.comb += [self.source_soon.eq(soon_out), self.source.eq(out)]
        return m

    def _lane(self, i: int, platform: object) -> Lane:
        """Lane ``i`` with its body."""
        device = device_of(platform)
        if device.family is Family.PORTABLE:
            return Lane()
        with_multipliers, without = BODIES[device.family]
        return Lane(with_multipliers if i < share(self.config, device).lanes else without)

    def _groups(self, m: Module):
        """The convolution's slot, and whether it has the fourth from now: all columns at once, or a group of lanes
        after the other.

        ``totals`` and ``scale`` stay until the last group has entered: the accumulators keep their totals until the
        next vector, and the next scale comes together with its total.
        """
        config = self.config
        if config.lane_groups == 1:
            return self.valid, self.soon, self.totals, self.scale
        lanes, groups = config.lanes, config.lane_groups
        group, coming = Signal(range(groups)), Signal(range(groups))
        for counter, begins in ((group, self.valid), (coming, self.soon)):
            with m.If(begins):
                m.d.sync += counter.eq(1)
            with m.Elif(counter != 0):
                m.d.sync += counter.eq(Mux(counter == groups - 1, 0, counter + 1))
        totals = Signal(data.ArrayLayout(signed(32), lanes))
        scale = Signal(data.ArrayLayout(Scale, lanes))
        for i in range(lanes):
            m.d.comb += [totals[i].eq(self.totals[i]), scale[i].eq(self.scale[i])]
        for g in range(1, groups):
            with m.If(group == g):
                for i in range(lanes):
                    m.d.comb += [totals[i].eq(self.totals[g * lanes + i]), scale[i].eq(self.scale[g * lanes + i])]
        return self.valid | (group != 0), self.soon | (coming != 0), totals, scale
