# SPDX-License-Identifier: Apache-2.0
"""From the lanes to int8: zero point and clamp, and where a convolution's results go.

::

  lanes ─► + zero point ─► clamp ─► rotate to the address ─► activation memory (both banks)
  writer: address ──────────────────┘                          (bytes of absent columns not written)
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.timing.conv import WRITER_QUEUE, clamp_latency
from ..delay import delay, delays
from ..memory.activations import ScatterWrite
from .jobs import Widths, WriteJob, address_bits
from .output_range import OutputRange

__all__ = ["Clamp", "Writer"]


class Clamp(Component):
    """``q = min(max(y + zero_point, low), high)`` for every lane, :func:`celosia.arch.timing.conv.clamp_latency` cycles
    later."""

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "y": In(data.ArrayLayout(signed(32), config.lanes)),
                "range": In(OutputRange),
                "q": Out(data.ArrayLayout(signed(8), config.lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # Results of convolutions and of the element-wise engine may alternate.
        changes = int(self.config.overlap or self.config.elementwise)
        way = clamp_latency(self.config) - 3  # the clamp itself takes three cycles
        given = delay(m, self.range, way, "range", reset_less=True)
        low1, low2 = delays(m, given.low, 2 * changes, "low")[-2:] * (2 - changes)
        high1, high2 = delays(m, given.high, 2 * changes, "high")[-2:] * (2 - changes)
        for i in range(self.config.lanes):
            y = self.y[i]
            # So far from zero that the zero point does not matter; else ten bits are all there is.
            near = delay(m, y[:10], way, f"near_{i}", reset_less=True)
            far = delay(m, Cat(y[-1] & ~y[9:].all(), ~y[-1] & y[9:].any()), way, f"far_{i}")
            below, above = Signal(name=f"below_{i}"), Signal(name=f"above_{i}")
            moved = Signal(signed(11), name=f"moved_{i}", reset_less=True)
            m.d.sync += [below.eq(far[0]), above.eq(far[1]), moved.eq(near.as_signed() + given.zero_point)]
            # Signs of differences: a comparison is mapped to two carry chains, one after the other.
            small, large = Signal(name=f"small_{i}"), Signal(name=f"large_{i}")
            kept = Signal(signed(8), name=f"kept_{i}", reset_less=True)
            m.d.sync += [
                small.eq(below | (~above & (moved - low1)[-1])),
                large.eq(above | (high1 - moved)[-1]),
                kept.eq(moved),
            ]
            q = Signal(signed(8), name=f"q_{i}", reset_less=True)
            m.d.sync += q.eq(Mux(small, low2, Mux(large, high2, kept)))
            m.d.comb += self.q[i].eq(q)
        return m


_QUEUED = data.StructLayout({"job": WriteJob, "one_x": 1, "one_y": 1, "one_n": 1})
"""A job in the writer's queue, and which of its loops have one round only."""


