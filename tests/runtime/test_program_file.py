# SPDX-License-Identifier: Apache-2.0
"""Program files: nothing is lost, and nothing damaged is read."""

import dataclasses
import hashlib
import io
import json
import zipfile

import numpy as np
import pytest

from celosia import golden
from celosia.arch.config import PRESETS
from celosia.compiler import compile
from celosia.runtime import Device, Program, ProgramError
from celosia.runtime.program_file import from_bytes, to_bytes
from celosia.sim.functional import FunctionalTransport
from compiler.networks import random_input, residual

CONFIG = PRESETS["c16"]


def network() -> Program:
    return compile(residual(np.random.default_rng(1), 4, 4), CONFIG, memory="external")


def reseal(changes: dict[str, bytes | None]) -> bytes:
    """A program's file with members replaced (or left out), and a digest that fits."""
    with zipfile.ZipFile(io.BytesIO(to_bytes(network()))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()} | changes
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            if data is not None:
                archive.writestr(name, data)
        archive.comment = bytes(64)
    body = buffer.getvalue()[:-64]
    return body + hashlib.sha256(body).hexdigest().encode()


def manifest(**changes: object) -> dict[str, bytes | None]:
    """The member of a manifest with some values replaced."""
    with zipfile.ZipFile(io.BytesIO(to_bytes(network()))) as archive:
        values = json.loads(archive.read("manifest.json"))
    return {"manifest.json": json.dumps(values | changes).encode()}


@pytest.mark.parametrize("memory", ["local", "external"])
def test_round_trip(tmp_path, memory):
    rng = np.random.default_rng(1)
    graph = residual(rng)
    program = compile(graph, PRESETS["c64"], memory=memory)
    path = tmp_path / "network.celosia"
    program.save(path)
    again = Program.load(path)
    for name in ("config", "memory", "roots", "weights", "parameters", "commands", "steps", "layers", "predicted"):
        assert getattr(again, name) == getattr(program, name), name
    assert (again.setup, again.external, again.digest) == (program.setup, program.external, program.digest)
    assert [(op.kind, op.attributes) for op in again.graph.ops] == [
        (op.kind, op.attributes) for op in program.graph.ops
    ]
    x = random_input(rng, graph)
    result = Device(FunctionalTransport(PRESETS["c64"])).run(again, x)
    np.testing.assert_array_equal(result.outputs[0], golden.run(graph, x)[0])
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_same_program_same_file():
    assert to_bytes(network()) == to_bytes(network())


def test_is_an_ordinary_zip():
    with zipfile.ZipFile(io.BytesIO(to_bytes(network()))) as archive:
        assert archive.testzip() is None
        assert json.loads(archive.read("manifest.json"))["config"] == dataclasses.asdict(CONFIG)


def test_every_byte_counts():
    data = to_bytes(network())
    for position in range(0, len(data), 7):
        for change in (1, 0x80):
            damaged = bytearray(data)
            damaged[position] ^= change
            with pytest.raises(ProgramError, match=r"^p: .*; (make|compile)"):
                from_bytes(bytes(damaged), "p")


def test_every_length_counts():
    data = to_bytes(network())
    for length in [*range(0, len(data), 13), len(data) - 1]:
        with pytest.raises(ProgramError):
            from_bytes(data[:length], "p")
    with pytest.raises(ProgramError):
        from_bytes(data + b"\0", "p")


@pytest.mark.parametrize(
    "changes",
    [
        {"manifest.json": None},
        {"manifest.json": b"{"},
        {"manifest.json": b"[]"},
        {"manifest.json": b"[" * 100000},
        {"manifest.json": b"\xff"},
        {"weights.bin": None},
        {"commands.bin": bytes(64)},
        {"commands.bin": bytes(63)},
        {"commands.bin": b""},
        {"weights.bin": bytes(1 << 20)},
        manifest(format=99),
        manifest(hash="0" * 16),
        manifest(config={}),
        manifest(config=None),
        manifest(config={"rows": "4"}),
        manifest(memory="elsewhere"),
        manifest(setup=10**9),
        manifest(setup="x"),
        manifest(steps=[{"host": [99]}]),
        manifest(steps=[{"start": 0}]),
        manifest(steps=[{"start": 0, "uploads": [[0, 1 << 40, 4]], "downloads": []}]),
        manifest(steps=[{"start": 0, "uploads": [[999, 0, 4]], "downloads": []}]),
        manifest(steps=[{"start": 0, "uploads": [[0, 0, 4]], "downloads": []}]),
        manifest(steps=[{"start": 0, "uploads": [[0, 0, 192, [1, 8, 8, 3], [192, 24, 2], []]], "downloads": []}]),
        manifest(steps=[{"start": 0, "uploads": [[0, 0, 192, [1, 8, 8, 3], [192, 24], []]], "downloads": []}]),
        manifest(steps=[{"start": 0, "uploads": [[0, 0, 192, [1, 8, 8, 3], [], [3, 3, 2, 1, 0]]], "downloads": []}]),
        manifest(steps=[{"start": 0, "uploads": [[0, 0, 192, [1, 8, 8, 3], [], [1]]], "downloads": []}]),
        manifest(steps=[{"start": 0, "uploads": [], "downloads": [[0, 0, 192, [1, 8, 8, 3], [], [8, 1, 1, 0, 0]]]}]),
        manifest(layers=[]),
        manifest(roots=[0]),
        manifest(graph={}),
        manifest(constants={"0": "no type"}),
        manifest(constants={"nothing": "int8"}),
        manifest(external={}),
    ],
)
def test_malformed_on_purpose(changes):
    with pytest.raises(ProgramError, match=r"^p: not a program this version can read") as caught:
        from_bytes(reseal(changes), "p")
    assert "\n" not in str(caught.value)


def test_unreadable(tmp_path):
    with pytest.raises(ProgramError, match="cannot be read: No such file or directory"):
        Program.load(tmp_path / "none")
    with pytest.raises(ProgramError, match="cannot be read"):
        Program.load(tmp_path)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ProgramError, match="not a Celosia program; make one with celosia compile"):
        Program.load(tmp_path / "text")


def test_failed_write_leaves_the_old_file(tmp_path):
    with pytest.raises(ProgramError, match="cannot be written"):
        network().save(tmp_path / "no folder" / "p")
    path = tmp_path / "p"
    path.mkdir()
    with pytest.raises(ProgramError, match="cannot be written"):
        network().save(path)
    assert list(tmp_path.iterdir()) == [path]
