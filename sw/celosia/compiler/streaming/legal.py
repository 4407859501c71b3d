# SPDX-License-Identifier: Apache-2.0
"""What a tiling must be: a strategy's mistakes are named, and never run."""

from collections.abc import Iterator

from ..errors import TilingError
from ..ir import AddLayer
from .network import Network
from .parts import part_channels, part_edges
from .storage import allocated, pairs
from .strips import kept
from .tiling import Order, Stage, Tiling

__all__ = ["check", "refuse"]


def refuse(network: Network, tiling: Tiling, strategy: str) -> None:
    """Nothing, if a tiling is legal.

    Raises
    ------
    TilingError
        It is not; the message names the strategy, the stage, and the rule that is broken.
    """
    for problem in check(network, tiling):
        raise TilingError(f"strategy {strategy} made an illegal tiling of {network.module.graph.name}: {problem}")


def check(network: Network, tiling: Tiling) -> Iterator[str]:
    """What is wrong with a tiling, one sentence each; nothing if it is legal."""
    order = [number for stage in tiling.stages for number in stage.layers]
    wanted = [number for span in network.spans for number in span]
    if order != wanted:
        yield f"uncovered layers: the stages hold layers {order}, and the network has {wanted}"
        return
    for index, stage in enumerate(tiling.stages):
        for problem in stage_problems(network, stage):
            yield f"stage {index} (layers {stage.layers[0]} to {stage.layers[-1]}): {problem}"
            return
    for value in sorted(tiling.resident):
        if value not in network.maker:
            yield f"resident input: value {value} is not made on the machine, so it cannot stay there"
            return
        if any(_kept_there(network, stage, value) for stage in tiling.stages):
            continue
        yield f"resident inside a stage: value {value} never leaves the stage that makes it"
        return
    yield from _room(network, tiling)


def _kept_there(network: Network, stage: Stage, value: int) -> bool:
    """Whether a stage makes a value that outlives it."""
    return network.maker[value] in stage.layers and value in kept(network, stage)


def stage_problems(network: Network, stage: Stage) -> Iterator[str]:
    """What is wrong with one stage, but for the room it takes."""
    if not stage.layers or not any(set(stage.layers) <= set(span) for span in network.spans):
        yield "broken span: its layers are not run by one start of the machine"
        return
    rows = network.made(stage.layers[-1])
    if not 1 <= stage.height <= rows:
        yield f"illegal tile: a strip of {stage.height} rows, of a layer that makes 1 to {rows}"
    step = network.channel_step()
    if stage.split < 0 or stage.split % step:
        yield f"illegal tile: a split of {stage.split} channels, which is no multiple of {step}"
    if stage.split and not pairs(network, stage):
        yield "illegal split: no layer in it is followed by a depthwise layer that alone reads what it makes"
    if stage.order is not Order.STRIPS:
        yield from _by_part(network, stage)


def _by_part(network: Network, stage: Stage) -> Iterator[str]:
    first, *others = stage.layers
    layer = network.layers[first]
    if others or isinstance(layer, AddLayer):
        yield f"illegal order: {stage.order.name} is for one layer on the array"
        return
    bus = network.config.bus_bytes
    w = layer.window
    sizes = {w.written.pixel, part_channels(network.config, layer), *part_edges(network.config, layer)}
    if w.batch > 1 or (network.made(first) == 1 and w.y.out > 1) or any(size % bus for size in sizes):
        yield f"illegal order: {stage.order.name} stores channels one by one, and these do not lie on whole bus words"


def _room(network: Network, tiling: Tiling) -> Iterator[str]:
    config = network.config
    _, _, lines = allocated(network, tiling)
    if lines > config.activation_lines:
        yield (
            f"out of activation memory: its buffers and resident values take {lines * config.line_bytes} bytes, and "
            f"there are {config.activation_bytes}"
        )
