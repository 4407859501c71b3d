# SPDX-License-Identifier: Apache-2.0
"""What the three readers of a CONV or DEPTHWISE command keep of it: walker, parameter ring, writer.

Without ``config.overlap`` they keep nothing but look at the command itself, which stays until it has finished.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data

from ...arch.config import Config
from ...arch.isa import Conv, Depthwise, Opcode, Routing
from .columns.flow import Flow, flow_of
from .output_range import OutputRange

__all__ = ["ParameterJob", "WalkJob", "Widths", "WriteJob", "address_bits", "jobs_of"]


def address_bits(config: Config) -> int:
    """Width of a byte address in the activation memory. All address arithmetic is modulo it."""
    return (config.activation_bytes - 1).bit_length()


class Widths:
    """Bits of what commands count and step, as far as defined commands use them.

    A row of an image is no longer than the activation memory and an image has no more rows than that has bytes; places
    in and beside it (padding) are within :attr:`.Config.reach_bytes` and ``reach_rows``, which the compiler sees to;
    loops are no longer than what they walk through.
    """

    def __init__(self, config: Config):
        address = address_bits(config)
        self.x = config.reach_bytes.bit_length()  # signed: a byte of a row
        self.y = config.reach_rows.bit_length()  # signed: a row
        self.size = min(16, address + 1)  # bytes of a row, rows
        self.step = min(16, self.x)
        records = min(config.columns, config.down_channels or config.columns)
        self.n = min(16, (config.parameter_records // records + 1).bit_length())
        self.chunks = min(16, (config.weight_words // config.tile_words).bit_length())
        # Outputs of a DEPTHWISE need not have an accumulator each.
        self.outputs = 16 if config.down_channels else min(16, config.accumulators.bit_length())


class WalkJob(data.StructLayout):
    """The loops of a command, in the walker's terms: tiles (n, ky, kx, j) of rows of steps."""

    def __init__(self, config: Config):
        bits = address_bits(config)
        widths = Widths(config)
        super().__init__(
            {
                "flow": Flow,
                "address": bits,
                "y": signed(min(16, widths.y)),
                "x": signed(widths.x),
                "image_rows": widths.size,
                "row_bytes": widths.size,
                "zero_point": signed(8),
                "n_tiles": widths.n,
                "plane_x": 8,  # from one n to the next, bytes
                "taps_h": 8,
                "tap_row": bits,  # from one ky to the next: address,
                "tap_y": 8,  # and rows
                "taps_w": 8,
                "tap_x": widths.step,  # from one kx to the next, bytes
                "chunks": widths.chunks,
                "rows": widths.outputs,
                "row_step": bits,  # from one row to the next: address,
                "step_y": 8,  # and rows
                "steps": widths.outputs,
                "step_x": widths.step,  # from one step to the next, bytes
                "warm_up": 1,  # the first row only fills the delay line
                "skip": 8,  # steps in a row before the first output
                "stride": 4,  # steps from one output to the next
                "outputs": widths.outputs,  # in a row
                "b_step": 16,
                "along": 1,
                "maximum": 1,  # keep the largest of the tiles' sums instead of adding them
                "weight_address": (config.weight_words - 1).bit_length(),
            }
        )


class ParameterJob(data.Struct):
    """Records of ``n_tiles`` tiles from ``address`` on; with ``pairs`` one for every two columns."""

    address: unsigned(16)
    n_tiles: unsigned(16)
    pairs: unsigned(1)


class WriteJob(data.Struct):
    """Where the outputs go: planes (n) of rows of pixels."""

    address: unsigned(24)
    row_pitch: unsigned(24)
    pixel_pitch: unsigned(16)
    width: unsigned(16)
    height: unsigned(16)
    n_tiles: unsigned(16)
    last_columns: unsigned(8)  # columns (DEPTHWISE: channels) written in the last n
    pairs: unsigned(1)  # columns in pairs: the even ones here, the odd ones at another place
    along: unsigned(1)  # which is half a pixel pitch away, else half a row pitch
    both: unsigned(1)
    last_both: unsigned(1)
    range: OutputRange


