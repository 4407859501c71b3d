# SPDX-License-Identifier: Apache-2.0
"""tile, segment, allocate, schedule and emit; and the verifier, which must name the guilty pass."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia.arch.config import PRESETS, Config
from celosia.arch.isa import COMMAND_BYTES, Engine, Opcode, decode
from celosia.arch.registers import PARAMETER_RECORD
from celosia.compiler import CompileError, VerifierError, compile
from celosia.compiler.images import pack_weights, parameter_image, weight_image
from celosia.compiler.ir import Command, Module, Piece, Segment, Tile
from celosia.compiler.pipeline import analyze
from celosia.compiler.strategies import STRATEGIES, largest, split
from celosia.compiler.verify import races, verify
from celosia.fuzz.builder import Builder
from compiler.networks import CONFIGS, SMALL, residual

CONFIG = Config(name="small", rows=8, columns=8, lanes=8, **SMALL)


def builder() -> Builder:
    return Builder(np.random.default_rng(1))


def chain(config: Config = CONFIG, memory: str = "local") -> Module:
    """Two convolutions and an ADD over 16x16 pixels, four tiles each with 64 accumulators."""
    b = builder()
    x = b.conv(b.input(1, 16, 16, 4), 8)
    y = b.conv(x, 8, (3, 3), padding="SAME")
    return analyze(b.output(b.add(x, y)), config, memory=memory)


def listing(segment: Segment) -> list[str]:
    """The commands of a segment as text: opcode, layer, and the waits that are not 0."""
    return [
        f"{command.opcode.name} {command.layer}"
        + "".join(f" {engine.name.lower()}>={count}" for engine, count in command.waits.items() if count)
        for command in segment.commands
    ]


@given(st.integers(1, 5000), st.integers(1, 600))
@settings(derandomize=True, deadline=None)
def test_split(total, most):
    parts = split(total, most)
    ends = [start + length for start, length in parts]
    assert [start for start, _ in parts] == [0, *ends[:-1]]
    assert ends[-1] == total
    assert len(parts) == -(-total // most)
    lengths = [length for _, length in parts]
    assert max(lengths) <= most
    assert max(lengths) - min(lengths) <= 1


def test_tiles_are_even_blocks_of_rows():
    b = builder()
    module = analyze(b.output(b.conv(b.input(1, 9, 20, 4), 8)), CONFIG, last="tile")
    tiles = [(t.y, t.height, t.x, t.width) for t in module.tiles[0] if isinstance(t, Tile)]
    assert tiles == [(0, 3, 0, 20), (3, 3, 0, 20), (6, 3, 0, 20)]


def test_row_that_is_too_long_is_cut():
    b = builder()
    module = analyze(b.output(b.conv(b.input(1, 2, 100, 4), 8)), CONFIG, last="tile")
    tiles = [(t.y, t.height, t.x, t.width) for t in module.tiles[0] if isinstance(t, Tile)]
    assert tiles == [(0, 1, 0, 50), (0, 1, 50, 50), (1, 1, 0, 50), (1, 1, 50, 50)]


def test_add_is_cut_where_its_later_input_was():
    pieces = [p for p in chain().tiles[2] if isinstance(p, Piece)]
    line = CONFIG.line_bytes
    assert [(p.line * line, p.lines * line) for p in pieces] == [(512 * i, 512) for i in range(4)]


def test_waits_name_the_commands_that_matter():
    """A 3x3 tile waits for the tiles of the layer before that it reads, an ADD piece for its rows only.

    The ADD writes over the first layer's output, of which each tile of the second reads one row of the next tile:
    so its first piece needs the second layer's second tile. It is dispatched one tile after that.
    """
    (segment,) = chain().segments
    assert listing(segment) == [
        "CONV 0",
        "CONV 0",
        "CONV 0",
        "CONV 0",
        "CONV 1 conv>=2",
        "CONV 1 conv>=3",
        "CONV 1 conv>=4",
        "ADD 2 conv>=6",
        "CONV 1 conv>=4",
        "ADD 2 conv>=7",
        "ADD 2 conv>=8",
        "ADD 2 conv>=8",
        "END 2",
    ]


def test_external_memory_is_loaded_and_stored():
    setup, segment = chain(memory="external").segments
    assert listing(setup) == ["LOAD 0", "LOAD 0", "END 0"]
    text = listing(segment)
    assert text[:2] == ["LOAD 0", "CONV 0 load>=1"]
    assert text[-2:] == ["STORE 2 conv>=4 elementwise>=4", "END 2"]


def test_fastest_strategy_wins():
    graph = residual(np.random.default_rng(1), 16)
    every = {name: compile(graph, CONFIG, strategies={name: STRATEGIES[name]}) for name in STRATEGIES}
    best = compile(graph, CONFIG)
    assert best.predicted == min(program.predicted for program in every.values())
    assert best.strategy == next(n for n, p in every.items() if p.predicted == best.predicted)
    assert best.commands == every[best.strategy].commands


def test_strategy_that_needs_too_many_commands_loses():
    b = builder()
    graph = b.output(b.conv(b.conv(b.input(1, 16, 16, 4), 8), 8, (3, 3), padding="SAME"))
    config = CONFIG.replace(accumulators=128)
    most = {name: len(compile(graph, config, strategies={name: STRATEGIES[name]}).commands) for name in STRATEGIES}
    least = min(most.values()) // COMMAND_BYTES
    assert least < max(most.values()) // COMMAND_BYTES
    assert len(compile(graph, config.replace(program_commands=least)).commands) == least * COMMAND_BYTES


def test_strategy_of_ones_own():
    """The example of the module's docstring."""

    def rows(module, layer):
        return [
            (y, 1, x, width)
            for y in range(layer.window.y.out)
            for x, width in split(layer.window.x.out, module.config.accumulators)
        ]

    b = builder()
    graph = b.output(b.conv(b.input(1, 5, 6, 4), 8))
    assert len(compile(graph, CONFIG, strategies={"a row at a time": rows}).commands) == 6 * COMMAND_BYTES
    with pytest.raises(VerifierError, match="pass tile left a fault behind: the tiles of layer 0 do not make each"):
        compile(graph, CONFIG, strategies={"wrong": lambda module, layer: []})
    with pytest.raises(ValueError, match="at least one strategy"):
        compile(graph, CONFIG, strategies={})


