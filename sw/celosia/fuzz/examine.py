# SPDX-License-Identifier: Apache-2.0
"""One case, run and compared with everything that knows better."""

import importlib.util
from collections.abc import Sequence

import numpy as np

from celosia import golden
from celosia.compiler import compile
from celosia.compiler.errors import CompileError
from celosia.compiler.strategies import STRATEGIES
from celosia.model.tflite_writer import serialize
from celosia.runtime import Device, Program
from celosia.sim import open_transport

from .case import Case

__all__ = ["DoesNotFitError", "Mismatch", "examine", "has_reference"]

ARENA = 1 << 20
"""Bytes the reference interpreter works in."""


class Mismatch(AssertionError):  # noqa: N818 - a finding, not an error of this program
    """Two that should agree do not; the message names them."""


class DoesNotFitError(Exception):
    """The network is too large for the core: no case."""


def has_reference() -> bool:
    """Whether TensorFlow Lite for Microcontrollers is installed to compare with."""
    return importlib.util.find_spec("tflite_micro") is not None


def examine(case: Case, on: str = "verilator") -> Program:
    """Run a case twice on one device. Returns its program.

    Raises
    ------
    Mismatch
        Golden model and reference, or device and golden model, or counted and predicted cycles differ.
    DoesNotFitError
        The compiler says that the network does not fit the core.
    """
    expected = golden.run(case.graph, case.inputs)
    if has_reference():
        _same("the golden model", expected, "TensorFlow Lite Micro", _reference(case))
    strategies = {case.strategy: STRATEGIES[case.strategy]}
    try:
        program = compile(case.graph, case.config, memory=case.memory, strategies=strategies)
    except CompileError as error:
        raise DoesNotFitError(str(error)) from None
    with Device(open_transport(on, case.config, external=case.external)) as device:
        for turn in ("the first run", "the second run"):
            result = device.run(program, case.inputs)
            _same(f"{turn} on {on}", result.outputs, "the golden model", expected)
            if case.memory == "local" and result.cycles != program.predicted:
                raise Mismatch(f"{turn} on {on} took {result.cycles} cycles, {program.predicted} were predicted")
    return program


def _reference(case: Case) -> list[np.ndarray]:
    from tflite_micro.python.tflite_micro.runtime import Interpreter

    interpreter = Interpreter.from_bytes(serialize(case.graph), arena_size=ARENA)
    for position, value in enumerate(case.inputs):
        interpreter.set_input(value, position)
    interpreter.invoke()
    return [interpreter.get_output(i).copy() for i in range(len(case.graph.outputs))]


def _same(one: str, values: Sequence[np.ndarray], other: str, expected: Sequence[np.ndarray]) -> None:
    for index, (value, wanted) in enumerate(zip(values, expected, strict=True)):
        different = np.argwhere(value != wanted)
        if len(different):
            place = tuple(int(i) for i in different[0])
            raise Mismatch(
                f"output {index}: {one} and {other} differ in {len(different)} of {value.size} values, first at "
                f"{place}: {value[place]} and {wanted[place]}"
            )
