# SPDX-License-Identifier: Apache-2.0
"""The loop nest of a CONV command: which vector the feeder reads next.

Two walkers share it. :class:`TileWalker` steps through weight tiles (n, ky, kx, j) and holds the next tile ready;
:class:`PixelWalker` steps through the pixels of the current one, one vector a cycle, and takes over the next
tile without a bubble. A tile lasts at least :func:`celosia.arch.timing.conv.minimum_tile_cycles`.
"""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ...arch.config import Config
from ...arch.isa import Conv
from ...arch.timing.conv import PARAMETER_RING, minimum_tile_cycles

__all__ = ["PixelWalker", "Step", "Tile"]


def address_bits(config: Config) -> int:
    return (config.activation_bytes - 1).bit_length()


class Tile(data.StructLayout):
    """One weight tile's walk over the pixels."""

    def __init__(self, config: Config):
        super().__init__(
            {
                "row": address_bits(config),  # address of byte 0 of the image row of the first pixel
                "y": signed(18),  # index of that row
                "x": signed(24),  # byte index in it of the first pixel's vector
                "first": 1,  # first tile of its sums
                "last": 1,  # last tile of its sums
                "start": 1,  # first tile of the command
            }
        )


class Step(data.StructLayout):
    """One vector to read: byte index ``x`` of row ``y``, whose byte 0 is at ``row``."""

    def __init__(self, config: Config):
        super().__init__(
            {
                "row": address_bits(config),
                "inside": 1,  # the row is in the image
                "x": signed(24),
                "row_bytes": 16,
                "zero_point": signed(8),
                "start": 1,  # first vector of a tile
                "first": 1,
                "last": 1,
                "rebase": 1,  # with start: first tile of a command
                "weight_base": (config.weight_words - 1).bit_length(),
            }
        )


