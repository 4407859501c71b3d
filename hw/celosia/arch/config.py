# SPDX-License-Identifier: Apache-2.0
"""What one Celosia core looks like: one frozen configuration and everything derived from it.

Hardware, compiler, simulators and documents read sizes from here and from nowhere else. A
configuration is plain data: two cores built from equal configurations are the same core, and
:attr:`Config.hash` (a hardware register) says so to a host.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass

from .version import VERSION

__all__ = ["PRESETS", "Config", "ConfigError", "preset"]


class ConfigError(ValueError):
    """A configuration that cannot be built; the message names the field and its bounds."""


def _ceil_pow2(n: int) -> int:
    return 1 << (n - 1).bit_length()


@dataclass(frozen=True, kw_only=True)
class Config:
    """The parameters of one core.

    Parameters
    ----------
    name:
        What the configuration is called in messages. Not part of the hash.
    rows, columns:
        Processing elements of the array, R × C. ``columns`` is even (columns come in pairs).
    lanes:
        Requantizer lanes; divides ``columns``. With fewer lanes than columns, the last K chunk
        of a convolution streams at one vector every ``columns // lanes`` cycles.
    weight_rows:
        Rows of weights read each cycle; divides ``rows``. A weight tile takes
        ``rows // weight_rows`` cycles to enter the array.
    line_steps:
        Steps the depthwise delay line holds: the widest image row (with its padding) a depthwise command streams.
    accumulators:
        Output pixels whose 32-bit partial sums are held at once, per column.
    weight_bytes, activation_bytes, parameter_records, program_commands:
        Local memories. A parameter record is one output channel's bias, multiplier and exponent.
    bus_bits:
        Data width of the AXI4 master and of the local bus, 32 or 64.
    address_bits:
        Address width of the AXI4 master, at most 32.
    depthwise, elementwise, external:
        What a small core may go without: the array's second dataflow (DEPTHWISE), the element-wise engine (ADD), the
        AXI4 master (LOAD and STORE). Their commands are illegal then (:func:`celosia.arch.isa.opcodes`).
    overlap:
        Commands are fetched ahead and run beside each other. Without, a command is fetched when the one before has
        finished, and everybody reads it where it was fetched to; so are the parameters of the next output channels when
        the lanes have done with the ones before. It costs cycles at the end of each command and n-tile, and saves many
        logic cells.

    Raises
    ------
    ConfigError
        When a field is out of its bounds.
    """

    name: str = "custom"
    rows: int = 16
    columns: int = 16
    lanes: int = 16
    weight_rows: int = 2
    line_steps: int = 512
    accumulators: int = 512
    weight_bytes: int = 272 << 10
    activation_bytes: int = 64 << 10
    parameter_records: int = 3072
    program_commands: int = 128
    bus_bits: int = 64
    address_bits: int = 32
    depthwise: bool = True
    elementwise: bool = True
    external: bool = True
    overlap: bool = True

    def __post_init__(self):
        def check(ok: bool, field: str, what: str):
            if not ok:
                raise ConfigError(f"configuration {self.name}: {field} must be {what}, not {getattr(self, field)!r}")

        check(2 <= self.rows <= 64, "rows", "2 to 64")
        check(2 <= self.columns <= 64 and self.columns % 2 == 0, "columns", "an even number from 2 to 64")
        check(self.lanes >= 1 and self.columns % self.lanes == 0, "lanes", f"a divisor of columns ({self.columns})")
        check(
            self.weight_rows >= 1 and self.rows % self.weight_rows == 0,
            "weight_rows",
            f"a divisor of rows ({self.rows})",
        )
        check(16 <= self.line_steps <= 4096, "line_steps", "16 to 4096")
        check(16 <= self.accumulators <= 1 << 16, "accumulators", "16 to 65536")
        check(self.bus_bits in (32, 64), "bus_bits", "32 or 64")
        check(16 <= self.address_bits <= 32, "address_bits", "16 to 32")
        check(
            0 < self.weight_bytes <= 1 << 24 and self.weight_bytes % self.weight_word_bytes == 0,
            "weight_bytes",
            f"a multiple of {self.weight_word_bytes} up to 16 MiB",
        )
        check(
            0 < self.activation_bytes <= 1 << 24 and self.activation_bytes % self.line_bytes == 0,
            "activation_bytes",
            f"a multiple of {self.line_bytes} up to 16 MiB",
        )
        check(self.columns <= self.parameter_records <= 1 << 16, "parameter_records", "columns to 65536")
        check(2 <= self.program_commands <= 1 << 16, "program_commands", "2 to 65536")
        for switch in ("depthwise", "elementwise", "external"):
            check(isinstance(getattr(self, switch), bool), switch, "True or False")

    # --- derived: the array ---

    @property
    def pairs(self) -> int:
        """Column pairs; the two columns of a pair share one activation register."""
        return self.columns // 2

    @property
    def macs_per_cycle(self) -> int:
        return self.rows * self.columns

    @property
    def sum_bits(self) -> int:
        """Width of a partial sum inside the array: exact for ``rows`` products of two int8."""
        return 16 + (self.rows - 1).bit_length()

    @property
    def lane_groups(self) -> int:
        """Cycles the lanes take for one vector of ``columns`` sums."""
        return self.columns // self.lanes

    @property
    def down_channels(self) -> int:
        """Channels a DEPTHWISE command works on at once: one a column pair, as many as is a power of two (so that
        they lie in one activation word). 0 if the core has no depthwise mode: it needs rows for four segments, and a
        lane for every column, because samples that move down cannot wait for the lanes."""
        possible = self.depthwise and self.rows % 4 == 0 and self.lanes == self.columns
        return 1 << (self.pairs.bit_length() - 1) if possible else 0

    @property
    def weight_cycles(self) -> int:
        """Cycles one weight tile takes to enter the array."""
        return self.rows // self.weight_rows

    @property
    def may_hang(self) -> bool:
        """Whether a program can stand still for ever: for an external memory, or a command that never comes."""
        return self.external or self.overlap

    # --- derived: how far a window may reach ---

    @property
    def reach_bytes(self) -> int:
        """Bytes from the first of an image's row, to either side, that a place in or beside it is less than."""
        return 1 << min(23, (self.activation_bytes - 1).bit_length() + 1)

    @property
    def reach_rows(self) -> int:
        """The same for an image's rows."""
        return 1 << min(17, (self.activation_bytes - 1).bit_length() + 1)

    # --- derived: local memories ---

    @property
    def bus_bytes(self) -> int:
        return self.bus_bits // 8

    @property
    def column_bytes(self) -> int:
        """Bytes between two weight rows in one weight word: ``columns`` rounded up to a power of two."""
        return _ceil_pow2(self.columns)

    @property
    def weight_word_bytes(self) -> int:
        """Bytes of one weight word: ``weight_rows`` rows, a power of two, at least one bus beat."""
        return max(_ceil_pow2(self.weight_rows * self.column_bytes), self.bus_bytes)

    @property
    def weight_words(self) -> int:
        return self.weight_bytes // self.weight_word_bytes

    @property
    def tile_words(self) -> int:
        """Weight words of one rows × columns weight tile."""
        return self.weight_cycles

    @property
    def activation_word_bytes(self) -> int:
        """Bytes of one word of an activation bank: both an input vector and an output vector fit
        into two neighbouring words wherever they start."""
        return max(_ceil_pow2(max(self.rows, self.columns)), self.bus_bytes)

    @property
    def line_bytes(self) -> int:
        """One word of each activation bank; element-wise commands work on whole lines."""
        return 2 * self.activation_word_bytes

    @property
    def activation_lines(self) -> int:
        return self.activation_bytes // self.line_bytes

    # --- identity ---

    @property
    def hash(self) -> int:
        """64-bit hash of every field but the name, and of the version of the contract."""
        fields = dataclasses.asdict(self)
        del fields["name"]
        text = json.dumps({"contract": VERSION, **fields}, sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")

    @property
    def text(self) -> str:
        """The configuration as ``--config`` takes it: a preset's name, or the fields that differ from ``c256``."""
        for name, config in PRESETS.items():
            if config.hash == self.hash:
                return name
        default, values = dataclasses.asdict(Config()), dataclasses.asdict(self)
        changed = {field for field in values if values[field] != default[field]} - {"name"}
        if "columns" in changed:
            changed.add("lanes")  # else it would follow
        return ",".join(f"{field}={int(values[field])}" for field in values if field in changed)

    def replace(self, **changes: object) -> "Config":
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type] # fields are checked when the copy is made


PRESETS = {
    config.name: config
    for config in (
        Config(name="c256"),
        Config(name="c64", rows=8, columns=8, lanes=8),
        Config(
            name="c16",
            rows=4,
            columns=4,
            lanes=4,
            weight_rows=1,
            line_steps=128,
            accumulators=256,
            weight_bytes=64 << 10,
            activation_bytes=32 << 10,
            parameter_records=1024,
            program_commands=64,
            bus_bits=32,
        ),
        Config(name="c512", rows=16, columns=32, lanes=32),
        Config(
            name="c256-small",
            weight_bytes=40 << 10,
            activation_bytes=64 << 10,
            parameter_records=512,
            program_commands=256,
        ),
    )
}
"""Named configurations: ``c256`` is the default, ``c256-small`` the same with 128 KiB of local memory in all, ``c16``
the smallest (and the one unit tests use)."""


def preset(name: str) -> Config:
    """The preset called ``name``.

    Raises
    ------
    ConfigError
        When there is none; the message lists the names there are.
    """
    if name not in PRESETS:
        raise ConfigError(f"no configuration is called {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
