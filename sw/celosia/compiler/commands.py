# SPDX-License-Identifier: Apache-2.0
"""The fields of every command, and what it touches of the activation memory, from tiles and addresses."""

from dataclasses import replace

from celosia.arch.isa import Opcode, Space

from .forms import group_words
from .ir import AddLayer, ArrayLayer, Command, ConvLayer, DepthwiseLayer, Module, Piece, Region, Tile
from .walks import walk_of

__all__ = [
    "add_command", "conv_command", "depthwise_command", "end_command", "load_image", "transfer",
]  # fmt: skip


def conv_command(module: Module, layer: ConvLayer, tile: Tile) -> Command:
    """CONV for one tile (:class:`celosia.arch.isa.Conv` gives every field its meaning)."""
    config, window, group = module.config, layer.window, layer.groups[tile.group]
    y, x = window.y, window.x
    channels, kernel_h, taps, run = group.weights.shape
    read, written = window.read, window.written
    image_y = tile.y * y.stride - y.before
    image = module.addresses[layer.input] + tile.batch * read.image
    n_tiles = -(-channels // config.columns)
    output = _output(module, layer, tile)
    fields = {
        "input_address": image + image_y * read.row,
        "row_step": y.stride * read.row,
        "kernel_row_step": y.dilation * read.row,
        "input_rows": y.size,
        "input_y": image_y,
        "input_row_bytes": window.row_bytes,
        "step_x": x.stride * read.pixel,
        "input_x": (tile.x * x.stride - x.before) * read.pixel + group.offset,
        "step_y": y.stride,
        "dilation_x": layer.tap_step,
        "dilation_y": y.dilation,
        "kernel_h": kernel_h,
        "chunks": -(-run // config.rows),
        "kernel_w": taps,
        "last_columns": channels - (n_tiles - 1) * config.columns,
        "output_w": tile.width,
        "output_h": tile.height,
        "weight_address": module.weight_words[layer.layer, tile.group],
        "input_zero_point": layer.input_zero_point,
        "parameter_address": module.records[layer.layer, tile.group],
        "n_tiles": n_tiles,
        "output_address": output + group.first,
        "output_zero_point": layer.output_zero_point,
        "output_pixel_pitch": written.pixel,
        "activation_min": layer.activation_min,
        "activation_max": layer.activation_max,
        "output_row_pitch": written.row,
    }
    return Command(
        opcode=Opcode.CONV,
        layer=layer.layer,
        fields=fields,
        reads=(*_window_region(fields, image, read.row, run), weight_region(module, layer, tile.group)),
        writes=(_written(layer, tile, fields["output_address"], channels),),
    )


def _output(module: Module, layer: ArrayLayer, tile: Tile) -> int:
    """The address of the first byte of a tile."""
    written = layer.window.written
    start = module.addresses[layer.output]
    return start + tile.batch * written.image + tile.y * written.row + tile.x * written.pixel


def _written(layer: ArrayLayer, tile: Tile, start: int, channels: int) -> Region:
    """The bytes of a tile of ``channels`` channels, and the gaps between its pixels."""
    written = layer.window.written
    size = (tile.width - 1) * written.pixel + channels
    return Region(Space.ACTIVATIONS, start, size, tile.height, written.row)


def depthwise_command(module: Module, layer: DepthwiseLayer, tile: Tile) -> Command:
    """DEPTHWISE for one tile (:class:`celosia.arch.isa.Depthwise` gives every field its meaning)."""
    window, group = layer.window, layer.groups[tile.group]
    read, written = window.read, window.written
    walk = walk_of(module.config, replace(window, outputs=group.channels, target=written, source=read), layer.plan)
    geometry = walk.geometry((tile.y, tile.height, tile.x, tile.width))
    image = module.addresses[layer.input] + tile.batch * read.image
    output = _output(module, layer, tile) + group.first
    fields = {
        **geometry,
        "input_address": (image + geometry["input_y"] * read.row) % (1 << 24),
        "input_x": geometry["input_x"] + group.first,
        "input_zero_point": layer.input_zero_point,
        "weight_address": module.weight_words[layer.layer, tile.group],
        "parameter_address": module.records[layer.layer, tile.group],
        "output_address": output,
        "output_zero_point": layer.output_zero_point,
        "activation_min": layer.activation_min,
        "activation_max": layer.activation_max,
    }
    wide = replace(tile, width=tile.width + tile.width % 2) if layer.plan.both_pixels else tile
    return Command(
        opcode=Opcode.DEPTHWISE,
        layer=layer.layer,
        fields=fields,
        reads=(*_rows_read(layer, tile, image), weight_region(module, layer, tile.group)),
        writes=(_written(layer, wide, output, group.channels),),
    )


def _rows_read(layer: DepthwiseLayer, tile: Tile, image: int) -> tuple[Region, ...]:
    """The image rows that matter to a DEPTHWISE; none when it reads padding only."""
    y, read = layer.window.y, layer.window.read
    top = max(tile.y * y.stride - y.before, 0)
    bottom = min((tile.y + tile.height - 1) * y.stride - y.before + y.kernel - 1, y.size - 1)
    if top > bottom:
        return ()
    start = image + top * read.row
    return (Region(Space.ACTIVATIONS, start, layer.window.row_bytes, bottom - top + 1, read.row),)


def _window_region(fields: dict[str, int], image: int, pitch: int, run: int) -> tuple[Region, ...]:
    """The bytes of the image that matter to a CONV; none when it reads padding only."""
    row = fields["input_row_bytes"]
    first_y, first_x = fields["input_y"], fields["input_x"]
    last_y = first_y + (fields["output_h"] - 1) * fields["step_y"] + (fields["kernel_h"] - 1) * fields["dilation_y"]
    end_x = first_x + (fields["output_w"] - 1) * fields["step_x"] + (fields["kernel_w"] - 1) * fields["dilation_x"]
    top, bottom = max(first_y, 0), min(last_y, fields["input_rows"] - 1)
    left, right = max(first_x, 0), min(end_x + run, row)
    if top > bottom or left >= right:
        return ()
    return (Region(Space.ACTIVATIONS, image + top * pitch + left, right - left, bottom - top + 1, pitch),)


def add_command(module: Module, layer: AddLayer, piece: Piece) -> Command:
    """ADD for some of a layer's lines."""
    line = module.config.line_bytes
    a, b, out = (module.addresses[value] + piece.line * line for value in (*layer.inputs, layer.output))
    size = piece.lines * line
    return Command(
        opcode=Opcode.ADD,
        layer=layer.layer,
        fields={
            "address_a": a,
            "address_b": b,
            "output_address": out,
            "lines": piece.lines,
            **layer.parameters,
        },
        reads=(Region(Space.ACTIVATIONS, a, size), Region(Space.ACTIVATIONS, b, size)),
        writes=(Region(Space.ACTIVATIONS, out, size),),
    )


def transfer(module: Module, opcode: Opcode, layer: int, value: int) -> Command:
    """LOAD or STORE of a whole value between its external and its activation lines."""
    size = module.lines(value) * module.config.line_bytes
    address = module.addresses[value]
    region = (Region(Space.ACTIVATIONS, address, size),)
    return Command(
        opcode=opcode,
        layer=layer,
        fields={
            "external_address": module.external[value],
            "local_address": address,
            "row_bytes": size,
            "rows": 1,
            "space": Space.ACTIVATIONS.value,
        },
        reads=region if opcode is Opcode.STORE else (),
        writes=region if opcode is Opcode.LOAD else (),
    )


def weight_region(module: Module, layer: ArrayLayer, group: int) -> Region:
    """The weights of a group, in the weight memory."""
    size = module.config.weight_word_bytes
    words = group_words(module.config, layer.groups[group])
    return Region(Space.WEIGHTS, module.weight_words[layer.layer, group] * size, words * size)


def load_image(module: Module, space: Space, key: str, size: int) -> Command:
    """LOAD of the first ``size`` bytes of the weight or parameter memory."""
    return Command(
        opcode=Opcode.LOAD,
        layer=0,
        fields={
            "external_address": module.external[key],
            "local_address": 0,
            "row_bytes": size,
            "rows": 1,
            "space": space.value,
        },
        writes=(Region(space, 0, size),),
    )


def end_command(layer: int) -> Command:
    """END; its waits are the schedule's."""
    return Command(opcode=Opcode.END, layer=layer, fields={})
