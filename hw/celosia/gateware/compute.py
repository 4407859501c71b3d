# SPDX-License-Identifier: Apache-2.0
"""The datapath with its local memories."""

from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ..arch.config import Config
from .datapath.datapath import Datapath
from .interfaces import EngineSignature, LocalBus
from .memory.activations import ActivationMemory
from .memory.parameters import ParameterMemory
from .memory.weights import WeightMemory

__all__ = ["Compute"]


class Compute(Component):
    """Engines and memories, as the control side drives them.

    Members
    -------
    conv, elementwise:
        Commands from the sequencer.
    weights, activations, parameters:
        The local memories' side of the local bus.
    reset:
        Two cycles after it is high, the engines forget everything in flight. The memories go on: what they have
        taken is written, what they were asked is answered.
    vector_issued:
        The feeder issues a vector in this cycle.
    progress:
        Pulses while anything else moves.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "conv": In(EngineSignature()),
                "elementwise": In(EngineSignature()),
                "weights": In(LocalBus(config)),
                "activations": In(LocalBus(config)),
                "parameters": In(LocalBus(config)),
                "reset": In(1),
                "vector_issued": Out(1),
                "progress": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.weight_memory = weights = WeightMemory(self.config)
        m.submodules.activation_memory = activations = ActivationMemory(self.config)
        m.submodules.parameter_memory = parameters = ParameterMemory(self.config)
        m.submodules.datapath = datapath = Datapath(self.config)
        connect(m, flipped(self.conv), datapath.conv)
        connect(m, flipped(self.elementwise), datapath.elementwise)
        connect(m, flipped(self.weights), weights.local)
        connect(m, flipped(self.activations), activations.local)
        connect(m, flipped(self.parameters), parameters.local)
        connect(m, datapath.lines, activations.lines)
        m.d.comb += [
            datapath.reset.eq(self.reset),
            self.vector_issued.eq(datapath.vector_issued),
            self.progress.eq(datapath.progress),
            weights.soon.eq(datapath.weight_soon),
            weights.read.eq(datapath.weight_read),
            weights.address.eq(datapath.weight_address),
            datapath.weights.eq(weights.weights),
            parameters.busy.eq(datapath.parameter_busy),
            parameters.read.eq(datapath.parameter_read),
            parameters.address.eq(datapath.parameter_address),
            datapath.record.eq(parameters.record),
            activations.a_soon.eq(datapath.read_soon),
            activations.a_read.eq(datapath.read),
            activations.a_even_line.eq(datapath.even_line),
            activations.a_odd_line.eq(datapath.odd_line),
            datapath.even.eq(activations.a_even),
            datapath.odd.eq(activations.a_odd),
            activations.write_soon.eq(datapath.write_soon),
            activations.write.eq(datapath.write),
            datapath.line_soon.eq(activations.line_soon),
            datapath.line_data.eq(activations.line_data),
        ]
        return m
