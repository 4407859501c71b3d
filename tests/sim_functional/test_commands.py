# SPDX-License-Identifier: Apache-2.0
"""CONV, ADD, LOAD and STORE against the command set's docstrings, spelled out byte by byte in plain Python."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from celosia.arch.isa import Opcode, Space, encode
from celosia.arch.registers import PARAMETER_RECORD, space_bytes
from celosia.sim.functional import UndefinedCommandError
from sim_functional.machines import END, EXTERNAL, TINY, memory, random_core, start

WAYS = settings(max_examples=60, deadline=None, derandomize=True)


def wrap(x: int) -> int:
    return (x + (1 << 31)) % (1 << 32) - (1 << 31)


def requantize(x: int, multiplier: int, exponent: int) -> int:
    """TFLM's MultiplyByQuantizedMultiplier with double rounding, in Python's integers."""
    x = wrap(x << max(exponent, 0))
    high = (x * multiplier + (1 << 30)) >> 31
    right = max(-exponent, 0)
    quotient, rest = divmod(high, 1 << right)
    half = 1 << right >> 1
    return quotient + (rest > half or (rest == half and right > 0 and high >= 0))


def clamp(x: int, f: dict[str, int]) -> int:
    return min(max(x, f["activation_min"]), f["activation_max"])


def conv(f: dict[str, int], memories: dict[Space, bytes]) -> bytes:
    """The activation memory after CONV."""
    R, C = TINY.rows, TINY.columns
    before = np.frombuffer(memories[Space.ACTIVATIONS], np.int8).tolist()
    weights = np.frombuffer(memories[Space.WEIGHTS], np.int8).tolist()
    records = np.frombuffer(memories[Space.PARAMETERS], PARAMETER_RECORD)
    after = list(before)

    def weight(tile: int, r: int, c: int) -> int:
        word = f["weight_address"] + tile * (R // TINY.weight_rows) + r // TINY.weight_rows
        return weights[word * TINY.weight_word_bytes + r % TINY.weight_rows * TINY.column_bytes + c]

    def vector(ky: int, kx: int, j: int, oy: int, ox: int, r: int) -> int:
        iy = f["input_y"] + oy * f["step_y"] + ky * f["dilation_y"]
        b = f["input_x"] + ox * f["step_x"] + kx * f["dilation_x"] + j * R + r
        a = f["input_address"] + oy * f["row_step"] + ky * f["kernel_row_step"] + b
        inside = 0 <= iy < f["input_rows"] and 0 <= b < f["input_row_bytes"]
        return before[a] if inside else f["input_zero_point"]

    for n in range(f["n_tiles"]):
        for oy in range(f["output_h"]):
            for ox in range(f["output_w"]):
                for c in range(C if n < f["n_tiles"] - 1 else f["last_columns"]):
                    record = records[f["parameter_address"] + n * C + c]
                    total = int(record["bias"])
                    for ky in range(f["kernel_h"]):
                        for kx in range(f["kernel_w"]):
                            for j in range(f["chunks"]):
                                tile = ((n * f["kernel_h"] + ky) * f["kernel_w"] + kx) * f["chunks"] + j
                                total += sum(vector(ky, kx, j, oy, ox, r) * weight(tile, r, c) for r in range(R))
                    scaled = requantize(wrap(total), int(record["multiplier"]), int(record["exponent"]))
                    address = f["output_address"] + oy * f["output_row_pitch"] + ox * f["output_pixel_pitch"]
                    after[address + n * C + c] = clamp(scaled + f["output_zero_point"], f)
    return np.array(after, np.int8).tobytes()


@WAYS
@given(st.data())
def test_conv(data):
    draw = data.draw
    core, rng = random_core(TINY, draw(st.integers(0, 1 << 32)))
    pixel, width, height = draw(st.integers(1, 7)), draw(st.integers(1, 6)), draw(st.integers(1, 6))
    f = {
        "input_rows": height,
        "input_row_bytes": width * pixel,
        "input_y": draw(st.integers(-3, 3)),
        "input_x": draw(st.integers(-8, 8)),
        "step_x": draw(st.integers(0, 8)),
        "step_y": draw(st.integers(0, 3)),
        "dilation_x": draw(st.integers(0, 9)),
        "dilation_y": draw(st.integers(0, 3)),
        "kernel_h": draw(st.integers(1, 3)),
        "kernel_w": draw(st.integers(1, 2)),
        "chunks": draw(st.integers(1, 2)),
        "n_tiles": draw(st.integers(1, 2)),
        "last_columns": draw(st.integers(1, TINY.columns)),
        "output_w": draw(st.integers(1, 4)),
        "output_h": draw(st.integers(1, 4)),
        "weight_address": draw(st.integers(0, 50)),
        "parameter_address": draw(st.integers(0, 20)),
        "input_zero_point": int(rng.integers(-128, 128)),
        "output_zero_point": int(rng.integers(-128, 128)),
        "activation_min": draw(st.integers(-128, 0)),
        "activation_max": draw(st.integers(1, 127)),
        "output_pixel_pitch": draw(st.integers(12, 20)),
        "output_address": draw(st.integers(1024, 1100)),
    }
    f["input_address"] = 100 + f["input_y"] * f["input_row_bytes"]
    f["row_step"] = f["step_y"] * f["input_row_bytes"]
    f["kernel_row_step"] = f["dilation_y"] * f["input_row_bytes"]
    f["output_row_pitch"] = f["output_w"] * f["output_pixel_pitch"]
    expected = conv(f, {space: memory(core, space) for space in Space})
    start(core, encode(Opcode.CONV, **f), END)
    assert memory(core, Space.ACTIVATIONS) == expected


@WAYS
@given(st.data())
def test_add(data):
    draw = data.draw
    core, rng = random_core(TINY, draw(st.integers(0, 1 << 32)))
    line = TINY.line_bytes
    lines = draw(st.integers(1, 20))
    most = TINY.activation_lines - lines
    a, b = draw(st.integers(0, most)), draw(st.integers(0, most))
    out = draw(st.sampled_from([a, b, draw(st.integers(0, most))]))
    assume(all(out == x or abs(out - x) >= lines for x in (a, b)))
    f = {"address_a": a * line, "address_b": b * line, "output_address": out * line, "lines": lines}
    for name in ("a", "b", "out"):
        f[f"multiplier_{name}"] = int(rng.integers(1 << 30, 1 << 31))
        f[f"exponent_{name}"] = draw(st.integers(-31, 0))
        f[f"zero_point_{name}"] = int(rng.integers(-128, 128))
    f["exponent_out"] = draw(st.integers(-22, -14))
    f["activation_min"], f["activation_max"] = draw(st.integers(-128, 0)), draw(st.integers(1, 127))
    before = np.frombuffer(memory(core, Space.ACTIVATIONS), np.int8).tolist()
    after = list(before)
    for i in range(lines * line):
        terms = [
            requantize(
                wrap((before[f[f"address_{x}"] + i] - f[f"zero_point_{x}"]) << 20),
                f[f"multiplier_{x}"],
                f[f"exponent_{x}"],
            )
            for x in "ab"
        ]
        total = requantize(wrap(sum(terms)), f["multiplier_out"], f["exponent_out"])
        after[f["output_address"] + i] = clamp(total + f["zero_point_out"], f)
    start(core, encode(Opcode.ADD, **f), END)
    assert memory(core, Space.ACTIVATIONS) == np.array(after, np.int8).tobytes()


@WAYS
@given(st.data())
@pytest.mark.parametrize("opcode", [Opcode.LOAD, Opcode.STORE], ids=lambda opcode: opcode.name)
def test_transfer(opcode, data):
    draw = data.draw
    core, _ = random_core(TINY, draw(st.integers(0, 1 << 32)))
    space = draw(st.sampled_from([Space.WEIGHTS, Space.ACTIVATIONS, Space.PARAMETERS]))
    beat = TINY.bus_bytes
    size = space_bytes(TINY, space)
    rows, width = draw(st.integers(1, 4)), draw(st.integers(1, 8)) * beat
    f = {
        "external_address": draw(st.integers(0, 100)) * beat,
        "external_stride": draw(st.integers(0, 20)) * beat,
        "local_address": draw(st.integers(0, 20)) * beat,
        "local_stride": draw(st.integers(0, 20)) * beat,
        "row_bytes": width,
        "rows": rows,
        "space": space.value,
    }
    local, outer = bytearray(memory(core, space)), bytearray(core.external_read(0, EXTERNAL))
    for row in range(rows):
        near = f["local_address"] + row * f["local_stride"]
        far = f["external_address"] + row * f["external_stride"]
        assert near + width <= size
        if opcode is Opcode.LOAD:
            local[near : near + width] = outer[far : far + width]
        else:
            outer[far : far + width] = local[near : near + width]
    if space is Space.PARAMETERS:
        for record in range(0, size, 16):
            local[record + 9 : record + 16] = bytes(7)
    start(core, encode(opcode, **f), END)
    assert memory(core, space) == local
    assert core.external_read(0, EXTERNAL) == outer


BASE = {
    "kernel_h": 1,
    "kernel_w": 1,
    "chunks": 1,
    "n_tiles": 1,
    "last_columns": 6,
    "output_w": 1,
    "output_h": 1,
    "input_rows": 1,
    "input_row_bytes": 4,
    "activation_max": 127,
    "output_address": 64,
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"last_columns": 7}, "last_columns must be 1 to 6, not 7"),
        ({"last_columns": 0}, "last_columns must be 1 to 6, not 0"),
        ({"output_w": 41}, "41 output pixels; the core has 40"),
        ({"weight_address": 511}, "weight word 512"),
        ({"parameter_address": 60}, "record 65"),
        ({"output_address": 2045}, "writes activation byte 2050"),
        ({"input_address": -1}, "reads activation bytes -1 to 2"),
        ({"output_address": 2}, "that it reads itself"),
    ],
)
def test_undefined_conv(changes, message):
    core, _ = random_core(TINY, 1)
    with pytest.raises(UndefinedCommandError, match=message):
        start(core, encode(Opcode.CONV, **{**BASE, **changes}), END)


def test_undefined_add():
    core, _ = random_core(TINY, 1)
    with pytest.raises(UndefinedCommandError, match="address_b 8 is no line"):
        start(core, encode(Opcode.ADD, lines=1, address_b=8), END)
    with pytest.raises(UndefinedCommandError, match="exponent_out must be -31 to 2, not 3"):
        start(core, encode(Opcode.ADD, lines=1, exponent_out=3), END)
