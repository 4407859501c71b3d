# SPDX-License-Identifier: Apache-2.0
"""What the sequencer calls illegal, against :func:`celosia.arch.isa.decode`."""

import pytest

from celosia.arch.isa import (
    COMMAND_BYTES,
    ErrorCause,
    IllegalCommandError,
    Opcode,
    decode,
    fields_of,
    layout_of,
    opcodes,
)
from celosia.gateware.control.sequencer import CLEAN_CYCLES
from gateware.control.sequencer_bench import CONFIG, DONE, Bench, command


def mutants(opcode: Opcode):
    """Commands that differ from a legal one in one way, each with what isa.decode makes of it."""
    good = command(opcode)
    yield good
    yield good[:1] + b"\x80" + good[2:]
    word = int.from_bytes(good, "little")
    for name, (offset, width, _) in fields_of(layout_of(opcode)).items():
        bits = {0, width // 2, width - 1}
        if name.startswith("reserved"):
            bits |= set(range(0, width, 37))
        for bit in sorted(bits):
            yield (word | 1 << offset + bit).to_bytes(COMMAND_BYTES, "little")
        yield (word & ~(((1 << width) - 1) << offset)).to_bytes(COMMAND_BYTES, "little")


def is_legal(content: bytes) -> bool:
    try:
        decode(content)
    except IllegalCommandError:
        return False
    return True


@pytest.mark.parametrize("opcode", Opcode)
def test_hardware_finds_illegal_what_decode_does(opcode):
    contents = list(dict.fromkeys(mutants(opcode)))
    assert any(not is_legal(c) for c in contents)
    bench = Bench([])

    async def main(ctx):
        for content in contents:
            # Not the first command, so that the index shows.
            image = command(Opcode.SYNC) + content + command(Opcode.END)
            bench.words = [int.from_bytes(image[i : i + 8], "little") for i in range(0, len(image), 8)]
            await bench.start(ctx)
            await bench.finish(ctx, 200)
            expected = DONE if is_legal(content) else (0, 1, ErrorCause.ILLEGAL_COMMAND, 1)
            assert bench.outcome(ctx) == expected, content.hex()
            for _ in range(CLEAN_CYCLES + 2):
                await bench.step(ctx)

    bench.run(main)


def test_unknown_opcodes():
    known = {o.value for o in Opcode}
    bench = Bench([])

    async def main(ctx):
        for opcode in sorted({0, 0xFF, 0x12, *(k ^ 1 << b for k in known for b in range(8))} - known):
            bench.words = [opcode] + [0] * 7
            await bench.start(ctx)
            await bench.finish(ctx, 200)
            assert bench.outcome(ctx) == (0, 1, ErrorCause.ILLEGAL_COMMAND, 0), hex(opcode)
            for _ in range(CLEAN_CYCLES + 2):
                await bench.step(ctx)

    bench.run(main)


WITHOUT = {
    "rows": (dict(rows=6, weight_rows=1), {Opcode.DEPTHWISE}),
    "lanes": (dict(lanes=2), {Opcode.DEPTHWISE}),
    "depthwise": (dict(depthwise=False), {Opcode.DEPTHWISE}),
    "elementwise": (dict(elementwise=False), {Opcode.ADD}),
    "external": (dict(external=False), {Opcode.LOAD, Opcode.STORE}),
}
"""Changes to a core that knows every command, and what it then no longer knows."""


@pytest.mark.parametrize("why", WITHOUT)
def test_what_a_core_goes_without_is_illegal(why):
    """Every other command stays what it is."""
    changes, missing = WITHOUT[why]
    config = CONFIG.replace(**changes)
    assert opcodes(CONFIG) == set(Opcode)
    assert opcodes(config) == set(Opcode) - missing
    for opcode in Opcode:
        program = [command(Opcode.SYNC), command(opcode), command(Opcode.END)]
        bench = Bench(program, config=config)
        legal = opcode not in missing
        assert bench.play() == (DONE if legal else (0, 1, ErrorCause.ILLEGAL_COMMAND, 1)), opcode
        assert legal or not bench.log
