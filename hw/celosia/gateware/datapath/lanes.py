# SPDX-License-Identifier: Apache-2.0
"""The requantizer lanes: TFLM's exact fixed-point scaling, one value a lane a cycle.

::

  x ─► << left ─► × multiplier ─► + 2³⁰, >> 31 ─► >> 16, 8 ─► >> 4, 2, 1 ─► + round ─► y
       (1)          (3)              (1)             (1)         (1)          (1)

``y = RoundingDivideByPOT(SaturatingRoundingDoublingHighMul(x << left, multiplier), right)``, both roundings as
in gemmlowp's fixedpoint.h and TFLM's ``MultiplyByQuantizedMultiplier``. For the multipliers that occur (0 to
2³¹ − 1) the first is ``floor((x·m + 2³⁰) / 2³¹)`` for both signs and never saturates; the second rounds half
away from zero, for which a guard bit and a sticky bit suffice.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ..delay import delay, delays
from ..memory.parameters import Scale

__all__ = ["Lane", "Lanes", "Source"]


class Lane(Component):
    """One lane: ``y`` is ``x`` scaled, :attr:`latency` cycles later, if ``valid`` was high. No flow control.

    Exponents are −31 … 7; the left shift wraps like TFLM's.
    """

    latency = 8

    def __init__(self):
        super().__init__({"valid": In(1), "x": In(signed(32)), "scale": In(Scale), "y": Out(signed(32))})

    def elaborate(self, platform):
        m = Module()
        moving = delays(m, self.valid, self.latency - 1, "moving")

        def register(stage: int, value, shape, name: str) -> Signal:
            """``value`` of cycle ``stage − 1`` in cycle ``stage``; still while nothing passes."""
            result = Signal(shape, name=f"{name}{stage}")
            with m.If(moving[stage - 1]):
                m.d.sync += result.eq(value)
            return result

        # 1: left shift, and how far to shift right
        exponent = self.scale.exponent
        shifted = register(1, self.x << Mux(exponent[-1], 0, exponent[:3]), signed(32), "shifted")
        multiplier = register(1, self.scale.multiplier, 31, "multiplier")
        right = register(1, Mux(exponent[-1], (-exponent)[:5], 0), 5, "right")
        # 2 to 4: the product, with the registers that pipelined multipliers have
        product = register(2, shifted * multiplier, signed(63), "product")
        for stage in (3, 4):
            product = register(stage, product, signed(63), "product")
        for stage in (2, 3, 4, 5):
            right = register(stage, right, 5, "right")
        # 5: first rounding
        high = register(5, (product + (1 << 30)) >> 31, signed(32), "high")
        # 6, 7: right shift; bit 1 is the guard, bit 0 the sticky bit
        value = Signal(signed(34))
        m.d.comb += value.eq(Cat(0, 0, high))
        value = register(6, _shift(m, _shift(m, value, right[4], 16), right[3], 8), signed(34), "value")
        right = register(6, right, 5, "right")
        value = _shift(m, _shift(m, value, right[2], 4), right[1], 2)
        value = register(7, _shift(m, value, right[0], 1), signed(34), "value")
        # 8: second rounding, half away from zero
        y = register(8, (value >> 2) + (value[1] & (~value[-1] | value[0])), signed(32), "y")
        m.d.comb += self.y.eq(y)
        return m


def _shift(m: Module, value: Signal, enable, distance: int) -> Signal:
    """An arithmetic right shift that keeps what it shifts out in the lowest (sticky) bit."""
    result = Signal.like(value, name=f"by_{distance}")
    moved = Cat(value[: distance + 1].any(), value[distance + 1 :], value[-1].replicate(distance))
    m.d.comb += result.eq(Mux(enable, moved, value))
    return result


class Source(data.Struct):
    """Whose value a lane slot carries, and which of its kinds; travels beside the lanes."""

    conv: 1
    elementwise: 1
    kind: unsigned(2)  # of an element-wise slot


class Lanes(Component):
    """``config.lanes`` lanes and who may use them.

    Complete sums of a convolution always enter, C of them, in ``lane_groups`` slots one after the other, lowest
    columns first. The element-wise engine has every other slot.

    Members
    -------
    totals, valid, scale:
        From the accumulators and the parameter ring; not more often than every ``lane_groups`` cycles.
    slot, slot_valid, slot_ready, slot_kind, slot_scale:
        The element-wise engine's values (one scale for all lanes).
    y, source:
        Results, :attr:`latency` cycles after a slot was taken.
    """

    latency = 1 + Lane.latency

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "totals": In(data.ArrayLayout(signed(32), config.columns)),
                "valid": In(1),
                "scale": In(data.ArrayLayout(Scale, config.columns)),
                "slot": In(data.ArrayLayout(signed(32), config.lanes)),
                "slot_kind": In(2),
                "slot_scale": In(Scale),
                "slot_valid": In(1),
                "slot_ready": Out(1),
                "y": Out(data.ArrayLayout(signed(32), config.lanes)),
                "source": Out(Source),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        valid, totals, scale = self._groups(m)
        source = Signal(Source)
        m.d.comb += self.slot_ready.eq(~valid)
        m.d.sync += [
            source.conv.eq(valid),
            source.elementwise.eq(~valid & self.slot_valid),
            source.kind.eq(self.slot_kind),
        ]
        for i in range(config.lanes):
            m.submodules[f"lane_{i}"] = lane = Lane()
            with m.If(valid | self.slot_valid):
                m.d.sync += [
                    lane.x.eq(Mux(valid, totals[i], self.slot[i])),
                    lane.scale.eq(Mux(valid, scale[i].as_value(), self.slot_scale.as_value())),
                ]
            m.d.comb += [lane.valid.eq(source.conv | source.elementwise), self.y[i].eq(lane.y)]
        m.d.comb += self.source.eq(delay(m, source, Lane.latency, "source"))
        return m

    def _groups(self, m: Module):
        """The convolution's next slot: all columns at once, or one group of lanes after the other.

        The first group enters in the cycle of the totals, the others from a register.
        """
        config = self.config
        if config.lane_groups == 1:
            return self.valid, self.totals, self.scale
        lanes, groups = config.lanes, config.lane_groups
        group = Signal(range(groups))
        held = Signal(data.ArrayLayout(signed(32), config.columns))
        held_scale = Signal(data.ArrayLayout(Scale, config.columns))
        with m.If(self.valid):
            m.d.sync += [held.eq(self.totals), held_scale.eq(self.scale), group.eq(1)]
        with m.Elif(group != 0):
            m.d.sync += group.eq(Mux(group == groups - 1, 0, group + 1))
        totals = Signal(data.ArrayLayout(signed(32), lanes))
        scale = Signal(data.ArrayLayout(Scale, lanes))
        for i in range(lanes):
            m.d.comb += [totals[i].eq(self.totals[i]), scale[i].eq(self.scale[i])]
        for g in range(1, groups):
            with m.If(group == g):
                for i in range(lanes):
                    m.d.comb += [totals[i].eq(held[g * lanes + i]), scale[i].eq(held_scale[g * lanes + i])]
        return self.valid | (group != 0), totals, scale
