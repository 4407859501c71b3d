# SPDX-License-Identifier: Apache-2.0
"""A compiled network: memory images, the steps of one inference, and what the host needs for its part."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike

import numpy as np

from celosia.arch.config import Config
from celosia.arch.isa import COMMAND_BYTES, Opcode, decode
from celosia.model.graph import Graph, Tensor

from .errors import ProgramError

__all__ = ["ArrayStep", "HostStep", "LayerInfo", "Move", "Program"]


@dataclass(frozen=True)
class Move:
    """A value between host and device: ``size`` bytes at ``address``.

    ``value`` is an index into the graph's tensors. The address is in the activation memory, or in external
    memory when that is where the program keeps inputs and outputs.

    Parameters
    ----------
    shape, strides:
        If the bytes do not follow each other: the value as an array of ``shape``, whose last dimension has no gaps,
        and the bytes from one index of every other dimension to the next.
    lines:
        If an uploaded value has the rows of its images, NHWC ``shape``, interleaved: lines an image, rows side by side
        in each, rows from one line to the next, rows before the image that the first begins with, and what rows
        outside the image hold.
    """

    value: int
    address: int
    size: int
    shape: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()
    lines: tuple[int, ...] = ()

    def pack(self, value: np.ndarray) -> bytes:
        """The ``size`` bytes to write; gaps are 0."""
        value = np.ascontiguousarray(value, np.int8)
        if not self.shape:
            return value.tobytes()
        if self.lines:
            return self._interleaved(value.reshape(self.shape)).tobytes()
        stored = np.zeros(self.size, np.int8)
        self._view(stored)[...] = value.reshape(self.shape)
        return stored.tobytes()

    def unpack(self, data: bytes) -> np.ndarray:
        """The value in ``size`` bytes read, flat."""
        stored = np.frombuffer(data, np.int8)
        return self._view(stored).reshape(-1) if self.shape else stored

    def _interleaved(self, images: np.ndarray) -> np.ndarray:
        """Images as lines: (images, lines, columns, rows side by side, channels)."""
        count, rows, step, before, fill = self.lines
        needed = (count - 1) * step + rows
        used = images[:, : max(needed - before, 0)]
        padded = np.full((len(images), needed, *images.shape[2:]), fill, np.int8)
        padded[:, before : before + used.shape[1]] = used
        index = np.arange(count)[:, None] * step + np.arange(rows)
        return padded[:, index].transpose(0, 1, 3, 2, 4)

    def _view(self, stored: np.ndarray) -> np.ndarray:
        return np.lib.stride_tricks.as_strided(stored, self.shape, (*self.strides, 1), writeable=stored.flags.writeable)


@dataclass(frozen=True)
class ArrayStep:
    """One start of the machine, at command ``start``, between uploads and downloads.

    ``place`` is where this command is in the program memory: there, too, if None; another place if the program is
    longer than the memory, so that the machine itself loads each start's commands while it runs the one before.
    """

    start: int
    uploads: tuple[Move, ...] = ()
    downloads: tuple[Move, ...] = ()
    place: int | None = None


@dataclass(frozen=True)
class HostStep:
    """Operators that the host computes, as indices into the graph's."""

    ops: tuple[int, ...]


@dataclass(frozen=True)
class LayerInfo:
    """What is known of one operator before it runs.

    Parameters
    ----------
    place:
        "array", "lanes" or "host".
    predicted:
        Cycles, from :mod:`celosia.arch.timing`; 0 on the host.
    """

    name: str
    op: str
    place: str
    macs: int
    predicted: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Program:
    """What a device needs to run a network.

    Parameters
    ----------
    memory:
        "local": the host loads all memories and moves inputs and outputs through windows. "external": the
        machine does, from and to external memory.
    graph:
        Every tensor, with data only where the host's operators need it, and every operator.
    roots:
        Per tensor of the graph, the tensor whose bytes it is.
    weights, parameters, commands:
        The used parts of these memories, from address 0. Every segment of commands ends in END.
    setup:
        In external memory programs, the command to start at once after loading, else None.
    external:
        External offsets of the images "weights" and "parameters" (and "commands", if there are more than the program
        memory holds), and "end", the bytes in use; else empty.
    layers:
        One for every operator of the graph.
    predicted:
        Cycles of one inference.
    strategy:
        The tiling that won (:mod:`celosia.compiler.strategies`).
    traffic:
        Bytes of one inference through the AXI4 master, by what they are: "weights", "parameters", "commands", "inputs",
        "outputs" (of the network, or of what the host computes), "spilled" and "reloaded" (all other activations).
    local:
        The most bytes of each local memory in use: "weights", "activations", "parameters", "commands".
    """

    config: Config
    memory: str
    graph: Graph
    roots: tuple[int, ...]
    weights: bytes
    parameters: bytes
    commands: bytes
    steps: tuple[ArrayStep | HostStep, ...]
    layers: tuple[LayerInfo, ...]
    predicted: int
    strategy: str
    setup: int | None = None
    external: dict[str, int]
    traffic: dict[str, int] = field(default_factory=dict)
    local: dict[str, int] = field(default_factory=dict)

    @cached_property
    def digest(self) -> bytes:
        """What tells the contents of a device's memories apart from another program's."""
        parts = (self.memory.encode(), self.weights, self.parameters, self.commands)
        sizes = b"".join(len(part).to_bytes(8, "little") for part in parts)
        return hashlib.sha256(self.config.hash.to_bytes(8, "little") + sizes + b"".join(parts)).digest()

    @property
    def first_commands(self) -> bytes:
        """The commands that the host puts into the program memory, from its start on: all, or the first start's."""
        if "commands" not in self.external:
            return self.commands
        return self.commands[: self.config.program_commands // 2 * COMMAND_BYTES]

    @property
    def inputs(self) -> list[Tensor]:
        """The network's inputs, in order."""
        return [self.graph.tensors[index] for index in self.graph.inputs]

    @property
    def outputs(self) -> list[Tensor]:
        """The network's outputs, in order."""
        return [self.graph.tensors[index] for index in self.graph.outputs]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference that the array does."""
        return sum(layer.macs for layer in self.layers if layer.place == "array")

    def segment(self, start: int) -> list[dict]:
        """The decoded commands from ``start`` up to and including END."""
        result: list[dict] = []
        for offset in range(start * COMMAND_BYTES, len(self.commands), COMMAND_BYTES):
            result.append(decode(self.commands[offset : offset + COMMAND_BYTES]))
            if result[-1]["opcode"] is Opcode.END:
                return result
        raise ProgramError(f"no END follows command {start}: compile the network again")

    def value(self, values: dict[int, np.ndarray], tensor: int) -> np.ndarray:
        """Tensor number ``tensor`` in its own shape, from ``values`` by root or from the constants."""
        root, shape = self.roots[tensor], self.graph.tensors[tensor].shape
        data = self.graph.tensors[root].data
        return (values[root] if data is None else data).reshape(shape)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the program to a file, all of it or nothing.

        Raises
        ------
        ProgramError
            The file cannot be written.
        """
        from .program_file import write_program  # reads and writes this module's classes

        write_program(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Program":
        """Read a program from a file.

        Raises
        ------
        ProgramError
            The file cannot be read, is no program, or a byte of it has changed.
        """
        from .program_file import read_program  # reads and writes this module's classes

        return read_program(path)
