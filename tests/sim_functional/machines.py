# SPDX-License-Identifier: Apache-2.0
"""A functional core filled with random bytes, and programs written by hand."""

import numpy as np

from celosia.arch.config import Config
from celosia.arch.isa import Opcode, Space, encode
from celosia.arch.registers import PARAMETER_RECORD, Control, Register, space_bytes, window
from celosia.sim.functional import FunctionalTransport

EXTERNAL = 1 << 16

TINY = Config(
    name="tiny",
    rows=4,
    columns=6,
    lanes=3,
    weight_rows=2,
    accumulators=40,
    weight_bytes=1 << 13,
    activation_bytes=1 << 11,
    parameter_records=64,
    program_commands=16,
)

END = encode(Opcode.END)


def random_core(config: Config, seed: int) -> tuple[FunctionalTransport, np.random.Generator]:
    """A core whose weights, activations, records and external memory are random, and the generator that made them."""
    rng = np.random.default_rng(seed)
    core = FunctionalTransport(config, EXTERNAL)
    for space in (Space.WEIGHTS, Space.ACTIVATIONS):
        core.write_block(window(config, space), rng.bytes(space_bytes(config, space)))
    records = np.zeros(config.parameter_records, PARAMETER_RECORD)
    records["bias"] = rng.integers(-(1 << 31), 1 << 31, len(records)) >> rng.integers(0, 24, len(records))
    records["multiplier"] = rng.integers(1 << 30, 1 << 31, len(records))
    records["exponent"] = rng.integers(-14, 3, len(records))
    core.write_block(window(config, Space.PARAMETERS), records.tobytes())
    core.external_write(0, rng.bytes(EXTERNAL))
    return core, rng


def start(core: FunctionalTransport, *commands: bytes, at: int = 0) -> None:
    """Put commands at the start of the program memory and run them from ``at``."""
    core.write_block(window(core.config, Space.PROGRAM), b"".join(commands))
    core.write(Register.EXTERNAL_SIZE, EXTERNAL)
    core.write(Register.START, at)
    core.write(Register.CONTROL, Control.START)


def memory(core: FunctionalTransport, space: Space) -> bytes:
    """A whole local memory, as its window shows it."""
    return core.read_block(window(core.config, space), space_bytes(core.config, space))
