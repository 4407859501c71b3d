# SPDX-License-Identifier: Apache-2.0
"""Files with one wrong byte, all the way to the outputs: a clear error, or outputs of the right shape.

``CELOSIA_FLIPS=all`` tries every byte; otherwise every so many-th.
"""

import hashlib
import io
import os
import zipfile
from collections.abc import Callable

import numpy as np
import pytest

from celosia import golden, runtime
from celosia.arch.config import PRESETS
from celosia.compiler import compile
from celosia.compiler.errors import CompileError
from celosia.model import Graph
from celosia.model.errors import ModelError
from celosia.model.tflite import parse
from celosia.model.tflite_writer import serialize
from celosia.runtime import DeviceError, Program, ProgramError
from celosia.runtime.program_file import from_bytes, to_bytes
from compiler.networks import random_input, residual

CONFIG = PRESETS["c16"]
STEP = 1 if os.environ.get("CELOSIA_FLIPS") == "all" else 31
LARGEST = 1 << 16  # elements of a network's tensors: a damaged shape may be worth hours
PATIENCE = 1_000_000  # cycles


def network() -> Graph:
    return residual(np.random.default_rng(1), 4, 4)


def run(program: Program) -> None:
    """Load and run a program; its outputs are of its own network's shapes."""
    with runtime.open("functional", CONFIG) as device:
        result = device.run(program, random_input(np.random.default_rng(0), program.graph), max_cycles=PATIENCE)
    assert [y.shape for y in result.outputs] == [t.shape for t in program.outputs]


def outcome(attempt: Callable[[bytes], None], data: bytes) -> str:
    """How an attempt ends: "done", or "refused" by an error whose message is one line."""
    try:
        attempt(data)
    except (ModelError, CompileError, ProgramError, DeviceError) as error:
        return "refused" if "\n" not in str(error) else f"several lines: {error}"
    return "done"


def outcomes(attempt: Callable[[bytes], None], data: bytes) -> set[str]:
    """The same with one bit of a byte changed, for every :data:`STEP`-th byte."""
    places = range(0, len(data), STEP)
    return {outcome(attempt, data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :]) for i in places}


@pytest.mark.parametrize("member", ["manifest.json", "weights.bin", "parameters.bin", "commands.bin"])
def test_programs_whose_digest_was_made_to_fit(member):
    """What the digest would have noticed: a byte of each member, changed before the file is sealed."""
    with zipfile.ZipFile(io.BytesIO(to_bytes(compile(network(), CONFIG, memory="external")))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    seen = outcomes(lambda data: run(from_bytes(sealed(members | {member: data}), "p")), members[member])
    assert seen <= {"done", "refused"}
    assert ("refused" if member == "manifest.json" else "done") in seen


def sealed(members: dict[str, bytes]) -> bytes:
    """A program's file of these members, with a digest that fits."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.comment = bytes(64)
    body = buffer.getvalue()[:-64]
    return body + hashlib.sha256(body).hexdigest().encode()


def test_networks_with_a_wrong_byte():
    """What can still be read is compiled and run; then it is exact."""
    assert outcomes(compile_and_run, serialize(network())) == {"done", "refused"}


def compile_and_run(data: bytes) -> None:
    """Exact, or an error."""
    graph = parse(data, "damaged.tflite")
    if sum(t.size for t in graph.tensors) > LARGEST:
        return
    program = compile(graph, CONFIG)
    x = random_input(np.random.default_rng(0), graph)
    with runtime.open("functional", CONFIG) as device:
        result = device.run(program, x, max_cycles=PATIENCE)
    for value, expected in zip(result.outputs, golden.run(graph, x), strict=True):
        np.testing.assert_array_equal(value, expected)
