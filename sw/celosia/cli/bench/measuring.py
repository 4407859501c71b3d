# SPDX-License-Identifier: Apache-2.0
"""Networks measured one after the other on one device, with what is shown meanwhile."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from celosia import compiler
from celosia.arch.config import Config
from celosia.bench import ModelFigures, measure
from celosia.compiler.errors import CompileError
from celosia.model import Graph, load
from celosia.model.errors import ModelError
from celosia.runtime import Device, Program

from .. import console
from ..errors import ArgumentError
from ..files import random_inputs

__all__ = ["Failure", "expand", "measure_all", "print_failures"]


@dataclass(frozen=True)
class Failure:
    """A network that could not be measured, and why, in a line."""

    model: str
    config: str
    why: str


def expand(paths: Sequence[Path]) -> list[Path]:
    """Files as they are, folders as the .tflite files in them.

    Raises
    ------
    ArgumentError
        A folder holds none.
    """
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.tflite")) if path.is_dir() else [path]
        if not inside:
            raise ArgumentError(f"{path}: no .tflite file is in this folder: name files, or a folder with some")
        files += inside
    return files


def measure_all(networks: Sequence[tuple[str, Path]], config: Config, on: str) -> list[ModelFigures | Failure]:
    """Compile, run and compare each network, by name and file, on one device of a configuration.

    Raises
    ------
    CompileError, ModelError
        Not one of them can be compiled: why the first cannot.
    DeviceError
        The device cannot be opened, or stopped with an error.
    OSError
        A file cannot be read.
    """
    compiled = [(name, _compile(path, config)) for name, path in networks]
    errors = [result for _, result in compiled if isinstance(result, Exception)]
    if len(errors) == len(compiled):
        raise errors[0]
    with console.opening(on, config) as device:
        return [
            Failure(name, config.name, str(result)) if isinstance(result, Exception) else _run(name, *result, device)
            for name, result in compiled
        ]


def _compile(path: Path, config: Config) -> tuple[Graph, Program] | CompileError | ModelError:
    try:
        graph = load(path)
        return graph, compiler.compile(graph, config)
    except (CompileError, ModelError) as error:
        return error


def _run(name: str, graph: Graph, program: Program, device: Device) -> ModelFigures:
    inputs = random_inputs(0, program.inputs).inferences[0]
    bar: AbstractContextManager[Callable[[int], None]] = console.counting(name, program.predicted, "cycles")
    with bar as show:
        return measure(name, graph, program, device, inputs, show)


def print_failures(out: Console, failures: Sequence[Failure]) -> None:
    """Why networks are not in a table."""
    for failure in failures:
        out.print(f"[red]not measured[/red]: {escape(failure.why)}", soft_wrap=True)
