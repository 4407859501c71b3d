# SPDX-License-Identifier: Apache-2.0
"""A tiling as commands, in the order of its loops, without waits: every LOAD, STORE and computation of each strip."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from celosia.arch.config import Config
from celosia.arch.isa import Opcode, Space
from celosia.arch.registers import PARAMETER_BYTES

from ..commands import add_command, conv_command, depthwise_command
from ..ir import AddLayer, ArrayLayer, Command, ConvLayer, DepthwiseLayer, Module, Piece, Region, Tile
from ..layouts import Pitch
from ..strategies import split
from ..walks import walk_of
from .network import Network, Range
from .parts import Part, constants, part_channels, part_of, parts_of, units
from .storage import Ring, Room, allocated, narrow, need_of_output, pairs
from .strips import Strip, strips
from .tiling import Order, Stage, Tiling

__all__ = ["Work"]


@dataclass
class Work:
    """Writes the commands of a tiling.

    Parameters
    ----------
    network:
        The network.
    tiling:
        A legal one.
    external:
        Offsets in external memory, of "weights", "parameters" and every value that is ever there.
    """

    network: Network
    tiling: Tiling
    external: dict[int | str, int]
    commands: list[Command] = field(default_factory=list)

    def __post_init__(self):
        config, layers = self.network.config, self.network.layers
        self.config = config
        self.where = constants(config, {n: x for n, x in layers.items() if not isinstance(x, AddLayer)})
        self.weights, self.records = Ring(config.weight_words), Ring(config.parameter_records)
        self.rooms, self.resident, self.lines = allocated(self.network, self.tiling)
        self._held: dict[tuple[int, int], Range] = {}

    def stage(self, index: int) -> list[Command]:
        """The commands of a stage."""
        self.commands = []
        self._held.clear()
        stage = self.tiling.stages[index]
        self._gather(stage)
        if stage.order is Order.WEIGHTS:
            self._weights_first(stage, index)
            return self.commands
        for number, strip in enumerate(strips(self.network, stage)):
            places = _Places(self.network, self.rooms[index], self.resident, strip, number)
            self._load(stage, strip, places)
            if stage.order is Order.STORED_BY_PART:
                for turn, part in enumerate(self._parts(stage.layers[0])):
                    self._part_stored(part, strip, places, turn + number)
                continue
            self._strip(stage, strip, places)
            for value, rows in strip.stored.items():
                if self._leaves(value):
                    self._transfer(Opcode.STORE, self.network.maker[value], value, rows, places)
        return self.commands

    # --- stages ---

    def _gather(self, stage: Stage) -> None:
        """Let the constants of a stage with several strips lie in one piece, so that they stay."""
        parts = [part for number in stage.layers if number in self.where for part in self._parts(number)]
        self.weights.gather(sum(part.words for part in parts))
        self.records.gather(sum(part.room for part in parts))

    def _leaves(self, value: int) -> bool:
        return value not in self.tiling.resident or value in self.network.moved

    def _strip(self, stage: Stage, strip: Strip, places: "_Places") -> None:
        split_layers = pairs(self.network, stage)
        done: set[int] = set()
        for number in stage.layers:
            if number in done or number not in strip.made:
                continue
            layer = self.network.layers[number]
            if isinstance(layer, AddLayer):
                self._add(layer, strip.made[number], places)
            elif number in split_layers:
                done.add(split_layers[number])
                self._split(number, split_layers[number], stage.split, strip, places)
            else:
                for part in self._parts(number):
                    self._compute(part, strip.made[number], places.of(layer), number)

    def _weights_first(self, stage: Stage, index: int) -> None:
        """Every strip for a part before the next part."""
        turn = 0
        for part in self._parts(stage.layers[0]):
            for number, strip in enumerate(strips(self.network, stage)):
                places = _Places(self.network, self.rooms[index], self.resident, strip, number)
                self._load(stage, strip, places)
                self._part_stored(part, strip, places, turn)
                turn += 1

    def _part_stored(self, part: Part, strip: Strip, places: "_Places", turn: int) -> None:
        """One part of a strip, into a buffer of its own, and the strided STORE of its channels; or right to where all
        channels are."""
        number = part.layer.layer
        layer, value = part.layer, part.layer.output
        rows = strip.made[number]
        room = places.room(value)
        if value in self.tiling.resident or room.pitch == self.network.rows(value).pitch:
            self._compute(part, rows, places.of(layer), number)
            if self._leaves(value):
                self._store_channels(part, strip.stored[value], places.base(value), layer.window.written)
            return
        full = self.network.layers[number]
        assert not isinstance(full, AddLayer)
        layout = narrow(self.network, layer, part_channels(self.config, full), need_of_output(layer))
        address = room.lines_at[turn % room.copies] * self.config.line_bytes - rows[0] * layout.pitch.row
        sub = replace(layer, window=replace(layer.window, target=layout.pitch))
        addresses = {**places.of(layer), value: address - part.channel}
        self._compute(replace(part, layer=sub), rows, addresses, number)
        if self._leaves(value):
            self._store_channels(part, strip.stored[value], address - part.channel, layout.pitch)

    def _split(self, first: int, second: int, channels: int, strip: Strip, places: "_Places") -> None:
        """``channels`` at a time of a layer and of the depthwise layer that reads them, the first a step ahead."""
        network = self.network
        a, b = network.layers[first], network.layers[second]
        assert isinstance(a, ConvLayer)
        assert isinstance(b, DepthwiseLayer)
        room = places.room(a.output)
        count = min(channels, a.window.outputs)
        layout = narrow(network, a, count, b.plan.needs_of_input)
        waiting: list[tuple[Part, dict[int, int]]] = []
        chunks = zip(self._chunks(first, channels), self._chunks(second, channels), strict=True)
        for turn, (made, read) in enumerate(chunks):
            line = room.lines_at[turn % room.copies]
            base = line * self.config.line_bytes - strip.made[first][0] * layout.pitch.row
            pitch = layout.pitch
            wide = replace(made.layer, window=replace(made.layer.window, target=pitch))
            addresses = {**places.of(a), a.output: base - made.channel}
            self._compute(replace(made, layer=wide), strip.made[first], addresses, first)
            if waiting:
                self._compute(waiting[0][0], strip.made[second], waiting[0][1], second)
            thin = self._thin(read, pitch)
            targets = {a.output: base, b.output: places.base(b.output) + read.channel}
            waiting = [(thin, targets)]
        self._compute(waiting[0][0], strip.made[second], waiting[0][1], second)

    def _thin(self, part: Part, source: Pitch) -> Part:
        """A part of a depthwise layer whose input holds its channels only."""
        layer = part.layer
        assert isinstance(layer, DepthwiseLayer)
        group = layer.groups[0]
        window = replace(
            layer.window, channels=group.channels, outputs=group.channels, source=source, target=layer.window.written
        )
        return replace(part, layer=replace(layer, window=window, groups=(replace(group, first=0),)))

    # --- parts ---

    def _parts(self, number: int) -> list[Part]:
        layer = self.network.layers[number]
        assert not isinstance(layer, AddLayer)
        return list(parts_of(self.config, layer, self.where[number]))

    def _chunks(self, number: int, channels: int) -> Iterator[Part]:
        """A layer with one group in parts of ``channels``."""
        layer = self.network.layers[number]
        assert not isinstance(layer, AddLayer)
        count, _, width = units(self.config, layer.groups[0])
        for first in range(0, count, channels // width):
            last = min(first + channels // width, count)
            yield part_of(self.config, layer, self.where[number], 0, first, last)

    def _compute(self, part: Part, rows: Range, addresses: dict[int, int], number: int) -> None:
        """The commands of some rows of a part, after the LOADs of its constants if they are not there."""
        word, fresh = self.weights.place(part.key, part.words)
        if fresh:
            self._load_constant(Space.WEIGHTS, word, part.source, part.words, self.config.weight_word_bytes, number)
        record, fresh = self.records.place(part.key, part.room)
        if fresh:
            self._load_constant(Space.PARAMETERS, record, part.record, part.records, PARAMETER_BYTES, number)
        view = self.network.module.replace(
            addresses=addresses, weight_words={(number, 0): word}, records={(number, 0): record}
        )
        used = Region(Space.PARAMETERS, record * PARAMETER_BYTES, part.records * PARAMETER_BYTES)
        for tile in tiles(self.config, self.network, part.layer, rows):
            command = _command(view, part.layer, tile)
            self.commands.append(replace(command, reads=(*command.reads, used)))

    def _add(self, layer: AddLayer, rows: Range, places: "_Places") -> None:
        pitch, line = self.network.rows(layer.output).pitch, self.config.line_bytes
        if self.network.made(layer.layer) == 1:
            first, last = 0, -(-layer.size // line)
        else:
            first, last = rows[0] * pitch // line, -(-min(rows[1] * pitch, layer.size) // line)
        values = (*layer.inputs, layer.output)
        view = self.network.module.replace(addresses={value: places.base(value) for value in values})
        self.commands.append(add_command(view, layer, Piece(line=first, lines=last - first)))

    # --- transfers ---

    def _load_constant(self, space: Space, at: int, source: int, count: int, unit: int, number: int) -> None:
        name = "weights" if space is Space.WEIGHTS else "parameters"
        self._move(Opcode.LOAD, number, space, self.external[name] + source * unit, at * unit, count * unit)

    def _load(self, stage: Stage, strip: Strip, places: "_Places") -> None:
        """LOAD what a strip reads of values that are not on chip, unless it is still there."""
        for value, rows in strip.read.items():
            if value in self.tiling.resident:
                continue
            copy = places.copy(value)
            if places.room(value).stays and self._held.get((value, copy)) == rows:
                continue
            self._held[value, copy] = rows
            reader = next(n for n in stage.layers if value in self.network.inputs(n))
            self._transfer(Opcode.LOAD, reader, value, rows, places)

    def _transfer(self, opcode: Opcode, number: int, value: int, rows: Range, places: "_Places") -> None:
        """Rows of a value between the chip and external memory."""
        lie = self.network.rows(value)
        start, end = rows[0] * lie.pitch, min(rows[1] * lie.pitch, lie.size)
        self._move(
            opcode, number, Space.ACTIVATIONS, self.external[value] + start, places.base(value) + start, end - start
        )

    def _store_channels(self, part: Part, rows: Range, base: int, local: Pitch) -> None:
        """A part's channels of some rows, pixel by pixel."""
        layer = part.layer
        full = self.network.layers[layer.layer]
        assert not isinstance(full, AddLayer)
        window, written = full.window, full.window.written
        rows = rows if self.network.made(layer.layer) > 1 else (0, window.y.out)
        outer = self.external[layer.output] + part.channel
        together = local.row == window.x.out * local.pixel and written.row == window.x.out * written.pixel
        height, width = rows[1] - rows[0], window.x.out
        for first, count in [(rows[0], height * width)] if together else [(y, width) for y in range(*rows)]:
            self._move(
                Opcode.STORE,
                layer.layer,
                Space.ACTIVATIONS,
                outer + first * written.row,
                base + part.channel + first * local.row,
                part.records,
                count,
                (written.pixel, local.pixel),
            )

    def _move(
        self, opcode: Opcode, number: int, space: Space, outer: int, inner: int, size: int, rows: int = 1,
        strides: tuple[int, int] = (0, 0),
    ) -> None:  # fmt: skip
        near = (Region(space, inner, size, rows, strides[1]),)
        far = (Region(None, outer, size, rows, strides[0]),)
        fields = {
            "external_address": outer,
            "external_stride": strides[0],
            "local_address": inner,
            "local_stride": strides[1],
            "row_bytes": size,
            "rows": rows,
            "space": space.value,
        }
        reads, writes = (far, near) if opcode is Opcode.LOAD else (near, far)
        self.commands.append(Command(opcode=opcode, layer=number, fields=fields, reads=reads, writes=writes))


