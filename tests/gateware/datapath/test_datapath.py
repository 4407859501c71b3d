# SPDX-License-Identifier: Apache-2.0
"""The datapath against the command set's own words: random commands on random memories."""

import numpy as np
import pytest
from amaranth.sim import Simulator
from celosia.arch.config import Config
from celosia.arch.isa import Opcode, decode, encode
from celosia.arch.registers import PARAMETER_BYTES, PARAMETER_RECORD
from celosia.gateware.compute import Compute

from .test_lanes import reference as scale

CONFIGS = {
    "4x4": dict(rows=4, columns=4, lanes=4, bus_bits=32),
    "4x8": dict(rows=4, columns=8, lanes=8),
    "8x4": dict(rows=8, columns=4, lanes=4),
    "12x10": dict(rows=12, columns=10, lanes=10),
    "4x8, 2 lanes": dict(rows=4, columns=8, lanes=2),
    "8x8, 2 weight rows": dict(rows=8, columns=8, lanes=8, weight_rows=2),
    "6x6, 3 lanes, 3 weight rows": dict(rows=6, columns=6, lanes=3, weight_rows=3),
    "4x16": dict(rows=4, columns=16, lanes=16),
}


def configuration(name: str) -> Config:
    return Config(
        weight_bytes=4096, activation_bytes=2048, parameter_records=64, accumulators=64, **CONFIGS[name]
    )


class Reference:
    """The memories, and what a command does to them, one value at a time."""

    def __init__(self, config: Config, rng: np.random.Generator):
        self.config = config
        self.weights = rng.integers(-128, 128, config.weight_bytes).astype(np.int8)
        self.activations = rng.integers(-128, 128, config.activation_bytes).astype(np.int8)
        self.parameters = np.zeros(config.parameter_records, PARAMETER_RECORD)
        self.parameters["bias"] = rng.integers(-(2**15), 2**15, config.parameter_records)
        self.parameters["bias"][::7] = 2**30 + 5
        self.parameters["multiplier"] = rng.integers(2**30, 2**31, config.parameter_records)
        self.parameters["exponent"] = rng.integers(-12, -5, config.parameter_records)
        self.parameters["exponent"][::5] = 1

    def weight(self, word: int, row: int, column: int) -> int:
        c = self.config
        group, i = divmod(row, c.weight_rows)
        return int(self.weights[(word + group) * c.weight_word_bytes + i * c.column_bytes + column])

    def conv(self, f: dict):
        c, results = self.config, []
        for n in range(f["n_tiles"]):
            columns = f["last_columns"] if n == f["n_tiles"] - 1 else c.columns
            for oy in range(f["output_h"]):
                for ox in range(f["output_w"]):
                    sums = self._sums(f, n, oy, ox)
                    for k in range(columns):
                        record = self.parameters[f["parameter_address"] + n * c.columns + k]
                        total = (int(sums[k]) + int(record["bias"]) + 2**31) % 2**32 - 2**31
                        y = (
                            scale(total, int(record["multiplier"]), int(record["exponent"]))
                            + f["output_zero_point"]
                        )
                        at = f["output_address"] + oy * f["output_row_pitch"] + ox * f["output_pixel_pitch"]
                        q = min(max(y, f["activation_min"]), f["activation_max"])
                        results.append((at + n * c.columns + k, q))
        for address, value in results:
            self.activations[address] = value

    def _sums(self, f: dict, n: int, oy: int, ox: int):
        c = self.config
        sums = np.zeros(c.columns, np.int64)
        for ky in range(f["kernel_h"]):
            for kx in range(f["kernel_w"]):
                for j in range(f["chunks"]):
                    tile = ((n * f["kernel_h"] + ky) * f["kernel_w"] + kx) * f["chunks"] + j
                    word = f["weight_address"] + tile * c.tile_words
                    for r in range(c.rows):
                        iy = f["input_y"] + oy * f["step_y"] + ky * f["dilation_y"]
                        b = f["input_x"] + ox * f["step_x"] + kx * f["dilation_x"] + j * c.rows + r
                        a = f["input_address"] + oy * f["row_step"] + ky * f["kernel_row_step"] + b
                        inside = 0 <= iy < f["input_rows"] and 0 <= b < f["input_row_bytes"]
                        x = int(self.activations[a]) if inside else f["input_zero_point"]
                        sums += x * np.array([self.weight(word, r, k) for k in range(c.columns)])
        return sums

    def add(self, f: dict):
        for i in range(f["lines"] * self.config.line_bytes):
            a = int(self.activations[f["address_a"] + i]) - f["zero_point_a"]
            b = int(self.activations[f["address_b"] + i]) - f["zero_point_b"]
            total = scale(a << 20, f["multiplier_a"], f["exponent_a"])
            total += scale(b << 20, f["multiplier_b"], f["exponent_b"])
            y = scale(total, f["multiplier_out"], f["exponent_out"]) + f["zero_point_out"]
            self.activations[f["output_address"] + i] = min(max(y, f["activation_min"]), f["activation_max"])


