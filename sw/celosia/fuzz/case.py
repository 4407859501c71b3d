# SPDX-License-Identifier: Apache-2.0
"""One case: a network with its input, a core, a memory and a tiling; and how it is kept for whoever mends it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from celosia.arch.config import Config
from celosia.compiler.strategies import STRATEGIES
from celosia.model import Graph, save
from celosia.sim import MemoryModel

from .cores import memories
from .networks import Draw, networks

__all__ = ["Case", "cases"]


@dataclass(frozen=True)
class Case:
    """What is run.

    Parameters
    ----------
    inputs:
        Of the network, in order.
    memory:
        "local" or "external", as :func:`celosia.compiler.compile` takes it.
    external:
        The memory on the AXI4 master.
    strategy:
        Name of one of :data:`celosia.compiler.strategies.STRATEGIES`.
    """

    config: Config
    graph: Graph
    inputs: list[np.ndarray]
    memory: str
    external: MemoryModel
    strategy: str

    def save(self, folder: Path, on: str = "verilator") -> str:
        """Write the network and its input into a folder, made if need be; returns the command that runs them."""
        folder.mkdir(parents=True, exist_ok=True)
        network, data = folder / "network.tflite", folder / "input.npz"
        save(self.graph, network)
        np.savez(data, allow_pickle=False, **{f"in{i}": x for i, x in enumerate(self.inputs)})
        e = self.external
        command = (
            f"celosia run {network} --input {data} --config {self.config.text} --on {on} "
            f"--memory {self.memory} --strategy '{self.strategy}' "
            f"--external latency={e.latency},gap={e.gap},stall={e.stall},seed={e.seed}"
        )
        (folder / "command.txt").write_text(command + "\n")
        return command


@st.composite
def cases(draw: Draw, config: Config) -> Case:
    """Cases on one core."""
    graph = draw(networks())
    values = np.random.default_rng(draw(st.integers(0, 255)))
    memory = draw(st.sampled_from(["local", "external"])) if config.external else "local"
    return Case(
        config=config,
        graph=graph,
        inputs=[values.integers(-128, 128, graph.tensors[i].shape).astype(np.int8) for i in graph.inputs],
        memory=memory,
        external=draw(memories) if memory == "external" else MemoryModel(size=1 << 20),
        strategy=draw(st.sampled_from(list(STRATEGIES))),
    )
