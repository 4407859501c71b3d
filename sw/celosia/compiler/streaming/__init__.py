# SPDX-License-Identifier: Apache-2.0
"""Networks larger than the chip: strips of rows through stages of layers, weights and activations by LOAD and STORE.

::

    graph ─► front ─► Network ─► strategy ─► Tiling ─► legal ─► Streamed ─► Program
                                  (search)             (check)   rooms, rings, commands, order, chapters

:mod:`.tiling` says what a strategy decides, :mod:`.network` what it may ask, :mod:`.strategies` which there are.
"""

from .front import network_of
from .legal import refuse
from .network import Network
from .program import Streamed
from .strategies import FAMILIES, StreamingStrategy, known, named, names
from .tiling import Order, Stage, Tiling

__all__ = [
    "FAMILIES", "Network", "Order", "Stage", "Streamed", "StreamingStrategy", "Tiling", "known", "named", "names",
    "network_of", "refuse",
]  # fmt: skip
