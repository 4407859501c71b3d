# SPDX-License-Identifier: Apache-2.0
"""iCE40: an SB_MAC16 for both products of a row, two 8x8 multipliers in one."""

from collections.abc import Sequence

from amaranth.hdl import Module, Value

from ...primitives.ice40_mac import TwoMultipliers
from .products import ProductColumn

__all__ = ["Ice40Column"]


class Ice40Column(ProductColumn):
    """The active weights are the multipliers' B registers, a cycle late, as A's are behind the activation's own."""

    def _products(self, m: Module, entering: Sequence[Value]) -> list[tuple[Value, Value]]:
        reaching = self._late_weights(m, 2)
        result = []
        for r in range(self.config.rows):
            m.submodules[f"multiplier_{r}"] = multiplier = TwoMultipliers()
            m.d.comb += [
                multiplier.a.eq(self.activations_o[r]),
                multiplier.b[0].eq(reaching[r][:8]),
                multiplier.b[1].eq(reaching[r][8:]),
                multiplier.b_enable.eq(self.swap_o[r // self.stage_rows]),
            ]
            result.append((multiplier.product[0], multiplier.product[1]))
        return result