class TileWalker(Component):
    """Holds the next weight tile ready.

    ``tile`` transfers one tile; the next one (of this command or the next) is ready a cycle later. ``job``
    shows the command of the tile on offer and stays so until the next transfer.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "command": In(stream.Signature(Conv)),
                "tile": Out(stream.Signature(Tile(config))),
                "job": Out(Conv),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        job, tile = self.job, self.tile.payload
        have = Signal()
        row_k = Signal(address_bits(config))  # row of this ky
        y_k = Signal(signed(18))
        x_tap, x_k = Signal(signed(24)), Signal(signed(24))  # byte of this kx, of this (kx, j)
        n, ky, kx, j = Signal(16), Signal(8), Signal(8), Signal(16)
        start = Signal()
        last_j, last_kx, last_ky, last_n = (Signal(name=f"last_{name}") for name in ("j", "kx", "ky", "n"))
        m.d.comb += [
            last_j.eq(j == job.chunks - 1),
            last_kx.eq(kx == job.kernel_w - 1),
            last_ky.eq(ky == job.kernel_h - 1),
            last_n.eq(n == job.n_tiles - 1),
            self.tile.valid.eq(have),
            tile.row.eq(row_k),
            tile.y.eq(y_k),
            tile.x.eq(x_k),
            tile.first.eq((j == 0) & (kx == 0) & (ky == 0)),
            tile.last.eq(last_j & last_kx & last_ky),
            tile.start.eq(start),
        ]
        to_first_chunk = [j.eq(0)]
        to_first_tap = [kx.eq(0), x_tap.eq(job.input_x), x_k.eq(job.input_x)]
        to_first_row = [ky.eq(0), row_k.eq(job.input_address), y_k.eq(job.input_y)]
        with m.If(have & self.tile.ready):
            m.d.sync += start.eq(0)
            with m.If(~last_j):
                m.d.sync += [j.eq(j + 1), x_k.eq(x_k + config.rows)]
            with m.Else():
                m.d.sync += to_first_chunk
                with m.If(~last_kx):
                    m.d.sync += [
                        kx.eq(kx + 1),
                        x_tap.eq(x_tap + job.dilation_x),
                        x_k.eq(x_tap + job.dilation_x),
                    ]
                with m.Else():
                    m.d.sync += to_first_tap
                    with m.If(~last_ky):
                        m.d.sync += [
                            ky.eq(ky + 1),
                            row_k.eq(row_k + job.kernel_row_step),
                            y_k.eq(y_k + job.dilation_y),
                        ]
                    with m.Else():
                        m.d.sync += [*to_first_row, n.eq(n + 1), have.eq(~last_n)]
        m.d.comb += self.command.ready.eq(~have)
        with m.If(self.command.valid & ~have):
            command = self.command.payload
            m.d.sync += [
                job.eq(command),
                have.eq(1),
                start.eq(1),
                row_k.eq(command.input_address),
                y_k.eq(command.input_y),
                x_tap.eq(command.input_x),
                x_k.eq(command.input_x),
                *(counter.eq(0) for counter in (n, ky, kx, j)),
            ]
        return m


class PixelWalker(Component):
    """Issues the vectors of one tile after the other.

    Members
    -------
    command:
        CONV commands.
    begun:
        Pulses once per n-tile whose parameters will be there in time; its first tile starts only then.
    valid, step:
        In a cycle with ``valid`` the feeder reads ``step``.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "command": In(stream.Signature(Conv)),
                "begun": In(1),
                "valid": Out(1),
                "step": Out(Step(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.tiles = tiles = TileWalker(config)
        connect(m, flipped(self.command), tiles.command)
        job, tile, step = tiles.job, tiles.tile.payload, self.step

        ready_n = Signal(range(PARAMETER_RING + 2))  # n-tiles whose parameters are ready, and not started
        begin_n = Signal()
        m.d.sync += ready_n.eq(ready_n + self.begun - begin_n)

        active = Signal()
        more = Signal()  # a vector is left in this tile
        wait = Signal(range(config.lane_groups))  # cycles until the lanes can take another vector
        age = Signal(range(minimum_tile_cycles(config)))  # cycles this tile must still last
        last_x, last_y, end = Signal(), Signal(), Signal()
        left_x, left_y = Signal(16), Signal(16)
        # Copies of what the pixels need of the job, because the tile walker may already hold the next one.
        row, x, y = Signal(address_bits(config)), Signal(signed(24)), Signal(signed(18))
        x_first = Signal(signed(24))
        row_step, step_x, step_y = Signal(address_bits(config)), Signal(16), Signal(8)
        width, rows = Signal(16), Signal(16)
        m.d.comb += [
            last_x.eq(left_x == 0),
            last_y.eq(left_y == 0),
            self.valid.eq(active & more & (wait == 0)),
            step.row.eq(row),
            step.x.eq(x),
            step.inside.eq((y >= 0) & (y < rows)),
        ]
        final = Signal()  # this cycle issues the last vector, or it was issued before
        m.d.comb += [
            final.eq(~more | (self.valid & last_x & last_y)),
            end.eq(active & final & (age == 0) & self._paced(m, more, wait)),
            tiles.tile.ready.eq((~active | end) & (~tile.first | (ready_n != 0))),
            begin_n.eq(tiles.tile.valid & tiles.tile.ready & tile.first),
        ]
        with m.If(age != 0):
            m.d.sync += age.eq(age - 1)
        with m.If(end):
            m.d.sync += active.eq(0)
        with m.If(self.valid):
            m.d.sync += [step.start.eq(0), step.rebase.eq(0)]
            with m.If(~last_x):
                m.d.sync += [x.eq(x + step_x), left_x.eq(left_x - 1)]
            with m.Else():
                m.d.sync += [
                    x.eq(x_first),
                    left_x.eq(width),
                    row.eq(row + row_step),
                    y.eq(y + step_y),
                    left_y.eq(left_y - 1),
                    more.eq(~last_y),
                ]
        with m.If(tiles.tile.valid & tiles.tile.ready):
            m.d.sync += [
                active.eq(1),
                more.eq(1),
                wait.eq(0),
                age.eq(minimum_tile_cycles(config) - 1),
                row.eq(tile.row), x.eq(tile.x), y.eq(tile.y), x_first.eq(tile.x),
                row_step.eq(job.row_step), step_x.eq(job.step_x), step_y.eq(job.step_y),
                width.eq(job.output_w - 1), left_x.eq(job.output_w - 1), left_y.eq(job.output_h - 1),
                rows.eq(job.input_rows),
                step.row_bytes.eq(job.input_row_bytes),
                step.zero_point.eq(job.input_zero_point),
                step.start.eq(1),
                step.first.eq(tile.first), step.last.eq(tile.last),
                step.rebase.eq(tile.start),
                step.weight_base.eq(job.weight_address),
            ]  # fmt: skip
        return m

    def _paced(self, m: Module, more: Signal, wait: Signal):
        """Paces the last tile of the sums: one vector every ``lane_groups`` cycles, the last one included."""
        groups = self.config.lane_groups
        if groups == 1:
            return 1
        paced = Signal()
        m.d.comb += paced.eq(~self.step.last | (~more & (wait <= 1)))
        with m.If(self.valid & self.step.last):
            m.d.sync += wait.eq(groups - 1)
        with m.Elif(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        return paced