@dataclass
class _Places:
    """Where the values of a strip are: the addresses that the first rows of their whole images would have."""

    network: Network
    rooms: dict[int, Room]
    resident: dict[int, Room]
    strip: Strip
    number: int

    def room(self, value: int) -> Room:
        return self.resident[value] if value in self.resident else self.rooms[value]

    def copy(self, value: int) -> int:
        return self.number % self.room(value).copies

    def base(self, value: int) -> int:
        room, line = self.room(value), self.network.config.line_bytes
        start = room.lines_at[self.copy(value)] * line
        if room.value in self.resident:
            return start
        rows = self.strip.rows(self.network, value)
        assert rows is not None
        return start - rows[0] * room.pitch

    def of(self, layer: ArrayLayer) -> dict[int, int]:
        """The addresses of what a layer reads and makes."""
        return {layer.input: self.base(layer.input), layer.output: self.base(layer.output)}


def _command(view: Module, layer: ArrayLayer, tile: Tile) -> Command:
    return conv_command(view, layer, tile) if isinstance(layer, ConvLayer) else depthwise_command(view, layer, tile)


def tiles(config: Config, network: Network, layer: ArrayLayer, rows: Range) -> Iterable[Tile]:
    """The commands for some rows of a layer with one group; all rows of all images where rows do not lie alike."""
    window = layer.window
    if network.made(layer.layer) == 1:
        rows = (0, window.y.out)
    height = rows[1] - rows[0]
    if isinstance(layer, DepthwiseLayer):
        part = replace(window, y=replace(window.y, out=height))
        pieces = walk_of(config, part, layer.plan).tiles()
    else:
        most = max(1, config.accumulators // window.x.out)
        pieces = [
            (y, tall, x, wide)
            for y, tall in split(height, most)
            for x, wide in split(window.x.out, config.accumulators)
        ]
    return [
        Tile(batch=batch, group=0, y=rows[0] + y, x=x, height=tall, width=wide)
        for batch in range(window.batch)
        for y, tall, x, wide in pieces
    ]
