# SPDX-License-Identifier: Apache-2.0
"""The chain of partial sums down a column, one channel of it."""

from collections.abc import Sequence

from amaranth.hdl import Module, Shape, Signal, Value, unsigned

from ...sums import Add

__all__ = ["chain", "shape_for"]


def shape_for(low: int, high: int, *, at_most: int = 64) -> Shape:
    """The narrowest shape for integers from ``low`` to ``high``, or of ``at_most`` bits, where they wrap."""
    bits = max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + (low < 0)
    return Shape(min(bits, at_most), signed=low < 0) if bits else unsigned(1)


def chain(
    m: Module,
    terms: Sequence[Value],
    *,
    add: Add,
    stage_rows: int,
    low: int,
    high: int,
    at_most: int,
    name: str,
    negative: Sequence[bool] | None = None,
) -> Signal:
    """The sum of one term a row, stage by stage.

    With the terms of a stage in cycle t, s cycles later in stage s, the sum is there in cycle
    t + stages + (stage_rows − 1), for stage 0's t: first the rows of a stage are added, then they join the sum from
    above.

    Parameters
    ----------
    low, high:
        Bounds of each row's contribution. No register is wider than the sum so far can need.
    at_most:
        Width in which the sum may wrap.
    negative:
        Rows whose term is minus their contribution.
    """
    signs = negative or [False] * len(terms)
    total: Signal | None = None
    for first in range(0, len(terms), stage_rows):
        minus = signs[first]
        stage: Value = terms[first]
        if stage_rows == 2:
            span = (-2 * high, -2 * low) if minus else (2 * low, 2 * high)
            stage = Signal(shape_for(*span, at_most=at_most), name=f"{name}_stage_{first}")
            both = add(
                m, f"{name}_add_{first}", terms[first], terms[first + 1], len(stage), minus=signs[first + 1] != minus
            )
            m.d.sync += stage.eq(both)
        rows = first + stage_rows
        joined = Signal(shape_for(rows * low, rows * high, at_most=at_most), name=f"{name}_{first}")
        if total is not None:
            stage, minus = add(m, f"{name}_join_{first}", total, stage, len(joined), minus=minus), False
        m.d.sync += joined.eq(-stage if minus else stage)
        total = joined
    assert total is not None
    return total
