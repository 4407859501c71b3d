# SPDX-License-Identifier: Apache-2.0
"""How a network that is larger than the chip is cut into work: what a strategy decides, and nothing else.

A :class:`Tiling` is the network's layers, in their order, as :class:`Stage`\\ s, and the values that stay in the
activation memory from the stage that makes them to the last that reads them. All other values between stages are
stored to external memory and loaded again.
"""

import enum
from dataclasses import dataclass, field

__all__ = ["Order", "Stage", "Tiling"]


class Order(enum.Enum):
    """The loops of a stage of one layer, outermost first."""

    STRIPS = "strips, weights"
    """All weights for a strip before the next strip; a strip of results is stored as a whole."""

    STORED_BY_PART = "strips, weights, stored by channels"
    """The same, but each set of weights' channels are stored for themselves, so that results take little room."""

    WEIGHTS = "weights, strips"
    """All strips for a set of weights before the next set; the input is loaded for each."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Consecutive layers that one strip of rows goes through before the next strip.

    Parameters
    ----------
    layers:
        Operators' numbers. What they pass on to each other never leaves the chip; rows that the windows of two strips
        share are made twice, or loaded twice.
    height:
        Rows of the last layer's output that a strip makes.
    split:
        How many channels at a time a layer makes for a depthwise layer that follows it; 0: all.
    order:
        The order of strips and weights. A stage of more than one layer has STRIPS.
    doubled:
        Whether loaded and stored strips have two buffers, so that they move while the array works on another.
    """

    layers: tuple[int, ...]
    height: int
    split: int = 0
    order: Order = Order.STRIPS
    doubled: bool = True


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """All stages in order, and the values (tensor indices) that stay on chip between stages."""

    stages: tuple[Stage, ...]
    resident: frozenset[int] = field(default_factory=frozenset)
