# SPDX-License-Identifier: Apache-2.0
"""A core that runs programs."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import numpy as np

from celosia.arch.config import Config, preset
from celosia.arch.isa import Engine, Opcode, Space
from celosia.arch.registers import Register

from . import control
from .attribution import layer_cycles
from .connect import connect
from .errors import DeviceError
from .host import run_host_step
from .inputs import split_batch, stack_outputs
from .program import ArrayStep, HostStep, Move, Program
from .result import Layer, Result
from .transport import Transport

__all__ = ["Device", "open"]

_ENGINES = {
    Opcode.LOAD: Engine.LOAD,
    Opcode.STORE: Engine.STORE,
    Opcode.CONV: Engine.CONV,
    Opcode.DEPTHWISE: Engine.CONV,
    Opcode.ADD: Engine.ELEMENTWISE,
}

_PATIENCE = 64


class _Tally:
    """What one inference took: hardware cycles, cycles by layer where they are known, the host's seconds."""

    def __init__(self):
        self.cycles = 0
        self.layers: dict[int, int] = {}
        self.seconds: dict[int, float] = {}
        self.traced = True


class Device:
    """A core, checked to be the one its transport expects. A context manager that closes the transport, which a
    failed check also does.

    Parameters
    ----------
    transport:
        How to reach it.

    Raises
    ------
    DeviceError
        No core answers, or one of another version or configuration.
    """

    def __init__(self, transport: Transport):
        self.transport = transport
        self._loaded: bytes | None = None
        try:
            control.identify(transport)
        except BaseException:
            transport.close()
            raise

    @property
    def config(self) -> Config:
        """The core's configuration."""
        return self.transport.config

    def load(self, program: Program) -> None:
        """Put a program on the device, if it is not there.

        Raises
        ------
        DeviceError
            It is for another configuration, there is too little external memory, or its setup failed.
        """
        if program.config.hash != self.config.hash:
            raise DeviceError(
                f"the program was compiled for {program.config.name}, the device is {self.config.name}: "
                f"compile the network for the device's configuration"
            )
        if self._loaded == program.digest:
            return
        self._loaded = None
        control.reset(self.transport)
        control.write_window(self.transport, Space.PROGRAM, 0, program.first_commands)
        if program.memory == "external":
            self._load_external(program)
        else:
            control.write_window(self.transport, Space.WEIGHTS, 0, program.weights)
            control.write_window(self.transport, Space.PARAMETERS, 0, program.parameters)
        self._loaded = program.digest

    def _load_external(self, program: Program) -> None:
        needed = program.external["end"]
        if needed > self.transport.external_bytes:
            raise DeviceError(
                f"the program needs {needed} bytes of external memory, the device has "
                f"{self.transport.external_bytes}: compile it with memory='local'"
            )
        self.transport.external_write(program.external["weights"], program.weights)
        self.transport.external_write(program.external["parameters"], program.parameters)
        if "commands" in program.external:
            self.transport.external_write(program.external["commands"], program.commands)
        self.transport.write(Register.EXTERNAL_SIZE, needed)
        if program.setup is not None:
            longest = _PATIENCE * (len(program.weights) + len(program.parameters)) + 10_000_000
            control.start(self.transport, program, program.setup, longest)
            self.transport.events()

    def run(
        self,
        program: Program,
        inputs: np.ndarray | Sequence[np.ndarray],
        *,
        max_cycles: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Result:
        """One inference, or a batch one after the other.

        Parameters
        ----------
        inputs:
            See :func:`~celosia.runtime.inputs.split_batch`.
        max_cycles:
            Give up when one start of the machine takes longer; None is 64 times what was predicted for the whole
            inference, and ten million cycles more.
        progress:
            Called now and then with the cycles the current start has run for.

        Raises
        ------
        InputError
            The inputs do not fit the network.
        DeviceError
            The program is not for this device, or the device stopped with an error.
        TransportError
            The connection failed, or ``max_cycles`` passed.
        """
        batch = split_batch(program.inputs, inputs)
        if max_cycles is None:
            max_cycles = _PATIENCE * program.predicted + 10_000_000
        self.load(program)
        runs = [self._infer(program, arrays, max_cycles, progress) for arrays in batch.inferences]
        tally = runs[0][1]
        peak = self.config.macs_per_cycle
        return Result(
            outputs=stack_outputs([outputs for outputs, _ in runs], batch.form),
            cycles=tally.cycles,
            macs=program.macs,
            utilization=program.macs / (tally.cycles * peak) if tally.cycles else 0.0,
            predicted=program.predicted,
            seconds=sum(tally.seconds.values()),
            inferences=len(runs),
            layers=_layers(program, tally, peak),
        )

    def _infer(
        self,
        program: Program,
        arrays: list[np.ndarray],
        max_cycles: int,
        progress: Callable[[int], None] | None,
    ) -> tuple[list[np.ndarray], _Tally]:
        values = {program.roots[index]: array for index, array in zip(program.graph.inputs, arrays, strict=True)}
        tally = _Tally()
        for step in program.steps:
            if isinstance(step, HostStep):
                tally.seconds.update(run_host_step(program, step, values))
                continue
            for move in step.uploads:
                self._upload(program, move, program.value(values, move.value))
            self._start(program, step, tally, max_cycles, progress)
            for move in step.downloads:
                values[move.value] = self._download(program, move)
        return [program.value(values, index).copy() for index in program.graph.outputs], tally

    def _upload(self, program: Program, move: Move, value: np.ndarray) -> None:
        data = move.pack(value)
        if program.memory == "external":
            self.transport.external_write(move.address, data)
        else:
            control.write_window(self.transport, Space.ACTIVATIONS, move.address, data)

    def _download(self, program: Program, move: Move) -> np.ndarray:
        if program.memory == "external":
            data = self.transport.external_read(move.address, move.size)
        else:
            data = control.read_window(self.transport, Space.ACTIVATIONS, move.address, move.size)
        return move.unpack(data)

    def _start(
        self,
        program: Program,
        step: ArrayStep,
        tally: _Tally,
        max_cycles: int,
        progress: Callable[[int], None] | None,
    ) -> None:
        self.transport.events()
        try:
            control.start(self.transport, program, step.start, max_cycles, progress, step.place)
        except BaseException:
            self._loaded = None  # the memories hold what an unfinished run left there
            raise
        tally.cycles += control.read_cycles(self.transport)
        finishes: dict[Engine, list[int]] = {engine: [] for engine in Engine}
        for event in self.transport.events():
            if not event.started:
                finishes[event.engine].append(event.cycle)
        tally.traced = tally.traced and any(finishes.values())
        if tally.traced:
            for layer, cycles in layer_cycles(_finished_layers(program, step, finishes)).items():
                tally.layers[layer] = tally.layers.get(layer, 0) + cycles

    def close(self) -> None:
        """Close the transport."""
        self.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _finished_layers(program: Program, step: ArrayStep, finishes: dict[Engine, list[int]]) -> list[tuple[int, int]]:
    """The layer of each command of a segment and the cycle it finished in: engines finish in order."""
    queues = {engine: iter(cycles) for engine, cycles in finishes.items()}
    result: list[tuple[int, int]] = []
    for number, command in enumerate(program.segment(step.start)):
        engine = _ENGINES.get(command["opcode"])
        if engine is None:
            continue
        cycle = next(queues[engine], None)
        if cycle is None:
            raise DeviceError(f"command {step.start + number} did not finish before END: a fault of the core")
        result.append((command["layer"], cycle))
    return result


def _layers(program: Program, tally: _Tally, peak: int) -> list[Layer]:
    layers: list[Layer] = []
    for index, info in enumerate(program.layers):
        cycles = tally.layers.get(index, 0) if tally.traced or info.place == "host" else None
        layers.append(
            Layer(
                name=info.name,
                op=info.op,
                place=info.place,
                cycles=cycles,
                predicted=info.predicted,
                macs=info.macs,
                utilization=info.macs / (cycles * peak) if cycles else 0.0,
                seconds=tally.seconds.get(index, 0.0),
            )
        )
    return layers


def open(on: str, config: Config | str = "c256") -> Device:
    """A simulated device, or a board.

    Parameters
    ----------
    on:
        "functional", "pysim" or "verilator"; or a serial port, see :func:`.connect.connect`.
    config:
        A configuration, or the name of a preset.

    Raises
    ------
    ConfigError
        No preset has this name.
    DeviceError
        There is no such device, it cannot be used here, or it is not what it should be.
    """
    return Device(connect(on, preset(config) if isinstance(config, str) else config))
