# SPDX-License-Identifier: Apache-2.0
"""Bytes that the array reads from the local memories, from a program's commands alone."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from celosia.arch.config import Config
from celosia.arch.isa import Opcode, Routing
from celosia.runtime.program import ArrayStep, Program

__all__ = ["bytes_read", "layer_bytes"]


def bytes_read(config: Config, command: Mapping[str, Any]) -> int:
    """Bytes of weights and activations that one command brings to the array, zero point padding counted.

    A weight tile is R·C bytes however much of it is used, an activation vector R bytes (CONV) or two samples of every
    channel (DEPTHWISE); :mod:`celosia.arch.isa` says how many there are. 0 for commands that do not use the array.

    Parameters
    ----------
    command
        As :func:`celosia.arch.isa.decode` gives it.
    """
    tile = config.rows * config.columns
    match command["opcode"]:
        case Opcode.CONV:
            tiles = command["n_tiles"] * command["kernel_h"] * command["kernel_w"] * command["chunks"]
            vectors = tiles * command["output_h"] * command["output_w"]
            return tiles * tile + vectors * config.rows
        case Opcode.DEPTHWISE:
            tiles = command["groups"] * command["passes_h"] * command["passes_w"]
            rows = command["output_h"] + (Routing(command["routing"]) is Routing.ROWS)
            return tiles * tile + tiles * rows * command["steps"] * 2 * config.down_channels
    return 0


def layer_bytes(program: Program) -> Counter[int]:
    """By the number of a layer, the bytes that the array reads for it in one inference."""
    result: Counter[int] = Counter()
    for step in program.steps:
        if isinstance(step, ArrayStep):
            for command in program.segment(step.start):
                result[command["layer"]] += bytes_read(program.config, command)
    return result
