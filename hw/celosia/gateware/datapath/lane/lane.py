# SPDX-License-Identifier: Apache-2.0
"""A requantizer lane: TFLM's exact fixed-point scaling, one value a cycle.

::

  x ─► << left ─► × multiplier, >> 31 ─► >> 16, 8 ─► >> 4, 2, 1 ─► + both roundings ─► y
       (1)          (4)                    (1)          (1)          (1)

``y = RoundingDivideByPOT(SaturatingRoundingDoublingHighMul(x << left, multiplier), right)``, both roundings as
in gemmlowp's fixedpoint.h and TFLM's ``MultiplyByQuantizedMultiplier``. For the multipliers that occur (0 to
2³¹ − 1) the first is ``floor((x·m + 2³⁰) / 2³¹)`` for both signs and never saturates; the second rounds half
away from zero.

A body may leave the first rounding to the second: with h = ⌊x·m / 2³¹⌋ and its half (bit 30 of x·m), h + half shifted
right is ⌊h / 2^right⌋, or one more if h's lower bits are all ones. So what is shifted out is kept as four bits: the
highest (guard), whether any below it is one, whether all are.
"""

from collections.abc import Callable, Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import Component, In, Out

from ...delay import delays
from ...memory.parameters import Scale
from .portable import product as portable_product

__all__ = ["Lane", "Product"]

Product = Callable[[Module, Value, Value, Sequence[Value]], tuple[Value, Value]]
"""A body: of a module, the shifted x and the multiplier in cycle t, and whether a value passes in cycles t … t + 4, it
makes the product's bits from 31 on, and half of their unit, in cycle t + 5."""


class Lane(Component):
    """One lane: ``y`` is ``x`` scaled, :attr:`latency` cycles later, if ``valid`` was high. No flow control.

    Exponents are −31 … 7; the left shift wraps like TFLM's. ``left`` is ``scale.left``, from a register of its own: all
    bits of x wait for it.

    Parameters
    ----------
    product:
        The body of the multiplication.
    """

    latency = 8

    def __init__(self, product: Product = portable_product):
        self._product = product
        super().__init__({"valid": In(1), "x": In(signed(32)), "scale": In(Scale), "left": In(3), "y": Out(signed(32))})

    def elaborate(self, platform):
        m = Module()
        moving = delays(m, self.valid, self.latency - 1, "moving")

        def register(stage: int, value, shape, name: str) -> Signal:
            """``value`` of cycle ``stage − 1`` in cycle ``stage``; still while nothing passes."""
            result = Signal(shape, name=f"{name}{stage}", reset_less=True)
            with m.If(moving[stage - 1]):
                m.d.sync += result.eq(value)
            return result

        # 1: left shift, and how far to shift right
        exponent = self.scale.exponent
        shifted = Signal(signed(32))
        m.d.comb += shifted.eq(self.x << self.left)
        exponent = register(1, exponent, exponent.shape(), "exponent")
        right: Value = Mux(exponent[-1], (-exponent)[:5], 0)
        for stage in (2, 3, 4, 5):
            right = register(stage, right, 5, "right")
        # to 5: the product
        high, half = self._product(m, shifted, self.scale.multiplier, moving[:5])
        # 6, 7: right shift
        value, ones = _shift(m, *_shift(m, Cat(0, 0, high), Const(3, 2), right[4], 16), right[3], 8)
        value, ones = register(6, value, signed(34), "value"), register(6, ones, 2, "ones")
        right, half = register(6, right, 5, "right"), _kept(register, 6, half)
        value, ones = _shift(m, *_shift(m, value, ones, right[2], 4), right[1], 2)
        value, ones = _shift(m, value, ones, right[0], 1)
        value, ones = register(7, value, signed(34), "value"), register(7, ones, 2, "ones")
        half = _kept(register, 7, half)
        # 8: what both roundings come to
        up = Mux(value[-1], ones[1] & (value[0] | half), value[1] | (ones[0] & half))
        m.d.comb += self.y.eq(register(8, (value >> 2) + up, signed(32), "y"))
        return m


def _kept(register, stage: int, half: Value) -> Value:
    """The half, a stage later; a constant stays one."""
    return half if isinstance(half, Const) else register(stage, half, 1, "half")


def _shift(m: Module, value: Value, ones: Value, enable: Value, distance: int) -> tuple[Value, Value]:
    """An arithmetic right shift that keeps account of what it shifts out.

    Bit 1 of ``value`` is the highest bit shifted out so far (0 at first), bit 0 whether any below it is one. Bit 1 of
    ``ones`` is the same highest bit (1 at first), bit 0 whether all below it are ones.
    """
    result = Signal(signed(34), name=f"by_{distance}")
    result_ones = Signal(2, name=f"ones_by_{distance}")
    lost = value[2 : distance + 1]
    moved = Cat(value[distance + 1 :], value[-1].replicate(distance))
    m.d.comb += [
        result.eq(Cat(value[0] | (enable & (value[1] | lost.any())), Mux(enable, moved, value[1:]))),
        result_ones[0].eq(ones[0] & (~enable | (ones[1] & lost.all()))),
        result_ones[1].eq(Mux(enable, value[distance + 1], ones[1])),
    ]
    return result, result_ones
