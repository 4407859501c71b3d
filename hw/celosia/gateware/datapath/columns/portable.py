# SPDX-License-Identifier: Apache-2.0
"""The body of a column pair in plain operators: for simulation, and whatever a tool makes of it."""

from collections.abc import Sequence

from amaranth.hdl import Const, Module, Signal, Value, signed

from ...delay import delay
from .column import PairColumn

__all__ = ["PortableColumn"]


class PortableColumn(PairColumn):
    """A chain of sums, and the cycles that other bodies spend in their pipelines at its foot.

    One register a stage and sum is the least a simulator can be asked for.
    """

    def _multiply(self, m: Module, entering: Sequence[Value]) -> None:
        config = self.config
        for i in range(2):
            late = [delay(m, self.weights[b][i], 1, f"bus{i}_{b}") for b in range(config.weight_rows)]
            reaching = self._weights(m, late, f"weight{i}")
            psum: Value = Const(0, signed(config.sum_bits))
            for j in range(self.stages):
                total = psum
                for r in range(j * self.stage_rows, (j + 1) * self.stage_rows):
                    weight = Signal(signed(8), name=f"active{i}_{r}")
                    with m.If(self.swap[j]):
                        m.d.sync += weight.eq(reaching[r])
                    total = total + self.activations_o[r] * weight
                psum = Signal(signed(config.sum_bits), name=f"psum{i}_{j}")
                m.d.sync += psum.eq(total)
            m.d.comb += self.sums[i].eq(delay(m, psum, self.latency - self.stages - 1, f"foot{i}"))
