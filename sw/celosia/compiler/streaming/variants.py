# SPDX-License-Identifier: Apache-2.0
"""The stages of some layers that are worth a try."""

from collections.abc import Callable, Iterator

from ..ir import AddLayer
from .cost import Costs
from .legal import stage_problems
from .network import Network
from .storage import pairs
from .tiling import Order, Stage

__all__ = ["heights", "splits", "variants"]


def heights(rows: int) -> list[int]:
    """Strip heights worth a try: the tallest of each number of strips, and even, where few; then fewer and fewer."""
    result: dict[int, None] = {rows: None}
    count = 2
    while count <= rows:
        height = -(-rows // count)
        result[height + height % 2 if height > 3 else height] = None
        count = count + 1 if count < 8 else count * 5 // 4
    result[1] = None
    return [height for height in result if height <= rows]


def splits(network: Network, layers: tuple[int, ...]) -> list[int]:
    """Ways to split the channels between a layer and a depthwise layer after it: not, and finer and finer."""
    trial = Stage(layers=layers, height=1, split=network.channel_step())
    pairs_ = pairs(network, trial)
    if not pairs_:
        return [0]
    step = network.channel_step()
    most = max(network.channels(number) for number in pairs_)
    result = [0]
    size = -(-most // (2 * step)) * step
    while size < most:
        result.append(size)
        if size == step:
            break
        size = max(step, size // (2 * step) * step)
    return result


def variants(costs: Costs, layers: tuple[int, ...], room: int, resident: frozenset[int]) -> Iterator[Stage]:
    """Stages of these layers that fit ``room`` lines beside the ``resident`` values: for each height the coarsest."""
    network = costs.network
    rows = network.made(layers[-1])
    sizes = sorted(heights(rows))
    orders = list(Order) if len(layers) == 1 and _by_part(network, layers[0]) else [Order.STRIPS]
    for order in orders:
        done = -1
        for split in splits(network, layers):
            for doubled in (True, False):

                def stage(index: int, *, split: int = split, doubled: bool = doubled, order: Order = order) -> Stage:
                    return Stage(layers=layers, height=sizes[index], split=split, order=order, doubled=doubled)

                fits = _last_that_fits(len(sizes), lambda index: costs.lines(stage(index), resident) <= room)
                yield from (stage(index) for index in range(done + 1, fits + 1))
                done = max(done, fits)


def _last_that_fits(count: int, fits: Callable[[int], bool]) -> int:
    """The largest index that fits, where all below one that does do, too; −1 if none."""
    if not fits(0):
        return -1
    low, high = 0, count
    probe = count - 1
    while high - low > 1:
        low, high = (probe, high) if fits(probe) else (low, probe)
        probe = (low + high) // 2
    return low


def _by_part(network: Network, number: int) -> bool:
    layer = network.layers[number]
    stage = Stage(layers=(number,), height=1, order=Order.WEIGHTS)
    return not isinstance(layer, AddLayer) and not any(stage_problems(network, stage))
