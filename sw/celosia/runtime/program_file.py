# SPDX-License-Identifier: Apache-2.0
"""Program files: a zip archive of a JSON manifest and binary members, whose comment is its own SHA-256.

The 64 hexadecimal digits at the end of the file are the digest of all bytes before them, so that no byte can
change unnoticed; any zip tool opens the file.
"""

import dataclasses
import hashlib
import io
import json
import zipfile
import zlib
from math import prod
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from celosia.arch.config import Config
from celosia.arch.isa import COMMAND_BYTES, Space
from celosia.arch.registers import space_bytes

from .errors import ProgramError
from .graph_json import graph_from_json, graph_to_json
from .program import ArrayStep, HostStep, LayerInfo, Move, Program
from .whole_file import write_whole

__all__ = ["FORMAT", "read_program", "write_program"]

FORMAT = 2
"""Version of the file format."""

_DIGEST = 64
_LARGEST = 1 << 28
_DATE = (1980, 1, 1, 0, 0, 0)
_MEMBERS = ("weights", "parameters", "commands")


def write_program(program: Program, path: str | PathLike[str]) -> None:
    """See :meth:`Program.save`. Equal programs make equal files."""
    data = to_bytes(program)
    try:
        write_whole(Path(path), data)
    except OSError as error:
        raise ProgramError(f"{fspath(path)}: cannot be written: {error.strerror or error}") from None


def to_bytes(program: Program) -> bytes:
    """The contents of a program's file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:

        def add(name: str, data: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(name, _DATE), data, zipfile.ZIP_DEFLATED)

        add("manifest.json", json.dumps(_manifest(program), indent=1).encode())
        for name in _MEMBERS:
            add(f"{name}.bin", getattr(program, name))
        for index, tensor in program.graph.constants():
            assert tensor.data is not None
            add(f"constant{index}.bin", np.ascontiguousarray(tensor.data).tobytes())
        archive.comment = bytes(_DIGEST)
    body = buffer.getvalue()[:-_DIGEST]
    return body + hashlib.sha256(body).hexdigest().encode()


def _manifest(program: Program) -> dict[str, Any]:
    constants = {str(i): str(t.data.dtype) for i, t in program.graph.constants() if t.data is not None}
    return {
        "format": FORMAT,
        "config": dataclasses.asdict(program.config),
        "hash": f"{program.config.hash:016x}",
        "memory": program.memory,
        "predicted": program.predicted,
        "strategy": program.strategy,
        "setup": program.setup,
        "external": program.external,
        "traffic": program.traffic,
        "local": program.local,
        "steps": [_step_to_json(step) for step in program.steps],
        "layers": [dataclasses.asdict(layer) for layer in program.layers],
        "roots": list(program.roots),
        "constants": constants,
        "graph": graph_to_json(program.graph),
    }


def _step_to_json(step: ArrayStep | HostStep) -> dict[str, Any]:
    if isinstance(step, HostStep):
        return {"host": list(step.ops)}
    moves = {name: [_move_to_json(move) for move in getattr(step, name)] for name in ("uploads", "downloads")}
    return {"start": step.start, "place": step.place, **moves}


def _move_to_json(move: Move) -> list[Any]:
    layout = [list(move.shape), list(move.strides), list(move.lines)] if move.shape else []
    return [move.value, move.address, move.size, *layout]


def read_program(path: str | PathLike[str]) -> Program:
    """See :meth:`Program.load`."""
    name = fspath(path)
    try:
        if Path(path).stat().st_size > _LARGEST:
            raise ProgramError(f"{name}: not a Celosia program: {_LARGEST} bytes are the most a program has")
        data = Path(path).read_bytes()
    except OSError as error:
        raise ProgramError(f"{name}: cannot be read: {error.strerror or error}; give the path of a program") from None
    return from_bytes(data, name)


def from_bytes(data: bytes, name: str) -> Program:
    """The program in the contents of a file; ``name`` stands for the file in messages."""
    if not data.startswith(b"PK"):
        raise ProgramError(f"{name}: not a Celosia program; make one with celosia compile")
    if hashlib.sha256(data[:-_DIGEST]).hexdigest().encode() != data[-_DIGEST:]:
        raise ProgramError(f"{name}: damaged, or not a Celosia program; compile the network again")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _LARGEST:
                raise ValueError(f"more than {_LARGEST} bytes")
            return _read(archive)
    except _MALFORMED as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise ProgramError(f"{name}: not a program this version can read ({what}); compile the network again") from None


_MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What malformed contents with a matching digest, so made on purpose, may end in."""


