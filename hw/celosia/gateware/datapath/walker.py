# SPDX-License-Identifier: Apache-2.0
"""The loop nest of a command: what the feeder reads next.

Two walkers share it. :class:`TileWalker` steps through weight tiles (n, ky, kx, j) and holds the next tile ready;
:class:`StepWalker` steps through the rows of the current one, one step a cycle, and takes over the next tile
without a bubble. A tile lasts at least :func:`celosia.arch.timing.conv.minimum_tile_cycles`.
"""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ...arch.config import Config
from ...arch.timing.conv import PARAMETER_RING, minimum_tile_cycles
from .array import Flow
from .jobs import WalkJob, address_bits

__all__ = ["Step", "StepWalker", "Tile"]


class Tile(data.StructLayout):
    """One weight tile's walk over the rows."""

    def __init__(self, config: Config):
        super().__init__(
            {
                "row": address_bits(config),  # address of byte 0 of the image row of the first step
                "y": signed(18),  # index of that row
                "x": signed(24),  # byte index in it of the first step
                "first": 1,  # first tile of its sums
                "last": 1,  # last tile of its sums
                "start": 1,  # first tile of the command
            }
        )


class Step(data.StructLayout):
    """What to read: from byte ``x`` of a row whose byte 0 is at ``row``; a second sample ``b_step`` further."""

    def __init__(self, config: Config):
        super().__init__(
            {
                "flow": Flow,
                "row": address_bits(config),
                "x": signed(24),
                "inside": 1,  # the row is in the image
                "b_step": 16,
                "along": 1,  # the second sample is in the same row, else in the next one,
                "b_inside": 1,  # which is in the image
                "row_bytes": 16,
                "zero_point": signed(8),
                "swap": 1,  # first step of a tile
                "rebase": 1,  # with swap: first tile of a command
                "weight_base": (config.weight_words - 1).bit_length(),
                "row_start": 1,  # first step of a row
                "warm_up": 1,  # in a row that has none before it
                "emit": 1,  # this step's sums are wanted
                "start": 1,  # with emit: the first such step of a tile
                "first": 1,
                "last": 1,
                "maximum": 1,
            }
        )


