# SPDX-License-Identifier: Apache-2.0
"""What the commands of programs exercised: features of each kind of command, and pairs of them.

A feature is one way in which a command can be; what a campaign never did shows as a hole. A core, or a compiler, may
be unable to do a feature: the list of holes is for people to read, not a target of its own.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from celosia.arch.config import Config
from celosia.arch.isa import COMMAND_BYTES, Engine, Opcode, Routing, decode
from celosia.runtime import Program

__all__ = ["FEATURES", "Coverage", "features_of"]

Fields = Mapping[str, Any]
Test = Callable[[Fields, Config], Any]

_WAITS: dict[str, Test] = {
    f"waits for {engine.name}": lambda f, c, engine=engine: f["waits"][engine] for engine in Engine
}
_OUTPUT: dict[str, Test] = {
    "clamped above": lambda f, c: f["activation_max"] < 127,
    "clamped below": lambda f, c: f["activation_min"] > -128,
    "zero point −128": lambda f, c: f["output_zero_point"] == -128,
    "zero point 127": lambda f, c: f["output_zero_point"] == 127,
    "one row": lambda f, c: f["output_h"] == 1,
    "one column": lambda f, c: f["output_w"] == 1,
}
_TRANSFER: dict[str, Test] = {
    "several rows": lambda f, c: f["rows"] > 1,
    "rows apart": lambda f, c: f["rows"] > 1 and f["external_stride"] != f["row_bytes"],
    "one beat": lambda f, c: f["row_bytes"] == c.bus_bytes,
    "more than a burst": lambda f, c: f["row_bytes"] > 64 * c.bus_bytes,
    "crosses 4 KiB": lambda f, c: f["external_address"] % 4096 + f["row_bytes"] > 4096,
    "begins unaligned to the word": lambda f, c: f["local_address"] % c.line_bytes != 0,
}

FEATURES: dict[Opcode, dict[str, Test]] = {
    Opcode.CONV: {
        **_WAITS,
        **_OUTPUT,
        "several n tiles": lambda f, c: f["n_tiles"] > 1,
        "last columns partial": lambda f, c: f["last_columns"] < c.columns,
        "several chunks": lambda f, c: f["chunks"] > 1,
        "kernel rows": lambda f, c: f["kernel_h"] > 1,
        "kernel columns apart": lambda f, c: f["kernel_w"] > 1,
        "dilated": lambda f, c: f["dilation_y"] > 1,
        "strides": lambda f, c: f["step_y"] > 1,
        "padded above": lambda f, c: f["input_y"] < 0,
        "padded left": lambda f, c: f["input_x"] < 0,
        "input unaligned": lambda f, c: f["input_address"] % c.activation_word_bytes != 0,
        "output unaligned": lambda f, c: f["output_address"] % c.activation_word_bytes != 0,
        "pixels unaligned": lambda f, c: f["output_pixel_pitch"] % c.activation_word_bytes != 0,
        "waits for its weights": lambda f, c: f["output_h"] * f["output_w"] < c.weight_cycles,
        "all accumulators": lambda f, c: f["output_h"] * f["output_w"] == c.accumulators,
    },
    Opcode.DEPTHWISE: {
        **_WAITS,
        **_OUTPUT,
        **{f"routing {r.name}": lambda f, c, r=r: Routing(f["routing"]) is r for r in Routing},
        "along": lambda f, c: f["along"],
        "both outputs": lambda f, c: f["both"],
        "second output dropped at the end": lambda f, c: f["both"] and not f["last_both"],
        "maximum": lambda f, c: f["maximum"],
        "several passes down": lambda f, c: f["passes_h"] > 1,
        "several passes across": lambda f, c: f["passes_w"] > 1,
        "several groups": lambda f, c: f["groups"] > 1,
        "last channels partial": lambda f, c: f["last_channels"] < c.down_channels,
        "strides": lambda f, c: f["stride_steps"] > 1 or f["step_y"] > 2,
        "padded above": lambda f, c: f["input_y"] < 0,
        "padded left": lambda f, c: f["input_x"] < 0,
    },
    Opcode.ADD: {
        **_WAITS,
        "one line": lambda f, c: f["lines"] == 1,
        "with itself": lambda f, c: f["address_a"] == f["address_b"],
        "in place": lambda f, c: f["output_address"] in (f["address_a"], f["address_b"]),
        "left shift": lambda f, c: max(f["exponent_a"], f["exponent_b"], f["exponent_out"]) > 0,
        "clamped below": lambda f, c: f["activation_min"] > -128,
    },
    Opcode.LOAD: {**_WAITS, **_TRANSFER},
    Opcode.STORE: {**_WAITS, **_TRANSFER},
    Opcode.SYNC: {},
    Opcode.END: _WAITS,
}
"""Per command, its features and how to tell that a decoded command of a core has one."""


def features_of(program: Program) -> Iterable[str]:
    """Every feature of every command of a program, and every pair of features that came together."""
    commands = (program.commands[i : i + COMMAND_BYTES] for i in range(0, len(program.commands), COMMAND_BYTES))
    for fields in map(decode, commands):
        opcode = fields["opcode"]
        present = [name for name, test in FEATURES[opcode].items() if test(fields, program.config)]
        yield opcode.name
        yield from (f"{opcode.name} {name}" for name in present)
        yield from (f"{opcode.name} {a} × {b}" for a, b in itertools.combinations(present, 2))


class Coverage(Counter[str]):
    """How many cases had each feature."""

    def add(self, program: Program) -> None:
        """Count one case."""
        self.update(set(features_of(program)))

    def holes(self) -> list[str]:
        """Features that no case had."""
        names = (f"{opcode.name} {name}" for opcode, features in FEATURES.items() for name in features)
        return [name for name in names if not self[name]]

    def pairs(self) -> tuple[int, int]:
        """Pairs of features that came together, of all pairs there are (some cannot come together)."""
        seen = sum(" × " in name for name in self)
        return seen, sum(len(f) * (len(f) - 1) // 2 for f in FEATURES.values())
