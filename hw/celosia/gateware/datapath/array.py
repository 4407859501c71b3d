# SPDX-License-Identifier: Apache-2.0
"""The weight-stationary systolic array, and its second dataflow.

::

      weights (row g·weight_rows + i in cycle t0 + g − 1)
         │ broadcast down each column
         ▼
     ┌───────┐ a, swap ┌───────┐
 x₀ ─┤ pair  ├────────►│ pair  ├──►     one pair of columns shares its activation registers
 x₁ ─┤ 0,0   ├────────►│ 0,1   ├──►     and a swap token a stage (here two rows)
     └─┬─┬─┬─┘         └─┬─┬─┬─┘
  psum ▼ ▼ ┆ a, down     ▼ ▼ ┆
     ┌───────┐         ┌───────┐
 x₂ ─┤ pair  ├────────►│ pair  ├──►     stage s is skewed by s cycles, pair p by p cycles
 x₃ ─┤ 1,0   ├────────►│ 1,1   ├──►
     └─┬─┬───┘         └─┬─┬───┘
       ▼ ▼               ▼ ▼
       deskew by P − 1 − p  → sums, all columns of one vector in the same cycle

Weights need no shadow registers. Stage s of a tile is on the column's weight buses, behind a register, in the very
cycle in which the tile's first activation, and the swap token beside it, reaches stage s: both move down one stage a
cycle. A tile therefore loads while it already computes, tiles follow each other every
``max(vectors, rows / weight_rows)`` cycles without a bubble, and the first one waits for nothing.
(The usual double-buffered element holds a second weight and loads it ``rows`` cycles ahead.) In an FPGA
multiplier with an input register, that register *is* the weight, and the token its clock enable.

Across (dense layers): activations move right, all columns of a row see them. Down (depthwise, pooling): every pair
has its own activations, one channel's. They enter at the heads of four segments of R/4 rows and move down with one
register a row more than the partial sums. Row ``h + d`` of a segment with its head in row ``h`` so meets the
sum of step t with the sample of step t − d, if the head's stream is as late as row h's stage: a filter of R/4 taps in
time, and with four streams (image rows) of four image rows. Two dataflows in one array are also in HeSA (Xu et al.,
"Heterogeneous systolic array architecture for compact CNNs hardware accelerators", 2021); the segments and the
two outputs per pair are this one's.

A column pair (:mod:`.columns`) has a body for each FPGA family, all with the same cycles.
"""

from amaranth.hdl import Module, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.timing.conv import array_latency
from ..delay import delay, delays
from .columns.choice import bodies
from .columns.column import PairColumn
from .columns.flow import SEGMENTS, Flow

__all__ = ["SEGMENTS", "Flow", "SystolicArray"]


class SystolicArray(Component):
    """R × C processing elements with the skew on both sides.

    A vector given in cycle t appears multiplied on ``sums`` in cycle t + :attr:`latency`. The vector for
    which ``swap`` is high is the first one of a new weight tile; with it in cycle t0, weight rows
    ``g·weight_rows … (g + 1)·weight_rows − 1`` are on ``weights`` in cycle t0 + g − :attr:`weight_lead`.

    Members
    -------
    flow:
        The tile's dataflow, with every vector. Other than ACROSS only if ``config.down_channels``.
    activations:
        One vector, R int8 (ACROSS).
    heads:
        One sample per segment and pair (otherwise). A segment that goes on from the one above ignores its.
    swap:
        This vector starts a tile.
    weights:
        ``weight_rows`` rows of C int8.
    sums:
        C sums of R products, ``config.sum_bits`` wide.
    """

    weight_lead = 1

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "flow": In(Flow),
                "activations": In(data.ArrayLayout(signed(8), config.rows)),
                "heads": In(data.ArrayLayout(data.ArrayLayout(signed(8), config.pairs), SEGMENTS)),
                "swap": In(1),
                "weights": In(data.ArrayLayout(data.ArrayLayout(signed(8), config.columns), config.weight_rows)),
                "sums": Out(data.ArrayLayout(signed(config.sum_bits), config.columns)),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a vector to its sums: a column's, and P − 1 for the pairs."""
        return array_latency(self.config)

    def elaborate(self, platform):
        m = Module()
        config = self.config
        columns = bodies(config, platform)
        self._skew(m, columns[0])
        for p, column in enumerate(columns):
            m.submodules[f"column_{p}"] = column
            self._feed(m, p, column)
            for i in range(2):
                deskewed = delay(m, column.sums[i], config.pairs - 1 - p, f"deskew{p}_{i}")
                m.d.comb += self.sums[2 * p + i].eq(deskewed)
            if p + 1 < config.pairs:
                self._join(m, column, columns[p + 1])
        return m

    def _skew(self, m: Module, first: PairColumn) -> None:
        """Stage s of the first pair has everything s cycles late."""
        swap = delays(m, self.swap, first.stages - 1, "skew_swap")
        flow = delays(m, self.flow, first.stages - 1, "skew_flow")
        for s in range(first.stages):
            m.d.comb += [first.swap[s].eq(swap[s]), first.flow[s].eq(flow[s])]
        for r in range(self.config.rows):
            late = delay(m, self.activations[r], r // first.stage_rows, f"skew_a{r}")
            m.d.comb += first.activations[r].eq(late)

    def _feed(self, m: Module, p: int, column: PairColumn) -> None:
        """Weights and heads of pair ``p``, p cycles late, heads as late as their stage on top of it."""
        for b in range(self.config.weight_rows):
            for i in range(2):
                m.d.comb += column.weights[b][i].eq(delay(m, self.weights[b][2 * p + i], p, f"skew_w{p}_{b}_{i}"))
        if column.moves_down:
            for q in range(SEGMENTS):
                late = q * self.config.rows // SEGMENTS // column.stage_rows + p
                m.d.comb += column.heads[q].eq(delay(m, self.heads[q][p], late, f"skew_h{q}_{p}"))

    def _join(self, m: Module, left: PairColumn, right: PairColumn) -> None:
        """Activations and tokens go on from pair to pair."""
        for s in range(left.stages):
            m.d.comb += [right.swap[s].eq(left.swap_o[s]), right.flow[s].eq(left.flow_o[s])]
        for r in range(self.config.rows):
            m.d.comb += right.activations[r].eq(left.activations_o[r])