def random_conv(config: Config, rng: np.random.Generator) -> dict:
    """A CONV whose input lies in the lower half of the memory and whose output lies in the upper half."""
    half = config.activation_bytes // 2
    channels, kernel = int(rng.integers(1, 7)), [int(v) for v in rng.integers(1, 4, 2)]
    height, width = (int(v) for v in rng.integers(1, 6, 2))
    stride, dilation = [int(v) for v in rng.integers(1, 3, 2)], [int(v) for v in rng.integers(1, 3, 2)]
    out_h, out_w = (int(v) for v in rng.integers(1, 5, 2))
    pitch = width * channels + int(rng.integers(0, 5))
    base = int(rng.integers(0, half - height * pitch - 1))
    y = -int(rng.integers(0, 3))
    split = dilation[1] > 1
    run = channels if split else kernel[1] * channels
    columns = int(rng.integers(1, 2 * config.columns + 1))
    tiles = -(-columns // config.columns)
    low, high = sorted(int(v) for v in rng.integers(-128, 128, 2))
    pixel_pitch = columns + int(rng.integers(0, 3))
    row_pitch = out_w * pixel_pitch
    size = out_h * row_pitch
    address = half + int(rng.integers(0, half - size))
    return dict(
        input_address=base + y * pitch,
        row_step=stride[0] * pitch,
        kernel_row_step=dilation[0] * pitch,
        input_rows=height,
        input_y=y,
        input_row_bytes=width * channels,
        step_x=stride[1] * channels,
        input_x=-int(rng.integers(0, 3)) * channels,
        step_y=stride[0],
        dilation_x=dilation[1] * channels if split else 0,
        dilation_y=dilation[0],
        kernel_h=kernel[0],
        kernel_w=kernel[1] if split else 1,
        chunks=-(-run // config.rows),
        last_columns=columns - (tiles - 1) * config.columns,
        output_w=out_w,
        output_h=out_h,
        weight_address=int(rng.integers(0, 8)),
        input_zero_point=int(rng.integers(-128, 128)),
        parameter_address=int(rng.integers(0, 64 - tiles * config.columns)),
        n_tiles=tiles,
        output_address=address,
        output_zero_point=int(rng.integers(-128, 128)),
        output_pixel_pitch=pixel_pitch,
        activation_min=low,
        activation_max=high,
        output_row_pitch=row_pitch,
    )


def random_add(config: Config, rng: np.random.Generator) -> dict:
    half, line = config.activation_bytes // 2, config.line_bytes
    lines = int(rng.integers(1, 12))
    a, b = (int(v) * line for v in rng.integers(0, half // line - lines, 2))
    return dict(
        address_a=a,
        address_b=b,
        output_address=half + int(rng.integers(0, half // line - lines)) * line,
        lines=lines,
        **{f"multiplier_{x}": int(rng.integers(2**30, 2**31)) for x in ("a", "b", "out")},
        exponent_a=-int(rng.integers(0, 6)),
        exponent_b=-int(rng.integers(0, 6)),
        exponent_out=-int(rng.integers(17, 22)),
        **{f"zero_point_{x}": int(rng.integers(-128, 128)) for x in ("a", "b", "out")},
        activation_min=-128,
        activation_max=int(rng.integers(0, 128)),
    )


async def transfer(ctx, bus, writes):
    """Write (address, data, bytes) beats on a local bus, one a cycle."""
    for address, value, size in writes:
        ctx.set(bus.request.payload.address, address)
        ctx.set(bus.request.payload.data, value)
        ctx.set(bus.request.payload.strobe, (1 << size) - 1)
        ctx.set(bus.request.payload.write, 1)
        ctx.set(bus.request.valid, 1)
        await ctx.tick().until(bus.request.ready)
    ctx.set(bus.request.valid, 0)


async def fetch(ctx, bus, size: int, beat: int) -> bytes:
    """Read ``size`` bytes over a local bus."""
    result = b""
    for address in range(0, size, beat):
        ctx.set(bus.request.payload.address, address)
        ctx.set(bus.request.payload.write, 0)
        ctx.set(bus.request.valid, 1)
        await ctx.tick().until(bus.request.ready)
        ctx.set(bus.request.valid, 0)
        (word,) = await ctx.tick().sample(bus.data).until(bus.valid)
        result += word.to_bytes(beat, "little")
    return result


def beats(data: bytes, beat: int):
    return [(i, int.from_bytes(data[i : i + beat], "little"), beat) for i in range(0, len(data), beat)]


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("name", CONFIGS)
def test_commands_do_what_the_command_set_says(name, overlap):
    """Convolutions back to back; with ``overlap`` an ADD runs beside them."""
    config = configuration(name)
    rng = np.random.default_rng(len(name) + overlap)
    reference = Reference(config, rng)
    dut = Compute(config)
    half = config.activation_bytes // 2
    convs = [random_conv(config, rng) for _ in range(8)]
    adds = [random_add(config, rng) for _ in range(3)]
    if overlap:  # the last quarter is for the sums alone
        for f in convs:
            size = f["output_h"] * f["output_row_pitch"]
            f["output_address"] = half + f["output_address"] % max(1, half // 2 - size)
        for f in adds:
            f["lines"] = min(f["lines"], half // 2 // config.line_bytes)
            f["output_address"] = half + half // 2
    images = (
        (dut.weights, reference.weights.tobytes()),
        (dut.parameters, reference.parameters.tobytes()),
        (dut.activations, reference.activations.tobytes()),
    )
    after = {}

    async def issue(ctx, engine, opcode, commands):
        for fields in commands:
            word = int.from_bytes(encode(opcode, **fields), "little")
            ctx.set(engine.command.payload.as_value(), word)
            ctx.set(engine.command.valid, 1)
            await ctx.tick().until(engine.command.ready)
            ctx.set(engine.command.valid, 0)

    async def settle(ctx):
        for _ in range(100_000):
            if not (ctx.get(dut.conv.busy) or ctx.get(dut.elementwise.busy)):
                return
            await ctx.tick()
        pytest.fail("an engine never finished")

    async def bench(ctx):
        for bus, image in images:
            await transfer(ctx, bus, beats(image, config.bus_bytes))
        if overlap:
            await issue(ctx, dut.elementwise, Opcode.ADD, adds[:1])
        await issue(ctx, dut.conv, Opcode.CONV, convs)
        await settle(ctx)
        await issue(ctx, dut.elementwise, Opcode.ADD, adds[1:])
        await settle(ctx)
        after["bytes"] = await fetch(ctx, dut.activations, config.activation_bytes, config.bus_bytes)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    if overlap:
        reference.add(decode(encode(Opcode.ADD, **adds[0])))
    for fields in convs:
        reference.conv(decode(encode(Opcode.CONV, **fields)))
    for fields in adds[1:]:
        reference.add(decode(encode(Opcode.ADD, **fields)))
    got = np.frombuffer(after["bytes"], np.int8)
    wrong = np.flatnonzero(got != reference.activations)
    assert not len(wrong), f"{len(wrong)} bytes differ, first at {wrong[0]}"