def jobs_of(m: Module, config: Config, command: data.View) -> tuple[Any, Any, Any]:
    """The walker's, the parameter ring's and the writer's job of a :class:`Command`, combinationally."""
    walk, parameters, write = Signal(WalkJob(config)), Signal(ParameterJob), Signal(WriteJob)
    _from_conv(m, Conv(command.as_value()), walk, parameters, write)
    if config.down_channels:
        # Of the two kinds there are, which one a single bit tells: subtractions wait for it.
        bit = (Opcode.CONV.value ^ Opcode.DEPTHWISE.value).bit_length() - 1
        with m.If(command.header.opcode.as_value()[bit] == Opcode.DEPTHWISE.value >> bit & 1):
            _from_depthwise(m, config, Depthwise(command.as_value()), walk, parameters, write)
    return walk, parameters, write


def _common(m: Module, c, walk, parameters, write):
    """The fields that both layouts have under one name."""
    m.d.comb += [
        walk.address.eq(c.input_address), walk.y.eq(c.input_y), walk.x.eq(c.input_x),
        walk.image_rows.eq(c.input_rows), walk.row_bytes.eq(c.input_row_bytes),
        walk.zero_point.eq(c.input_zero_point), walk.row_step.eq(c.row_step), walk.step_y.eq(c.step_y),
        walk.step_x.eq(c.step_x), walk.outputs.eq(c.output_w), walk.weight_address.eq(c.weight_address),
        parameters.address.eq(c.parameter_address),
        write.address.eq(c.output_address), write.row_pitch.eq(c.output_row_pitch),
        write.pixel_pitch.eq(c.output_pixel_pitch), write.width.eq(c.output_w), write.height.eq(c.output_h),
        write.range.zero_point.eq(c.output_zero_point),
        write.range.low.eq(c.activation_min), write.range.high.eq(c.activation_max),
    ]  # fmt: skip


def _from_conv(m: Module, c, walk, parameters, write):
    _common(m, c, walk, parameters, write)
    m.d.comb += [
        walk.flow.eq(Flow.ACROSS),
        walk.n_tiles.eq(c.n_tiles),
        walk.taps_h.eq(c.kernel_h), walk.tap_row.eq(c.kernel_row_step), walk.tap_y.eq(c.dilation_y),
        walk.taps_w.eq(c.kernel_w), walk.tap_x.eq(c.dilation_x),
        walk.chunks.eq(c.chunks),
        walk.rows.eq(c.output_h), walk.steps.eq(c.output_w), walk.stride.eq(1),
        parameters.n_tiles.eq(c.n_tiles),
        write.n_tiles.eq(c.n_tiles), write.last_columns.eq(c.last_columns),
    ]  # fmt: skip


def _from_depthwise(m: Module, config: Config, c, walk, parameters, write):
    _common(m, c, walk, parameters, write)
    warm_up = c.routing == Routing.ROWS
    m.d.comb += [
        walk.flow.as_value().eq(flow_of(c.routing)),
        walk.n_tiles.eq(c.groups), walk.plane_x.eq(config.down_channels),
        walk.taps_h.eq(c.passes_h), walk.tap_row.eq(c.pass_row_step), walk.tap_y.eq(c.pass_y_step),
        walk.taps_w.eq(c.passes_w), walk.tap_x.eq(c.pass_x_step),
        walk.chunks.eq(1),
        walk.rows.eq(c.output_h + warm_up), walk.steps.eq(c.steps), walk.warm_up.eq(warm_up),
        # The walk begins with the warm-up row, one row step before the first.
        walk.address.eq(c.input_address - Mux(warm_up, c.row_step, 0)),
        walk.y.eq(c.input_y - Mux(warm_up, c.step_y, 0)),
        walk.skip.eq(c.skip_steps), walk.stride.eq(c.stride_steps),
        walk.b_step.eq(c.b_step), walk.along.eq(c.along), walk.maximum.eq(c.maximum),
        parameters.n_tiles.eq(c.groups), parameters.pairs.eq(1),
        write.n_tiles.eq(c.groups), write.last_columns.eq(c.last_channels), write.pairs.eq(1),
        write.along.eq(c.along), write.both.eq(c.both), write.last_both.eq(c.last_both),
    ]  # fmt: skip
