# SPDX-License-Identifier: Apache-2.0
"""From a graph to the network that strategies see."""

from celosia.arch.config import Config
from celosia.arch.timing import ExternalTiming
from celosia.model.graph import Graph

from ..errors import CompileError
from ..ir import AddLayer, Module
from ..passes.layout import layout
from ..passes.legalize import legalize
from ..passes.lower import lower
from ..passes.place import drop_unread, on_host, place, refuse_unsupported
from ..passes.segment import segment
from ..verify import verify
from .alignment import with_whole_rows
from .network import Network
from .parts import units
from .tiling import Stage

__all__ = ["network_of"]


def network_of(graph: Graph, config: Config, timing: ExternalTiming) -> Network:
    """A network whose values and weights are in external memory.

    Layers of which not even one row, or the weights of one column tile, fit the core are the host's.

    Raises
    ------
    CompileError
        An operator runs nowhere, or no layer is left to the core.
    """
    placed = verify("place", place(verify("legalize", legalize(graph, config, "external"))))
    while True:
        # Dropped anew each time: a PAD that a convolution had absorbed is needed when that goes to the host.
        module = verify("fit", refuse_unsupported(drop_unread(placed)))
        for name, run in (("layout", _layout), ("lower", lower), ("segment", segment)):
            module = verify(name, run(module))
        network = Network(module, timing)
        if not network.layers:
            raise CompileError(f"{graph.name}: no operator of it can run on {config.name}: celosia check says why")
        large = {number: why for number in network.layers if (why := _too_large(network, number))}
        if not large:
            return network
        if len(large) == len(network.layers):
            number, why = next(iter(large.items()))
            raise CompileError(
                f"{graph.name} does not fit {config.name}: {graph.describe(graph.ops[number])} {why}; choose a larger "
                f"configuration or a smaller network"
            )
        nodes = (on_host(placed, n, large[n.layer]) if n.layer in large else n for n in placed.nodes)
        placed = placed.replace(nodes=tuple(nodes))


def _layout(module: Module) -> Module:
    return with_whole_rows(layout(module))


def _too_large(network: Network, number: int) -> str:
    """Why a layer cannot run on the core however it is cut; nothing if it can."""
    config, layer = network.config, network.layers[number]
    for group in () if isinstance(layer, AddLayer) else layer.groups:
        _, words, width = units(config, group)
        needed = words * config.weight_word_bytes
        if needed > config.weight_bytes:
            return f"needs {needed} bytes of weight memory for one column tile, and there are {config.weight_bytes}"
        if width > config.parameter_records:
            return f"needs {width} records of parameter memory at once, and there are {config.parameter_records}"
    smallest = Stage(layers=(number,), height=1, doubled=False)
    needed = network.costs.lines(smallest, frozenset()) * config.line_bytes
    if needed > config.activation_bytes:
        return f"needs {needed} bytes of activation memory for one row, and there are {config.activation_bytes}"
    return ""
