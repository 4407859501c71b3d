# SPDX-License-Identifier: Apache-2.0
"""The weight-stationary systolic array, and its second dataflow.

::

      weights (row g·weight_rows + i in cycle t0 + g)
         │ broadcast down each column
         ▼
     ┌───────┐ a, swap ┌───────┐
 x₀ ─┤ pair  ├────────►│ pair  ├──►     one pair of columns shares one activation register
     │ 0,0   │         │ 0,1   │        and one swap token
     └─┬─┬─┬─┘         └─┬─┬─┬─┘
  psum ▼ ▼ ┆ a, down     ▼ ▼ ┆
     ┌───────┐         ┌───────┐
 x₁ ─┤ pair  ├────────►│ pair  ├──►     row r is skewed by r cycles, pair p by p cycles
     │ 1,0   │         │ 1,1   │
     └─┬─┬───┘         └─┬─┬───┘
       ▼ ▼               ▼ ▼
       deskew by P − 1 − p  → sums, all columns of one vector in the same cycle

Weights need no shadow registers. Row ``r`` of a tile is on the column's weight bus in the very cycle in
which the tile's first activation, and the swap token beside it, reaches row ``r``: both move down one row a
cycle. A tile therefore loads while it already computes, tiles follow each other every
``max(vectors, rows / weight_rows)`` cycles without a bubble, and the first one waits for nothing.
(The usual double-buffered element holds a second weight and loads it ``rows`` cycles ahead.) In an FPGA
multiplier with an input register, that register *is* the weight, and the token its clock enable.

Across (dense layers): activations move right, all columns of a row see them. Down (depthwise, pooling): every pair
has its own activations, one channel's. They enter at the heads of four segments of R/4 rows and move down with
two registers a row, the partial sums with one. Row ``h + d`` of a segment with its head in row ``h`` so meets the
sum of step t with the sample of step t − d, if the head's stream is h cycles late: a filter of R/4 taps in time, and
with four streams (image rows) of four image rows. Two dataflows in one array are also in HeSA (Xu et al.,
"Heterogeneous systolic array architecture for compact CNNs hardware accelerators", 2021); the segments and the
two outputs per pair are this one's.
"""

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import data, enum
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.timing.conv import array_latency
from ..delay import delay, delays

__all__ = ["SEGMENTS", "Flow", "PairElement", "SystolicArray"]

SEGMENTS = 4


class Flow(enum.Enum, shape=2):
    """How activations move in a tile; 1 to 3 are :class:`celosia.arch.isa.Routing`."""

    ACROSS = 0
    ROWS = 1
    PAIRS = 2
    SINGLE = 3


