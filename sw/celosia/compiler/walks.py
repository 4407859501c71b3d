# SPDX-License-Identifier: Apache-2.0
"""The walks that compute a window: of a filter, or of a maximum."""

from collections.abc import Iterator

from celosia.arch.config import Config

from .down import Walk
from .ir import Window
from .maximum import MaximumWalk
from .plan import PLANS, Plan

__all__ = ["plans_for", "walk_of"]


def walk_of(config: Config, window: Window, plan: Plan) -> Walk:
    """``plan`` for a window."""
    return (MaximumWalk if window.maximum else Walk)(config, window, plan)


def plans_for(config: Config, window: Window) -> Iterator[Walk]:
    """Every plan that suits a depthwise window."""
    if not config.down_channels or not window.depthwise or window.outputs != window.channels:
        return
    if window.y.dilation > 1 or window.x.dilation > 1:
        return
    for plan in PLANS:
        walk = walk_of(config, window, plan)
        if walk.possible:
            yield walk
