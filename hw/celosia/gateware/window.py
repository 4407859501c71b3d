# SPDX-License-Identifier: Apache-2.0
"""A window on a wide value, as a multiplexer."""

from amaranth.hdl import Array, Cat, Value

__all__ = ["window"]


def window(value: Value, place: Value, *, unit: int, width: int) -> Value:
    """``value[place·unit : place·unit + width]``; zeros beyond its end.

    Shifting the whole value and cutting it off says the same, and synthesis finds the same multiplexers; but a
    simulator then shifts all of it, word by word, in every cycle.
    """
    padded = Cat(value, *[0] * max(0, ((1 << len(place)) - 1) * unit + width - len(value)))
    if not len(place):
        return padded[:width]
    return Array(padded[i * unit : i * unit + width] for i in range(1 << len(place)))[place]