class PairElement(Component):
    """Two processing elements of one row: ``psum_o[i] = psum_i[i] + a·w[i]``.

    No flow control: every cycle moves. With ``a`` and ``swap`` in cycle t, the products with the weights
    captured at the latest swap are added to ``psum_i`` of cycle t + 1 and leave in cycle t + 2; ``a_o``, ``swap_o`` and
    ``flow_o`` leave in cycle t + 1, ``down_o`` in cycle t + 2. Exact as long as the sums fit their width.

    Members
    -------
    flow, flow_o:
        Whether the activation is ``a`` (ACROSS) or ``down`` (otherwise).
    a, a_o:
        The activation, int8, and the same for the neighbour to the right.
    down, down_o:
        The activation from the row above or a head, and for the row below.
    swap, swap_o:
        The weights on ``w`` become the active ones, for this activation already.
    w:
        The weight bus of the two columns, int8.
    psum_i, psum_o:
        Partial sums from the row above and to the row below.
    """

    def __init__(self, sum_bits: int):
        super().__init__(
            {
                "flow": In(Flow),
                "a": In(signed(8)),
                "down": In(signed(8)),
                "swap": In(1),
                "w": In(signed(8)).array(2),
                "psum_i": In(signed(sum_bits)).array(2),
                "flow_o": Out(Flow),
                "a_o": Out(signed(8)),
                "down_o": Out(signed(8)),
                "swap_o": Out(1),
                "psum_o": Out(signed(sum_bits)).array(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        active = [Signal(signed(8), name=f"active_{i}") for i in range(2)]
        m.d.sync += [
            self.a_o.eq(Mux(self.flow == Flow.ACROSS, self.a, self.down)),
            self.down_o.eq(self.a_o),
            self.swap_o.eq(self.swap),
            self.flow_o.eq(self.flow),
        ]
        with m.If(self.swap):
            m.d.sync += [active[i].eq(self.w[i]) for i in range(2)]
        for i in range(2):
            m.d.sync += self.psum_o[i].eq(self.psum_i[i] + self.a_o * active[i])
        return m


class SystolicArray(Component):
    """R × C processing elements with the skew on both sides.

    A vector given in cycle t appears multiplied on ``sums`` in cycle t + :attr:`latency`. The vector for
    which ``swap`` is high is the first one of a new weight tile; with it in cycle t0, weight rows
    ``g·weight_rows … (g + 1)·weight_rows − 1`` are on ``weights`` in cycle t0 + g.

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
        """Cycles from a vector to its sums: one for the activation register, R for the psums, P − 1 for the pairs."""
        return array_latency(self.config)

    def elaborate(self, platform):
        m = Module()
        rows, pairs = self.config.rows, self.config.pairs
        swap = list(delays(m, self.swap, rows - 1, "skew_swap"))
        flow = list(delays(m, self.flow, rows - 1, "skew_flow"))
        a = [delay(m, self.activations[r], r, f"skew_a{r}") for r in range(rows)]
        for p in range(pairs):
            psum = [Const(0, signed(self.config.sum_bits))] * 2
            buses, heads, down = self._weight_buses(m, p), self._heads(m, p), None
            for r in range(rows):
                pe = PairElement(self.config.sum_bits)
                m.submodules[f"pe_{r}_{p}"] = pe
                m.d.comb += [pe.a.eq(a[r]), pe.swap.eq(swap[r]), pe.flow.eq(flow[r])]
                for i in range(2):
                    m.d.comb += [pe.w[i].eq(buses[r][i]), pe.psum_i[i].eq(psum[i])]
                if heads:
                    m.d.comb += pe.down.eq(self._from_above(flow[r], r, heads, down))
                a[r], swap[r], flow[r], psum, down = pe.a_o, pe.swap_o, pe.flow_o, pe.psum_o, pe.down_o
            for i in range(2):
                m.d.comb += self.sums[2 * p + i].eq(delay(m, psum[i], pairs - 1 - p, f"deskew{p}_{i}"))
        return m

    def _heads(self, m: Module, p: int) -> dict[int, Signal]:
        """The heads of pair ``p`` by their row, skewed by row and pair."""
        length = self.config.rows // SEGMENTS
        if p >= self.config.down_channels:
            return {}
        return {q * length: delay(m, self.heads[q][p], q * length + p, f"skew_h{q}_{p}") for q in range(SEGMENTS)}

    def _from_above(self, flow, row: int, heads: dict[int, Signal], down):
        """What enters row ``row`` when activations move down: its head, or the row above."""
        if row not in heads:
            return down
        segment = row * SEGMENTS // self.config.rows
        if segment == 0:
            return heads[row]
        is_head = (flow == Flow.ROWS) | (flow == Flow.PAIRS) if segment == 2 else flow == Flow.ROWS
        return Mux(is_head, heads[row], down)

    def _weight_buses(self, m: Module, p: int) -> list[tuple]:
        """The weight bus of pair ``p``, both columns, as each row sees it.

        Rows of group g are read in cycle t0 + g but captured in cycle t0 + r (+ p): row r = g·k + i, with
        k = weight_rows, waits g·(k − 1) + i cycles. With k = 1 the bus is a plain broadcast.
        """
        k = self.config.weight_rows
        buses = []
        for i in range(k):
            waits = (self.config.weight_cycles - 1) * (k - 1) + i
            columns = (delay(m, self.weights[i][2 * p + c], p, f"skew_w{p}_{i}_{c}") for c in range(2))
            hops = [delays(m, column, waits, f"hop_w{p}_{i}_{c}") for c, column in enumerate(columns)]
            buses.append(list(zip(*hops, strict=True)))
        return [buses[r % k][(r // k) * (k - 1) + r % k] for r in range(self.config.rows)]