def _read(archive: zipfile.ZipFile) -> Program:
    manifest = json.loads(archive.read("manifest.json"))
    if manifest["format"] != FORMAT:
        raise ValueError(f"file format {manifest['format']}, not {FORMAT}")
    config = Config(**manifest["config"])
    if f"{config.hash:016x}" != manifest["hash"]:
        raise ValueError("made for another version of the hardware")
    constants = {
        int(index): np.frombuffer(archive.read(f"constant{int(index)}.bin"), dtype)
        for index, dtype in manifest["constants"].items()
    }
    program = Program(
        config=config,
        memory=manifest["memory"],
        graph=graph_from_json(manifest["graph"], constants),
        roots=tuple(manifest["roots"]),
        steps=tuple(_step_from_json(step) for step in manifest["steps"]),
        layers=tuple(LayerInfo(**layer) for layer in manifest["layers"]),
        predicted=manifest["predicted"],
        strategy=manifest["strategy"],
        setup=manifest["setup"],
        external=manifest["external"],
        traffic=manifest["traffic"],
        local=manifest["local"],
        **{name: archive.read(f"{name}.bin") for name in _MEMBERS},
    )
    _check(program)
    return program


def _step_from_json(values: dict[str, Any]) -> ArrayStep | HostStep:
    if "host" in values:
        return HostStep(tuple(values["host"]))
    uploads, downloads = (tuple(_move_from_json(*move) for move in values[name]) for name in ("uploads", "downloads"))
    return ArrayStep(values["start"], uploads, downloads, values["place"])


def _move_from_json(value: int, address: int, size: int, shape: Any = (), strides: Any = (), lines: Any = ()) -> Move:
    return Move(value, address, size, tuple(shape), tuple(strides), tuple(lines))


def _check(program: Program) -> None:
    """Raise ValueError when the parts do not fit each other."""
    config, graph = program.config, program.graph

    def require(ok: bool, what: str) -> None:
        if not ok:
            raise ValueError(what)

    require(all(tensor.dtype == "int8" for tensor in (*program.inputs, *program.outputs)), "ends that are not int8")
    require(program.memory in ("local", "external"), f"memory {program.memory!r}")
    require(len(program.layers) == len(graph.ops), "layers and operators differ in number")
    require(len(program.roots) == len(graph.tensors), "roots and tensors differ in number")
    require(all(0 <= root < len(graph.tensors) for root in program.roots), "a root that is no tensor")
    external = program.memory == "external"
    room = program.external["end"] if external else config.activation_bytes
    for name, space in (
        ("weights", Space.WEIGHTS),
        ("parameters", Space.PARAMETERS),
        ("commands", Space.PROGRAM),
    ):
        outside = external and (space is not Space.PROGRAM or "commands" in program.external)
        most = room if outside else space_bytes(config, space)
        require(len(getattr(program, name)) <= most, f"too many {name}")
    require(len(program.commands) % COMMAND_BYTES == 0, "a part of a command")
    starts = [(step.start, step.place) for step in program.steps if isinstance(step, ArrayStep)]
    for start, place in (*starts, *([] if program.setup is None else [(program.setup, None)])):
        require(start >= 0, f"start {start}")
        first = start if place is None else place
        require(0 <= first <= first + len(program.segment(start)) <= config.program_commands, f"start {start}")
    for step in program.steps:
        if isinstance(step, HostStep):
            require(all(0 <= op < len(graph.ops) for op in step.ops), "an operator that does not exist")
            continue
        require(not any(move.lines for move in step.downloads), "a download of interleaved rows")
        for move in (*step.uploads, *step.downloads):
            require(
                0 <= move.address <= move.address + move.size <= room,
                f"value {move.value} outside the memory",
            )
            require(0 <= move.value < len(graph.tensors), f"value {move.value}")
            require(_holds(move, graph.tensors[move.value].size), f"value {move.value} of {move.size} bytes")


def _holds(move: Move, size: int) -> bool:
    """Whether a move is of ``size`` bytes of a value, each of them once, in its own bytes."""
    if not move.shape:
        return move.size == size and not move.strides and not move.lines
    if move.lines:
        return _holds_lines(move, size)
    if len(move.strides) != len(move.shape) - 1 or min(*move.shape, *move.strides) < 1 or prod(move.shape) != size:
        return False
    end = move.shape[-1]
    for count, step in zip(reversed(move.shape[:-1]), reversed(move.strides), strict=True):
        if count > 1 and step < end:
            return False
        end += (count - 1) * step
    return end <= move.size


def _holds_lines(move: Move, size: int) -> bool:
    """Whether a move is of lines of a value of ``size`` bytes."""
    count, rows, step, before, fill = move.lines
    if len(move.shape) != 4 or move.strides or min(*move.shape, count, rows, step) < 1 or before < 0:
        return False
    stored = move.shape[0] * count * rows * move.shape[2] * move.shape[3]
    return prod(move.shape) == size and stored == move.size and -128 <= fill < 128 and before <= count * step + rows