class TileWalker(Component):
    """Holds the next weight tile ready.

    ``tile`` transfers one tile; the next one (of this command or the next) is ready a cycle later. ``now``
    is the job of the tile on offer and stays so until the next transfer.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "job": In(stream.Signature(WalkJob(config))),
                "tile": Out(stream.Signature(Tile(config))),
                "now": Out(WalkJob(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        job, tile = self.now, self.tile.payload
        have, start = Signal(), Signal()
        row_k, y_k = Signal(address_bits(self.config)), Signal(signed(18))  # of this ky
        x_n, x_tap, x_k = (Signal(signed(24), name=name) for name in ("x_n", "x_tap", "x_k"))  # of n; kx; kx and j
        n, ky, kx, j = Signal(16), Signal(8), Signal(8), Signal(16)
        last_j, last_kx, last_ky, last_n = (Signal(name=f"last_{name}") for name in ("j", "kx", "ky", "n"))
        m.d.comb += [
            last_j.eq(j == job.chunks - 1),
            last_kx.eq(kx == job.taps_w - 1),
            last_ky.eq(ky == job.taps_h - 1),
            last_n.eq(n == job.n_tiles - 1),
            self.tile.valid.eq(have),
            tile.row.eq(row_k),
            tile.y.eq(y_k),
            tile.x.eq(x_k),
            tile.first.eq((j == 0) & (kx == 0) & (ky == 0)),
            tile.last.eq(last_j & last_kx & last_ky),
            tile.start.eq(start),
        ]
        with m.If(have & self.tile.ready):
            m.d.sync += start.eq(0)
            with m.If(~last_j):
                m.d.sync += [j.eq(j + 1), x_k.eq(x_k + self.config.rows)]
            with m.Else():
                m.d.sync += j.eq(0)
                with m.If(~last_kx):
                    m.d.sync += [kx.eq(kx + 1), x_tap.eq(x_tap + job.tap_x), x_k.eq(x_tap + job.tap_x)]
                with m.Else():
                    m.d.sync += [kx.eq(0), x_tap.eq(x_n), x_k.eq(x_n)]
                    with m.If(~last_ky):
                        m.d.sync += [ky.eq(ky + 1), row_k.eq(row_k + job.tap_row), y_k.eq(y_k + job.tap_y)]
                    with m.Else():
                        m.d.sync += [ky.eq(0), row_k.eq(job.address), y_k.eq(job.y)]
                        m.d.sync += [n.eq(n + 1), have.eq(~last_n)]
                        m.d.sync += [v.eq(x_n + job.plane_x) for v in (x_n, x_tap, x_k)]
        m.d.comb += self.job.ready.eq(~have)
        with m.If(self.job.valid & ~have):
            offer = self.job.payload
            m.d.sync += [job.eq(offer), have.eq(1), start.eq(1), row_k.eq(offer.address), y_k.eq(offer.y)]
            m.d.sync += [v.eq(offer.x) for v in (x_n, x_tap, x_k)]
            m.d.sync += [counter.eq(0) for counter in (n, ky, kx, j)]
        return m


class StepWalker(Component):
    """Issues the steps of one tile after the other.

    Members
    -------
    job:
        Commands, in order.
    begun:
        Pulses once per n-tile whose parameters will be there in time; its first tile starts only then.
    valid, step:
        In a cycle with ``valid`` the feeder reads ``step``. Within a tile of another flow than ACROSS there is no
        gap, because samples that move down do not wait.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "job": In(stream.Signature(WalkJob(config))),
                "begun": In(1),
                "valid": Out(1),
                "step": Out(Step(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.tiles = tiles = TileWalker(config)
        connect(m, flipped(self.job), tiles.job)
        tile, step = tiles.tile.payload, self.step

        ready_n = Signal(range(PARAMETER_RING + 2))  # n-tiles whose parameters are ready, and not started
        begin_n, active, take, end = Signal(), Signal(), Signal(), Signal()
        more = Signal()  # a step is left in this tile
        wait = Signal(range(config.lane_groups))  # cycles until the lanes can take another vector
        age = Signal(range(minimum_tile_cycles(config)))  # cycles this tile must still last
        # What the steps need of the job is copied: the tile walker may already hold the next one.
        job = Signal(WalkJob(config))
        x_first, y = Signal(signed(24)), Signal(signed(18))
        left_x, left_y = Signal(16), Signal(16)
        last_x, last_y = Signal(), Signal()
        m.d.sync += ready_n.eq(ready_n + self.begun - begin_n)
        m.d.comb += [
            last_x.eq(left_x == 0),
            last_y.eq(left_y == 0),
            self.valid.eq(active & more & (wait == 0)),
            end.eq(active & (age == 0) & self._all_issued(m, more, wait, last_x & last_y)),
            tiles.tile.ready.eq((~active | end) & (~tile.first | (ready_n != 0))),
            take.eq(tiles.tile.valid & tiles.tile.ready),
            begin_n.eq(take & tile.first),
            step.inside.eq((y >= 0) & (y < job.image_rows)),
            step.b_inside.eq((y >= -1) & (y < (job.image_rows - 1))),
        ]
        for name in ("flow", "b_step", "along", "row_bytes", "zero_point", "maximum"):
            m.d.comb += getattr(step, name).eq(getattr(job, name))
        m.d.comb += step.weight_base.eq(job.weight_address)
        with m.If(age != 0):
            m.d.sync += age.eq(age - 1)
        with m.If(end):
            m.d.sync += active.eq(0)
        with m.If(self.valid):
            m.d.sync += [step.swap.eq(0), step.rebase.eq(0), step.row_start.eq(last_x)]
            with m.If(~last_x):
                m.d.sync += [step.x.eq(step.x + job.step_x), left_x.eq(left_x - 1)]
            with m.Else():
                m.d.sync += [
                    step.x.eq(x_first), left_x.eq(job.steps - 1),
                    step.row.eq(step.row + job.row_step), y.eq(y + job.step_y),
                    left_y.eq(left_y - 1), more.eq(~last_y),
                ]  # fmt: skip
        with m.If(take):
            now = tiles.now
            m.d.sync += [
                job.eq(now), active.eq(1), more.eq(1), wait.eq(0), age.eq(minimum_tile_cycles(config) - 1),
                step.row.eq(tile.row), step.x.eq(tile.x), x_first.eq(tile.x), y.eq(tile.y),
                left_x.eq(now.steps - 1), left_y.eq(now.rows - 1),
                step.swap.eq(1), step.rebase.eq(tile.start), step.row_start.eq(1),
                step.first.eq(tile.first), step.last.eq(tile.last),
            ]  # fmt: skip
        self._outputs(m, job, tiles.now, take, last_x)
        return m

    def _all_issued(self, m: Module, more: Signal, wait: Signal, final):
        """This cycle issues the tile's last step, or an earlier one did.

        With fewer lanes than columns the last tile of the sums is paced: one step every ``lane_groups`` cycles, and
        as long again after its last one.
        """
        groups, last = self.config.lane_groups, self.step.last
        if groups == 1:
            return ~more | (self.valid & final)
        with m.If(self.valid & last):
            m.d.sync += wait.eq(groups - 1)
        with m.Elif(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        return (~more & (~last | (wait <= 1))) | (self.valid & final & ~last)

    def _outputs(self, m: Module, job, now, take: Signal, last_x):
        """Which steps make outputs: none of a warm-up row; in each other row the first after ``skip``, then every
        ``stride``-th, until there are enough."""
        step = self.step
        warm = self.step.warm_up
        until = Signal(8)  # steps until the next output
        left = Signal(16)  # outputs still to come in this row
        fresh = Signal()
        m.d.comb += [step.emit.eq(~warm & (until == 0) & (left != 0)), step.start.eq(step.emit & fresh)]
        with m.If(self.valid):
            m.d.sync += until.eq(until - 1)
            with m.If(until == 0):
                m.d.sync += until.eq(job.stride - 1)
            with m.If(step.emit):
                m.d.sync += [fresh.eq(0), left.eq(left - 1)]
            with m.If(last_x):
                m.d.sync += [until.eq(job.skip), left.eq(job.outputs), warm.eq(0)]
        with m.If(take):
            m.d.sync += [until.eq(now.skip), left.eq(now.outputs), warm.eq(now.warm_up), fresh.eq(1)]
