# SPDX-License-Identifier: Apache-2.0
"""A program, its inputs, and what a device made of them: what ``run`` and ``demo`` share."""

import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from celosia import golden
from celosia.model import Graph
from celosia.runtime import Program, Result
from celosia.runtime.inputs import Batch, stack_outputs

from . import console
from .external import parse_external

__all__ = ["Job"]


@dataclass
class Job:
    """A program to run on some inputs.

    Parameters
    ----------
    graph
        What the program was compiled from; None where only the program is known.
    results
        One for each inference of the batch, once `execute` is done.
    exact
        Whether every output bit is the golden model's, once `execute` is done; None without a graph.
    seconds
        What `execute` took to run the batch on the open device.
    """

    program: Program
    graph: Graph | None
    batch: Batch
    results: list[Result] = field(default_factory=list)
    exact: bool | None = None
    seconds: float = 0.0

    def execute(self, on: str, wave: Path | None = None, external: str = "") -> None:
        """Run every inference on a device of the program's configuration, and compare with the golden model.

        Parameters
        ----------
        external
            The memory behind the core, as `parse_external` takes it.

        Raises
        ------
        DeviceError
            The device cannot be opened, or stopped with an error.
        """
        each = self.program.predicted
        memory = parse_external(external, self.program.external.get("end", 0), self.program.config.bus_bits)
        with console.opening(on, self.program.config, wave, memory) as device:
            device.load(self.program)
            start = time.perf_counter()
            with console.counting(f"running on {on}", each * len(self.batch.inferences), "cycles") as show:
                for done, inputs in enumerate(self.batch.inferences):
                    progress = partial(lambda before, cycles: show(before + cycles), done * each)
                    self.results.append(device.run(self.program, inputs, progress=progress))
            self.seconds = time.perf_counter() - start
        if self.graph is not None:
            self.exact = self._compare(self.graph)

    def outputs(self) -> dict[str, np.ndarray]:
        """out0, out1, …, batched as the inputs were."""
        arrays = stack_outputs([result.outputs for result in self.results], self.batch.form)
        return {f"out{i}": array for i, array in enumerate(arrays)}

    def _compare(self, graph: Graph) -> bool:
        exact = True
        with console.counting("comparing with the golden model", len(self.results), "inferences") as show:
            for done, (inputs, result) in enumerate(zip(self.batch.inferences, self.results, strict=True)):
                show(done)
                expected = golden.run(graph, inputs)
                exact &= all(np.array_equal(*pair) for pair in zip(expected, result.outputs, strict=True))
        return exact
