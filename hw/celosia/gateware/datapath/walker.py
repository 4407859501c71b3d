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
from ...arch.timing.conv import minimum_tile_cycles, parameter_ring
from ..counter import count
from .array import Flow
from .jobs import WalkJob, Widths, address_bits

__all__ = ["Step", "StepWalker", "Tile"]


class Tile(data.StructLayout):
    """One weight tile's walk over the rows."""

    def __init__(self, config: Config):
        super().__init__(
            {
                "row": address_bits(config),  # address of byte 0 of the image row of the first step
                "y": signed(Widths(config).y),  # index of that row
                "x": signed(Widths(config).x),  # byte index in it of the first step
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
                "x": signed(Widths(config).x),
                "inside": 1,  # the row is in the image
                "b_step": 16,
                "along": 1,  # the second sample is in the same row, else in the next one,
                "b_inside": 1,  # which is in the image
                "row_bytes": Widths(config).size,
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

    ``tile`` transfers one tile; the next one of this command is ready two cycles later (a tile lasts longer), a command
    is taken a cycle later. Whether it is the last is known a cycle after it is ready: nobody takes it sooner. ``now``
    is the job of the tile on offer; both stay what they were for one cycle after the transfer.
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
        job, tile, widths = self.now, self.tile.payload, Widths(self.config)
        have, start, first, moving = Signal(), Signal(), Signal(), Signal()
        row_k, y_k = Signal(address_bits(self.config)), Signal(signed(widths.y))  # of this ky
        # of n; kx; kx and j
        x_n, x_tap, x_k = (Signal(signed(widths.x), name=name) for name in ("x_n", "x_tap", "x_k"))
        # What is left of each loop, this round included; and, a cycle late, whether this round is its last.
        counters = {"n": Signal(widths.n), "ky": Signal(8), "kx": Signal(8), "j": Signal(widths.chunks)}
        totals = {"n": "n_tiles", "ky": "taps_h", "kx": "taps_w", "j": "chunks"}
        last = {name: counter == 1 for name, counter in counters.items()}
        at = {name: Signal(name=f"last_{name}") for name in counters}
        n, ky, kx, j = counters.values()
        m.d.sync += [at[name].eq(last[name]) for name in counters]
        m.d.comb += [
            self.tile.valid.eq(have & ~moving),
            tile.row.eq(row_k),
            tile.y.eq(y_k),
            tile.x.eq(x_k),
            tile.first.eq(first),
            tile.last.eq(at["j"] & at["kx"] & at["ky"]),
            tile.start.eq(start),
        ]
        m.d.sync += moving.eq(0)
        with m.If(self.tile.valid & self.tile.ready):
            m.d.sync += [moving.eq(1), have.eq(~(tile.last & at["n"]))]
        # Where each loop would go on; a tile lasts long enough to have them ready.
        next_j, next_kx, next_n = (
            Signal(signed(widths.x), name=f"next_{name}", reset_less=True) for name in ("j", "kx", "n")
        )
        next_row = Signal(address_bits(self.config), reset_less=True)
        next_y = Signal(signed(widths.y), reset_less=True)
        m.d.sync += [
            next_j.eq(x_k + self.config.rows),
            next_kx.eq(x_tap + job.tap_x),
            next_n.eq(x_n + job.plane_x),
            next_row.eq(row_k + job.tap_row),
            next_y.eq(y_k + job.tap_y),
        ]
        with m.If(moving):
            m.d.sync += [start.eq(0), first.eq(at["j"] & at["kx"] & at["ky"])]
            with m.If(~at["j"]):
                m.d.sync += [j.eq(j - 1), x_k.eq(next_j)]
            with m.Else():
                m.d.sync += j.eq(job.chunks)
                with m.If(~at["kx"]):
                    m.d.sync += [kx.eq(kx - 1), x_tap.eq(next_kx), x_k.eq(next_kx)]
                with m.Else():
                    m.d.sync += [kx.eq(job.taps_w), x_tap.eq(x_n), x_k.eq(x_n)]
                    with m.If(~at["ky"]):
                        m.d.sync += [ky.eq(ky - 1), row_k.eq(next_row), y_k.eq(next_y)]
                    with m.Else():
                        m.d.sync += [ky.eq(job.taps_h), row_k.eq(job.address), y_k.eq(job.y), n.eq(n - 1)]
                        m.d.sync += [v.eq(next_n) for v in (x_n, x_tap, x_k)]
        m.d.comb += self.job.ready.eq(~have)
        if not self.config.overlap:
            m.d.comb += job.eq(self.job.payload)
        with m.If(~have):  # whether there is a job or not: so nothing but ``have`` waits to know
            offer = self.job.payload
            if self.config.overlap:
                m.d.sync += job.eq(offer)
            m.d.sync += [have.eq(self.job.valid), start.eq(1), first.eq(1), row_k.eq(offer.address)]
            m.d.sync += [y_k.eq(offer.y), moving.eq(0)]
            m.d.sync += [v.eq(offer.x) for v in (x_n, x_tap, x_k)]
            m.d.sync += [counter.eq(getattr(offer, totals[name])) for name, counter in counters.items()]
        return m


class StepWalker(Component):
    """Issues the steps of one tile after the other.

    ::

        tiles ─► counters: when a tile, a row, a step ends ─► (1 cycle) ─► addresses ─► step

    Members
    -------
    job:
        Commands, in order.
    begun:
        Pulses once per n-tile whose parameters will be there in time; its first tile starts two cycles later or more.
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
        m.submodules.tiles = tiles = TileWalker(self.config)
        connect(m, flipped(self.job), tiles.job)
        took, row_ends = self._count(m, tiles)
        self._move(m, tiles, took, row_ends)
        return m

    def _count(self, m: Module, tiles: TileWalker) -> tuple[Signal, Signal]:
        """Decides when a tile is taken and when there is a step; both, and whether the step ends its row, a cycle late.

        With fewer lanes than columns the last tile of the sums is paced: one step every ``lane_groups`` cycles, and
        as long again after its last one.
        """
        config, groups, widths = self.config, self.config.lane_groups, Widths(self.config)
        tile, now = tiles.tile.payload, tiles.now
        # N-tiles whose parameters are ready, and not started; whether there are any.
        ready_n, some_n = Signal(range(parameter_ring(config) + 2)), Signal()
        begin_n, active, may, take, end = Signal(), Signal(), Signal(), Signal(), Signal()
        more, go = Signal(), Signal()  # a step is left in this tile; there is one in this cycle
        age, aged = Signal(range(minimum_tile_cycles(config))), Signal()  # cycles this tile must still last
        steps, one_step = Signal(widths.outputs), Signal()
        # This one included; in registers, whether it is the last.
        left_x, left_y = Signal(widths.outputs), Signal(widths.outputs)
        last_x, last_y = Signal(), Signal()
        count(m, ready_n, some_n, down=begin_n, up=self.begun)
        m.d.comb += [
            take.eq(may & (~active | end)),
            tiles.tile.ready.eq(take),
            begin_n.eq(take & tile.first),
        ]
        # Whether a tile may be taken is known before: hundreds of registers wait to know whether it is.
        m.d.sync += may.eq(tiles.tile.valid & (~tile.first | some_n) & ~take)
        if groups == 1:
            m.d.comb += [go.eq(active & more), end.eq(active & aged & (~more | (last_x & last_y)))]
        else:
            wait, last = Signal(range(groups)), Signal()  # cycles until the lanes can take another vector
            issued = (~more & (~last | (wait <= 1))) | (go & last_x & last_y & ~last)
            m.d.comb += [go.eq(active & more & (wait == 0)), end.eq(active & aged & issued)]
            with m.If(go & last):
                m.d.sync += wait.eq(groups - 1)
            with m.Elif(wait != 0):
                m.d.sync += wait.eq(wait - 1)
            with m.If(take):
                m.d.sync += [wait.eq(0), last.eq(tile.last)]
        with m.If(~aged):
            m.d.sync += [age.eq(age - 1), aged.eq(age == 1)]
        with m.If(end):
            m.d.sync += active.eq(0)
        with m.If(go):
            m.d.sync += [left_x.eq(left_x - 1), last_x.eq(left_x == 2)]
            with m.If(last_x):
                m.d.sync += [left_x.eq(steps), last_x.eq(one_step), more.eq(~last_y)]
                m.d.sync += [left_y.eq(left_y - 1), last_y.eq(left_y == 2)]
        with m.If(take):
            m.d.sync += [
                active.eq(1), more.eq(1), age.eq(minimum_tile_cycles(config) - 1), aged.eq(0),
                steps.eq(now.steps), one_step.eq(now.steps == 1),
                left_x.eq(now.steps), last_x.eq(now.steps == 1),
                left_y.eq(now.rows), last_y.eq(now.rows == 1),
            ]  # fmt: skip
        took, row_ends = Signal(), Signal()
        m.d.sync += [took.eq(take), self.valid.eq(go), row_ends.eq(last_x)]
        return took, row_ends

    def _move(self, m: Module, tiles: TileWalker, took: Signal, row_ends: Signal):
        """Addresses, and what else a step says."""
        tile, now, step = tiles.tile.payload, tiles.now, self.step
        job = Signal(WalkJob(self.config))
        if not self.config.overlap:
            m.d.comb += job.eq(now)
        widths = Widths(self.config)
        x_first, y, y_below = Signal(signed(widths.x)), Signal(signed(widths.y)), Signal(signed(widths.y + 1))
        m.d.comb += [
            # Signs of differences: a comparison is mapped to two carry chains, one after the other.
            step.inside.eq(~y[-1] & (y - job.image_rows)[-1]),
            step.b_inside.eq(~y_below[-1] & (y_below - job.image_rows)[-1]),
            step.weight_base.eq(job.weight_address),
        ]
        for name in ("flow", "b_step", "along", "row_bytes", "zero_point", "maximum"):
            m.d.comb += getattr(step, name).eq(getattr(job, name))
        with m.If(self.valid):
            m.d.sync += [step.swap.eq(0), step.rebase.eq(0), step.row_start.eq(row_ends)]
            with m.If(~row_ends):
                m.d.sync += step.x.eq(step.x + job.step_x)
            with m.Else():
                m.d.sync += [
                    step.x.eq(x_first), step.row.eq(step.row + job.row_step),
                    y.eq(y + job.step_y), y_below.eq(y_below + job.step_y),
                ]  # fmt: skip
        with m.If(took):
            if self.config.overlap:  # what the steps need is copied: the tile walker may already hold the next job
                m.d.sync += job.eq(now)
            m.d.sync += [
                step.row.eq(tile.row), step.x.eq(tile.x), x_first.eq(tile.x),
                y.eq(tile.y), y_below.eq(tile.y + 1),
                step.swap.eq(1), step.rebase.eq(tile.start), step.row_start.eq(1),
                step.first.eq(tile.first), step.last.eq(tile.last),
            ]  # fmt: skip
        self._outputs(m, job, now, took, row_ends)

    def _outputs(self, m: Module, job, now, took: Signal, row_ends: Signal):
        """Which steps make outputs: none of a warm-up row; in each other row the first after ``skip``, then every
        ``stride``-th, until there are enough."""
        step = self.step
        fresh = Signal()
        if not self.config.down_channels:  # all of them
            m.d.comb += [step.emit.eq(1), step.start.eq(fresh)]
            with m.If(self.valid):
                m.d.sync += fresh.eq(0)
            with m.If(took):
                m.d.sync += fresh.eq(1)
            return
        warm = self.step.warm_up
        until, due = Signal(8), Signal()  # steps until the next output, none
        left, wanted = Signal(16), Signal()  # outputs still to come in this row, any
        m.d.comb += [step.emit.eq(~warm & due & wanted), step.start.eq(step.emit & fresh)]
        with m.If(self.valid):
            m.d.sync += [until.eq(until - 1), due.eq(until == 1)]
            with m.If(due):
                m.d.sync += [until.eq(job.stride - 1), due.eq(job.stride == 1)]
            with m.If(step.emit):
                m.d.sync += [fresh.eq(0), left.eq(left - 1), wanted.eq(left != 1)]
            with m.If(row_ends):
                m.d.sync += [until.eq(job.skip), due.eq(job.skip == 0), warm.eq(0)]
                m.d.sync += [left.eq(job.outputs), wanted.eq(1)]
        with m.If(took):
            m.d.sync += [until.eq(now.skip), due.eq(now.skip == 0), warm.eq(now.warm_up), fresh.eq(1)]
            m.d.sync += [left.eq(now.outputs), wanted.eq(1)]
