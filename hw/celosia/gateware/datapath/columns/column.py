# SPDX-License-Identifier: Apache-2.0
"""What all bodies of a column pair share: how activations, tokens and weights move.

::

                heads, from above          weights, weight_rows buses
                    │   │                      │ (delayed to the stage)
  activation r ──► mux ─┴─► entering ─► register ─► activation ─► right neighbour, same row
                                          │   └─► row below (one register more below an odd row)
                                          ▼
                                       products ─► + ─► psum ─► stage below

Rows are summed in stages of ``rows_per_stage`` (two, where the weights of two rows come in one cycle): sums need
one cycle a stage, not a row, and half the adders of the long chain become short ones.
"""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import Component, In, Out

from ....arch.config import Config
from ....arch.timing.conv import array_stages, column_latency, rows_per_stage
from ...delay import delays
from .flow import SEGMENTS, Flow

__all__ = ["PairColumn"]


class PairColumn(Component):
    """Two columns of the array, which share their activations and their swap tokens.

    No flow control: every cycle moves. With ``activations``, ``flow`` and ``swap`` of a stage's rows in cycle t, they
    are on ``…_o`` in cycle t + 1, and the stage adds their products with the weights captured at the latest swap to
    the sums of the stage above, one cycle before the stage below does. The sums of the vector that enters stage 0 in
    cycle t are on ``sums`` in cycle t + :func:`celosia.arch.timing.conv.column_latency`, in every body.

    Parameters
    ----------
    config:
        The core.
    moves_down:
        Whether activations may move down in this pair.

    Members
    -------
    flow, flow_o:
        The dataflow of each stage. Other than ACROSS only if ``moves_down``.
    activations, activations_o:
        R int8, row r delayed by ``r // rows_per_stage`` cycles; and the same for the neighbour to the right.
    heads:
        One sample per segment, delayed like the row it enters.
    swap, swap_o:
        The stage's rows take the weights that reach them, for this activation already.
    weights:
        ``weight_rows`` rows of two int8. With stage 0's swap in cycle t0, weight rows
        ``g·weight_rows … (g + 1)·weight_rows − 1`` are here in cycle t0 + g − 1, so that a body can make of them
        what it needs.
    sums:
        Two sums of R products.
    """

    def __init__(self, config: Config, *, moves_down: bool):
        self.config = config
        self.moves_down = moves_down
        self.stages = array_stages(config)
        self.stage_rows = rows_per_stage(config)
        super().__init__(
            {
                "flow": In(Flow).array(self.stages),
                "activations": In(signed(8)).array(config.rows),
                "heads": In(signed(8)).array(SEGMENTS),
                "swap": In(1).array(self.stages),
                "weights": In(signed(8)).array(config.weight_rows, 2),
                "flow_o": Out(Flow).array(self.stages),
                "activations_o": Out(signed(8)).array(config.rows),
                "swap_o": Out(1).array(self.stages),
                "sums": Out(signed(config.sum_bits)).array(2),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a vector at stage 0 to its sums."""
        return column_latency(self.config)

    def elaborate(self, platform):
        m = Module()
        for j in range(self.stages):
            m.d.sync += self.swap_o[j].eq(self.swap[j])
            if self.moves_down:
                m.d.sync += self.flow_o[j].eq(self.flow[j])
        entering, above = [], None
        for r in range(self.config.rows):
            entering.append(self._entering(m, r, above))
            m.d.sync += self.activations_o[r].eq(entering[r])
            above = self.activations_o[r]
            if self.moves_down and (r + 1) % self.stage_rows == 0 and r + 1 < self.config.rows:
                above = Signal(signed(8), name=f"down_{r}")
                m.d.sync += above.eq(self.activations_o[r])
        self._multiply(m, entering)
        return m

    def _multiply(self, m: Module, entering: Sequence[Value]) -> None:
        """The body: drives ``sums``. Row r's activation is ``entering[r]``, one cycle later ``activations_o[r]``."""
        raise NotImplementedError

    def _entering(self, m: Module, row: int, above: Value | None) -> Value:
        """What enters row ``row``: its own activation, or when activations move down, its head or the row above."""
        if not self.moves_down:
            return self.activations[row]
        moves_down, opens_even, opens_third = self.flow[row // self.stage_rows].as_value()
        segment, within = divmod(row, self.config.rows // SEGMENTS)
        down = above
        if within == 0:
            down = self.heads[segment]
            if above is not None:
                down = Mux(opens_third if segment == 2 else opens_even, self.heads[segment], above)
        result = Signal(signed(8), name=f"entering_{row}")
        m.d.comb += result.eq(Mux(moves_down, down, self.activations[row]))
        return result

    def _weights(self, m: Module, buses: Sequence[Any], name: str) -> list[Any]:
        """What each row takes at its swap, of values made from ``weights`` one cycle later, one a bus.

        Rows g·k … g·k + k − 1, with k = weight_rows, come in cycle t0 + g; their stage s takes them in cycle
        t0 + s. With as many rows in a stage as on the buses nothing waits: the buses are plain broadcasts.
        """
        k = self.config.weight_rows
        waits = [r // self.stage_rows - r // k for r in range(self.config.rows)]
        hops = [delays(m, bus, max(waits[i::k]), f"{name}_{i}") for i, bus in enumerate(buses)]
        return [hops[r % k][waits[r]] for r in range(self.config.rows)]
