# SPDX-License-Identifier: Apache-2.0
"""One network on one device: cycles counted, predicted and ideal, and whether every bit is right."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from celosia import golden
from celosia.model import Graph
from celosia.runtime import Device, Program

from .traffic import layer_bytes

__all__ = ["LayerFigures", "ModelFigures", "measure"]


@dataclass(frozen=True, kw_only=True)
class LayerFigures:
    """One operator of one inference.

    Parameters
    ----------
    cycles, predicted, utilization, seconds
        As in :class:`celosia.runtime.Layer`.
    ideal
        Cycles if every multiplier worked in each: MACs / (R·C).
    bytes_read
        What the array reads for it from the local memories, weights and activations.
    """

    name: str
    op: str
    place: str
    cycles: int | None
    predicted: int
    ideal: float
    macs: int
    utilization: float
    bytes_read: int
    seconds: float

    @property
    def intensity(self) -> float:
        """MACs a byte read; 0 where the array reads nothing."""
        return self.macs / self.bytes_read if self.bytes_read else 0.0


@dataclass(frozen=True, kw_only=True)
class ModelFigures:
    """One inference of a network.

    Parameters
    ----------
    exact
        Every output bit is the golden model's.
    cycles
        From the device's counter; what the host computed is not in it, but in `layers`.
    predicted
        What the compiler said `cycles` would be.
    macs
        Those the array did.
    layers
        One for each operator of the network, wherever it ran.
    """

    model: str
    config: str
    multipliers: int
    exact: bool
    cycles: int
    predicted: int
    macs: int
    layers: tuple[LayerFigures, ...]

    @property
    def ideal(self) -> float:
        """Cycles if every multiplier worked in each."""
        return self.macs / self.multipliers

    @property
    def utilization(self) -> float:
        """Of the multipliers, during these cycles."""
        return self.ideal / self.cycles if self.cycles else 0.0

    @cached_property
    def on_host(self) -> tuple[LayerFigures, ...]:
        """What the host computed: in no cycle count. RESHAPE, which moves nothing, is not among it."""
        return tuple(layer for layer in self.layers if layer.place == "host" and layer.op != "RESHAPE")

    @property
    def host_macs(self) -> int:
        """MACs that the host did, and the array did not."""
        return sum(layer.macs for layer in self.on_host)


def measure(
    model: str,
    graph: Graph,
    program: Program,
    device: Device,
    inputs: Sequence[np.ndarray],
    progress: Callable[[int], None] | None = None,
) -> ModelFigures:
    """Run one inference and compare it with the golden model.

    Parameters
    ----------
    model
        What the network is called in the figures.
    program
        `graph`, compiled for the configuration of `device`.
    inputs
        One array for each input of the network.
    progress
        Called now and then with the cycles done so far.

    Raises
    ------
    DeviceError
        The device has another configuration, or stopped with an error.
    """
    result = device.run(program, inputs, progress=progress)
    expected = golden.run(graph, inputs)
    read = layer_bytes(program)
    peak = program.config.macs_per_cycle
    layers = tuple(
        LayerFigures(
            name=layer.name,
            op=layer.op,
            place=layer.place,
            cycles=layer.cycles,
            predicted=layer.predicted,
            ideal=layer.macs / peak,
            macs=layer.macs,
            utilization=layer.utilization,
            bytes_read=read[index],
            seconds=layer.seconds,
        )
        for index, layer in enumerate(result.layers)
    )
    return ModelFigures(
        model=model,
        config=program.config.name,
        multipliers=peak,
        exact=all(np.array_equal(*pair) for pair in zip(expected, result.outputs, strict=True)),
        cycles=result.cycles,
        predicted=result.predicted,
        macs=result.macs,
        layers=layers,
    )