class Writer(Component):
    """Gives every complete vector of a convolution its address.

    Vectors come in the order of the command's loops (n, oy, ox, lane group), so a queue of jobs and a few counters
    are all it needs.

    Members
    -------
    job:
        Commands, in order; taken while the queue has room.
    valid:
        A convolution's results are on the lanes' output in this cycle; ``range`` is for them.
    q:
        The same results, clamped, :func:`celosia.arch.timing.conv.clamp_latency` cycles later.
    write_soon, write:
        To the activation memory; ``write_soon`` is high in the cycle before one with ``write.valid``.
    plane_ends:
        Pulses for the last results of an n-tile: with ``valid``, or without ``config.overlap`` when they are
        clamped.
    finished:
        Pulses with the last write of a command.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "job": In(stream.Signature(WriteJob)),
                "valid": In(1),
                "range": Out(OutputRange),
                "q": In(data.ArrayLayout(signed(8), config.lanes)),
                "write_soon": Out(1),
                "write": Out(ScatterWrite(config)),
                "plane_ends": Out(1),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        now, have, take = Signal(_QUEUED), Signal(), Signal()
        coming, comes = self._queue(m, now, have, take)
        # Where the range stays for a whole command the walk may wait for the clamp, and its places need not.
        wait = 0 if self.config.overlap else clamp_latency(self.config)
        valid, rest = delay(m, self.valid, wait, "walked"), clamp_latency(self.config) - wait
        place = self._walk(m, now, valid, take, coming, comes)
        m.d.comb += self.range.eq(now.job.range)
        m.submodules.scatter = scatter = Scatter(self.config)
        m.d.comb += [
            scatter.place.eq(delay(m, place, rest, "place", reset_less=True)),
            scatter.place.valid.eq(delay(m, valid, rest, "placed")),
            scatter.q.eq(self.q),
            self.write_soon.eq(scatter.write_soon),
            self.write.eq(scatter.write),
            self.finished.eq(delay(m, take, rest + Scatter.latency, "final")),
        ]
        return m

    def _queue(self, m: Module, job: data.View, have: Signal, take: Signal) -> tuple[data.View, Signal]:
        """``job`` is the oldest command with vectors to come; ``take`` is its last vector.

        Returns what ``job`` becomes at the end of a cycle in which the second value is high.
        """
        entry, coming, widths = Signal(_QUEUED), Signal(_QUEUED), Widths(self.config)
        m.d.comb += [
            entry.job.eq(self.job.payload),
            entry.one_x.eq(self.job.payload.width[: widths.outputs] == 1),
            entry.one_y.eq(self.job.payload.height[: widths.outputs] == 1),
            entry.one_n.eq(self.job.payload.n_tiles[: widths.n] == 1),
        ]
        if not self.config.overlap:
            m.d.comb += [job.eq(entry), self.job.ready.eq(1)]
            return entry, self.job.valid
        m.submodules.queue = queue = SyncFIFO(width=_QUEUED.size, depth=WRITER_QUEUE)
        m.d.comb += [
            coming.eq(queue.r_data),
            queue.w_data.eq(entry),
            queue.w_en.eq(self.job.valid),
            self.job.ready.eq(queue.w_rdy),
            queue.r_en.eq(take | ~have),
        ]
        with m.If(queue.r_en):
            m.d.sync += [job.eq(coming), have.eq(queue.r_rdy)]
        return coming, queue.r_en

    def _walk(
        self, m: Module, now: data.View, valid: Signal, take: Signal, coming: data.View, comes: Signal
    ) -> data.View:
        """Counters, and the place of the vector that is ``valid``.

        Counters say how many rounds of a loop are left, this one included; whether it is the last is in registers.
        """
        config, job = self.config, now.job
        bits = address_bits(config)
        group, last_group = Signal(range(config.lane_groups)), Signal(init=config.lane_groups == 1)
        widths = Widths(config)
        x, y, n = Signal(widths.outputs), Signal(widths.outputs), Signal(widths.n)
        here, row, plane = Signal(bits, name="here"), Signal(bits), Signal(bits)
        last_x, last_y, last_n = (Signal(name=f"last_{v}") for v in ("x", "y", "n"))
        per_plane = Mux(job.pairs, config.down_channels, config.columns)
        below, beside = Signal(bits), Signal(bits)
        m.d.comb += [
            self.plane_ends.eq(valid & last_group & last_x & last_y),
            take.eq(self.plane_ends & last_n),
            below.eq(row + job.row_pitch),
            beside.eq(plane + per_plane),
        ]
        if config.lane_groups > 1:
            with m.If(valid):
                m.d.sync += [
                    group.eq(Mux(last_group, 0, group + 1)),
                    last_group.eq(group == config.lane_groups - 2),
                ]
        with m.If(valid & last_group):
            m.d.sync += [x.eq(x - 1), last_x.eq(x == 2), here.eq(here + job.pixel_pitch)]
            with m.If(last_x):
                m.d.sync += [x.eq(job.width), last_x.eq(now.one_x), row.eq(below), here.eq(below)]
                m.d.sync += [y.eq(y - 1), last_y.eq(y == 2)]
                with m.If(last_y):
                    m.d.sync += [y.eq(job.height), last_y.eq(now.one_y), n.eq(n - 1), last_n.eq(n == 2)]
                    m.d.sync += [signal.eq(beside) for signal in (here, row, plane)]
        with m.If(comes):
            m.d.sync += [x.eq(coming.job.width), y.eq(coming.job.height), n.eq(coming.job.n_tiles)]
            m.d.sync += [last_x.eq(coming.one_x), last_y.eq(coming.one_y), last_n.eq(coming.one_n)]
            m.d.sync += [signal.eq(coming.job.address) for signal in (here, row, plane)]
        place = Signal(Place(config))
        first_column = group * config.lanes
        columns = Mux(last_n, job.last_columns[: config.columns.bit_length()], per_plane) - first_column
        apart = Mux(job.along, job.pixel_pitch >> 1, job.row_pitch >> 1)
        m.d.comb += [
            place.pairs.eq(job.pairs),
            place.address.eq(here + first_column),
            place.strobe.eq(Cat(columns > i for i in range(config.lanes))),
            place.second_address.eq(here + apart),
            place.second.eq(Mux(last_y, job.last_both, job.both)),
        ]
        return place


class Place(data.StructLayout):
    """Where the lanes' bytes go.

    ``strobe`` has a bit per byte from ``address`` on. With ``pairs`` it has one per channel, whose even column's byte
    goes there; the odd column's goes to ``second_address`` if ``second``.
    """

    def __init__(self, config: Config):
        bits = address_bits(config)
        super().__init__(
            {
                "valid": 1,
                "pairs": 1,
                "address": bits,
                "strobe": config.lanes,
                "second_address": bits,
                "second": 1,
            }
        )


class Scatter(Component):
    """Turns the lanes' bytes to where they go in the two banks, :attr:`latency` cycles later.

    ``write_soon`` is high in the cycle before one with ``write.valid``.
    """

    latency = 2

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "place": In(Place(config)),
                "q": In(data.ArrayLayout(signed(8), config.lanes)),
                "write_soon": Out(1),
                "write": Out(ScatterWrite(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        run = self._run(m)
        pairs = delay(m, self.place.pairs, 1, "pairs")
        chosen = Signal(ScatterWrite(self.config))
        m.d.comb += chosen.eq(run)
        if self.config.down_channels:
            blocks = self._blocks(m)
            with m.If(pairs):
                m.d.comb += chosen.eq(blocks)
        # Without an element-wise engine nobody is waiting for his turn: writes may come a cycle sooner.
        late = int(self.config.overlap or self.config.elementwise)
        *_, soon, valid = delays(m, self.place.valid, self.latency - 1 + late, "valid")
        m.d.comb += [
            self.write_soon.eq(soon),
            self.write.eq(delay(m, chosen, late, "written", reset_less=True)),
            self.write.valid.eq(valid),
        ]
        return m

    def _run(self, m: Module) -> data.View:
        """All bytes in one run from any address on: a rotation, half of it in this cycle, half in the next.

        Data turn within a word and stand in both banks; the strobes, which turn within a line, choose.
        """
        config, address = self.config, self.place.address
        word_bytes = config.activation_word_bytes
        offset_bits = (word_bytes - 1).bit_length()
        word = address[offset_bits:]
        low_bits = offset_bits // 2
        low, high = address[:low_bits], address[low_bits : offset_bits + 1]
        turned, kept = Signal(8 * word_bytes, reset_less=True), Signal(config.line_bytes, reset_less=True)
        high1 = delay(m, high, 1, "high", reset_less=True)
        write = Signal(ScatterWrite(config), name="run")
        turned_low = _rotate_left(m, self.q.as_value(), 8 * word_bytes, low, 8, "turn_low")
        kept_low = _rotate_left(m, self.place.strobe, config.line_bytes, low, 1, "keep_low")
        turned_high = _rotate_left(m, turned, 8 * word_bytes, high1[:-1], 8 << low_bits, "turn_high")
        m.d.sync += [turned.eq(turned_low), kept.eq(kept_low)]
        m.d.comb += [
            write.even_line.eq(delay(m, (word + 1) >> 1, 1, "even", reset_less=True)),
            write.odd_line.eq(delay(m, word >> 1, 1, "odd", reset_less=True)),
            write.data.eq(turned_high.replicate(2)),
            write.strobe.eq(_rotate_left(m, kept, config.line_bytes, high1, 1 << low_bits, "keep_high")),
        ]
        return write

    def _blocks(self, m: Module) -> data.View:
        """Two blocks of D bytes, of the even and of the odd columns, in words of different parity."""
        config, place = self.config, self.place
        channels, word_bytes = config.down_channels, config.activation_word_bytes
        block_bits = (channels - 1).bit_length()
        offset_bits = (word_bytes - 1).bit_length()
        sides = []
        for i, (address, used) in enumerate(((place.address, 1), (place.second_address, place.second))):
            block = Cat(self.q[2 * c + i] for c in range(channels))
            at = address[block_bits:offset_bits] if block_bits < offset_bits else 0
            strobe = Mux(used, place.strobe[:channels], 0) << (at * channels)
            sides.append((block, strobe[:word_bytes], address[offset_bits + 1 :]))
        first_odd = place.address[offset_bits]
        write = Signal(ScatterWrite(config), name="blocks", reset_less=True)
        for half, choose in ((0, first_odd), (1, ~first_odd)):
            block = Mux(choose, sides[1][0], sides[0][0])
            strobe = Mux(choose, sides[1][1], sides[0][1])
            line = Mux(choose, sides[1][2], sides[0][2])
            m.d.sync += [
                write.data[8 * half * word_bytes : 8 * (half + 1) * word_bytes].eq(
                    block.replicate(word_bytes // channels)
                ),
                write.strobe[half * word_bytes : (half + 1) * word_bytes].eq(strobe),
                (write.odd_line if half else write.even_line).eq(line),
            ]
        return write


def _rotate_left(m: Module, value, width: int, amount, unit: int, name: str):
    """``value``, zero-extended to ``width`` bits, rotated left by ``amount`` times ``unit`` bits."""
    stage = Signal(width, name=name)
    m.d.comb += stage.eq(value)
    for i in range(len(amount)):
        distance = (unit << i) % width
        rotated = Signal(width, name=f"{name}_{i}")
        m.d.comb += rotated.eq(Mux(amount[i], Cat(stage[width - distance :], stage[: width - distance]), stage))
        stage = rotated
    return stage