def test_write_after_read_waits():
    """The second LOAD overwrites what the first convolution reads: it must wait for it."""
    b = builder()
    first = b.conv(b.input(1, 16, 16, 8), 8)
    graph = b.output(b.conv(first, 8))
    module = analyze(graph, CONFIG.replace(activation_bytes=4096), memory="external")
    addresses = [module.addresses[v] for v in (0, first, graph.outputs[0])]
    assert addresses[0] == addresses[2] != addresses[1]
    assert "CONV 1 load>=1 conv>=1" in listing(module.segments[1])


def test_add_works_in_place():
    module = chain()
    x, y, total = (module.graph.ops[i].outputs[0] for i in range(3))
    assert module.addresses[total] in (module.addresses[x], module.addresses[y])


def test_add_leaves_an_input_that_is_needed():
    b = builder()
    x = b.conv(b.input(1, 8, 8, 4), 8)
    y = b.conv(x, 8)
    total = b.add(x, y)
    module = analyze(b.output(b.conv(b.add(total, x), 8), y), CONFIG)
    assert module.addresses[total] not in (module.addresses[x], module.addresses[y])


def test_activation_memory_in_use_is_reported():
    b = builder()
    y = b.conv(b.conv(b.input(1, 32, 32, 4), 16), 16)
    graph = b.output(y)
    # layer 0 needs 4 KiB + 16 KiB, layer 1 needs 16 KiB + 16 KiB
    with pytest.raises(CompileError) as caught:
        compile(graph, CONFIG.replace(activation_bytes=24 << 10))
    assert str(caught.value) == (
        "network does not fit small: it needs 32768 bytes of activation memory at operator 1 CONV_2D 'op1', "
        "and there are 24576; choose a larger configuration or a smaller network"
    )
    assert compile(graph, CONFIG.replace(activation_bytes=32 << 10))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_pack_weights(config):
    """Against the law of CONV's docstring: row r of tile t in word t·(R / weight_rows) + r // weight_rows."""
    rng = np.random.default_rng(1)
    weights = rng.integers(-128, 128, (19, 2, 2, 21)).astype(np.int8)
    data = np.frombuffer(pack_weights(config, weights), np.int8).reshape(-1, config.weight_word_bytes)
    R, C, group = config.rows, config.columns, config.weight_rows
    chunks = -(-21 // R)
    t = 0
    for n in range(-(-19 // C)):
        for ky in range(2):
            for kx in range(2):
                for j in range(chunks):
                    for r in range(R):
                        word = data[t * (R // group) + r // group][r % group * config.column_bytes :][:C]
                        k, channels = j * R + r, range(n * C, n * C + C)
                        expected = [int(weights[c, ky, kx, k]) if c < 19 and k < 21 else 0 for c in channels]
                        assert word.tolist() == expected
                    t += 1
    assert len(data) == t * config.tile_words


def test_images_lie_where_commands_look():
    module = chain()
    weights, parameters = weight_image(module), np.frombuffer(parameter_image(module), PARAMETER_RECORD)
    layer = module.layers[1]
    (command,) = {
        (c.fields["weight_address"], c.fields["parameter_address"])
        for c in module.segments[0].commands
        if c.opcode is Opcode.CONV and c.layer == 1
    }
    word, record = command
    packed = pack_weights(CONFIG, layer.groups[0].weights)  # type: ignore[union-attr]
    assert weights[word * CONFIG.weight_word_bytes :][: len(packed)] == packed
    np.testing.assert_array_equal(parameters["bias"][record : record + 8], layer.bias)  # type: ignore[union-attr]
    assert not any(parameters["reserved"].tolist()[0])


def test_program_holds_what_the_module_says():
    graph = residual(np.random.default_rng(1))
    module = analyze(graph, PRESETS["c64"])
    program = compile(graph, PRESETS["c64"], strategies={"only": largest})
    assert program.strategy == "only"
    commands = [program.commands[i : i + COMMAND_BYTES] for i in range(0, len(program.commands), COMMAND_BYTES)]
    wanted = [c for segment in module.segments for c in segment.commands]
    for data, command in zip(commands, wanted, strict=True):
        decoded = decode(data)
        assert decoded["opcode"] is command.opcode
        assert decoded["layer"] == command.layer
        assert decoded["waits"] == {e: n % 256 for e, n in command.waits.items()}
        assert all(decoded[name] == value for name, value in command.fields.items())
    constants = {index for index, _ in program.graph.constants()}
    assert constants == set()
    assert sum(layer.predicted for layer in program.layers) <= program.predicted


def test_constants_of_the_host_stay():
    b = builder()
    x = b.input(1, 4, 4, 3)
    other = b.tensor((1, 4, 4, 3), 0.1, 0, np.ones((1, 4, 4, 3), np.int8))
    program = compile(b.output(b.add(b.conv(x, 3), other)), CONFIG)
    assert [index for index, _ in program.graph.constants()] == [other]


def broken(module: Module, name: str, **changes: object) -> str:
    """What the verifier says of a module with fields replaced, after pass ``name``."""
    with pytest.raises(VerifierError, match=f"^pass {name} left a fault behind: ") as caught:
        verify(name, module.replace(**changes))
    return str(caught.value)


def test_verifier_names_the_pass():
    module = chain()
    first, *others = module.nodes
    assert first.window is not None
    wide = dataclasses.replace(first.window, outputs=9)
    assert "does not make its output" in broken(
        module, "legalize", nodes=(dataclasses.replace(first, window=wide), *others)
    )
    assert "before it is made" in broken(module, "legalize", nodes=tuple(others))
    assert "has place ''" in broken(module, "place", nodes=(dataclasses.replace(first, place=""),))
    assert "without a window" in broken(module, "fit", nodes=(dataclasses.replace(first, window=None),))
    assert "are placed" in broken(module, "lower", layers={})
    assert "each pixel once" in broken(module, "tile", tiles=module.tiles | {0: module.tiles[0][1:]})
    assert "each line once" in broken(module, "tile", tiles=module.tiles | {2: module.tiles[2][1:]})
    assert "the steps hold" in broken(module, "segment", steps=())
    x = module.graph.ops[0].outputs[0]
    y = module.graph.ops[1].outputs[0]
    assert "writes over its own input" in broken(
        module, "allocate", addresses=module.addresses | {y: module.addresses[x]}
    )
    assert "not on lines of the memory" in broken(module, "allocate", addresses=module.addresses | {x: 1})


def test_verifier_finds_races():
    (segment,) = chain().segments
    commands = list(segment.commands)
    assert races(segment.commands) == []
    commands[4] = dataclasses.replace(commands[4], waits={})
    assert races(tuple(commands)) == [
        "command 4 does not wait for CONV command 1",
        "command 4 does not wait for CONV command 2",
    ]
    commands[4] = dataclasses.replace(commands[4], waits={Engine.CONV: 9})
    assert "command 4 waits for 9 of 4 CONV commands" in races(tuple(commands))
    old = [Command(opcode=Opcode.CONV, layer=0, fields={})] * 200
    assert races((*old, Command(opcode=Opcode.ADD, layer=0, fields={}, waits={Engine.CONV: 10}))) == [
        "command 200 waits for 10 of 200 CONV commands"
    ]
