# SPDX-License-Identifier: Apache-2.0
"""Gowin: a MULT9X9 for each product, all of its registers in use."""

from collections.abc import Sequence

from amaranth.hdl import Module, Value

from ...primitives.gowin_mult import GowinMultiplier
from .products import ProductColumn

__all__ = ["GowinColumn"]


class GowinColumn(ProductColumn):
    """One clock enable serves all registers of a multiplier, so the active weights are in the fabric."""

    def _products(self, m: Module, entering: Sequence[Value]) -> list[tuple[Value, Value]]:
        reaching = self._late_weights(m, 1)
        result = []
        for r in range(self.config.rows):
            products = []
            for i, weight in enumerate(self._active(m, r, reaching[r])):
                m.submodules[f"multiplier_{r}_{i}"] = multiplier = GowinMultiplier(9, pipelined=True)
                m.d.comb += [multiplier.a.eq(self.activations_o[r]), multiplier.b.eq(weight)]
                products.append(multiplier.product[:16].as_signed())
            result.append((products[0], products[1]))
        return result
