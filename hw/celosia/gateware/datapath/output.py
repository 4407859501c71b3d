# SPDX-License-Identifier: Apache-2.0
"""From the lanes to int8: zero point and clamp, and where a convolution's results go.

::

  lanes ─► + zero point ─► clamp ─► rotate to the address ─► activation memory (both banks)
  writer: address ──────────────────┘                          (bytes of absent columns not written)
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.isa import Conv
from ...arch.timing.conv import WRITER_QUEUE
from ..delay import delay
from ..memory.activations import ScatterWrite

__all__ = ["Clamp", "OutputRange", "Writer"]

class OutputRange(data.Struct):
    """How a 32-bit result becomes int8."""

    zero_point: signed(8)
    low: signed(8)
    high: signed(8)


class Clamp(Component):
    """``q = min(max(y + zero_point, low), high)`` for every lane, :attr:`latency` cycles later."""

    latency = 2

    def __init__(self, config: Config):
        self.lanes = config.lanes
        super().__init__(
            {
                "y": In(data.ArrayLayout(signed(32), config.lanes)),
                "range": In(OutputRange),
                "q": Out(data.ArrayLayout(signed(8), config.lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        low = delay(m, self.range.low, 1, "low")
        high = delay(m, self.range.high, 1, "high")
        for i in range(self.lanes):
            moved = Signal(signed(33), name=f"moved_{i}")
            m.d.sync += moved.eq(self.y[i] + self.range.zero_point)
            m.d.sync += self.q[i].eq(Mux(moved < low, low, Mux(moved > high, high, moved[:8].as_signed())))
        return m


class _Job(data.Struct):
    """What the writer keeps of a CONV command."""

    address: unsigned(24)
    row_pitch: unsigned(24)
    pixel_pitch: unsigned(16)
    width: unsigned(16)
    height: unsigned(16)
    n_tiles: unsigned(16)
    last_columns: unsigned(8)
    range: OutputRange


class Writer(Component):
    """Gives every complete vector of a convolution its address.

    Vectors come in the order of the command's loops (n, oy, ox, lane group), so a queue of commands and three
    counters are all it needs.

    Members
    -------
    command:
        CONV commands, in order; taken while the queue has room.
    valid:
        A convolution's results are on the lanes' output in this cycle; ``range`` is for them.
    q:
        The same results, clamped, :attr:`Clamp.latency` cycles later.
    write:
        To the activation memory.
    finished:
        Pulses with the last write of a command.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "command": In(stream.Signature(Conv)),
                "valid": In(1),
                "range": Out(OutputRange),
                "q": In(data.ArrayLayout(signed(8), config.lanes)),
                "write": Out(ScatterWrite(config)),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        job, have, take = Signal(_Job), Signal(), Signal()
        self._queue(m, job, have, take)
        address, columns, final = self._walk(m, job, take)
        m.d.comb += self.range.eq(job.range)
        lanes = self.config.lanes
        strobe = Cat(self.valid & (columns > i) for i in range(lanes))
        self._scatter(m, delay(m, address, Clamp.latency, "address"), delay(m, strobe, Clamp.latency, "strobe"))
        m.d.comb += self.finished.eq(delay(m, self.valid & final, Clamp.latency + 2, "final"))
        return m

    def _queue(self, m: Module, job: Signal, have: Signal, take: Signal):
        """``job`` is the oldest command with vectors to come; ``take`` is its last vector."""
        m.submodules.queue = queue = SyncFIFO(width=_Job.as_shape().size, depth=WRITER_QUEUE)
        command, offered = self.command.payload, Signal(_Job)
        m.d.comb += [
            offered.address.eq(command.output_address),
            offered.row_pitch.eq(command.output_row_pitch),
            offered.pixel_pitch.eq(command.output_pixel_pitch),
            offered.width.eq(command.output_w),
            offered.height.eq(command.output_h),
            offered.n_tiles.eq(command.n_tiles),
            offered.last_columns.eq(command.last_columns),
            offered.range.zero_point.eq(command.output_zero_point),
            offered.range.low.eq(command.activation_min),
            offered.range.high.eq(command.activation_max),
            queue.w_data.eq(offered),
            queue.w_en.eq(self.command.valid),
            self.command.ready.eq(queue.w_rdy),
            queue.r_en.eq(take | ~have),
        ]
        with m.If(queue.r_en):
            m.d.sync += [job.eq(queue.r_data), have.eq(queue.r_rdy)]

    def _walk(self, m: Module, job: Signal, take: Signal):
        """Counters and address of the vector on the lanes' output."""
        config = self.config
        bits = (config.activation_bytes - 1).bit_length()
        fresh = Signal(init=1)  # the first vector of a job: addresses still come from the job
        group, x, y, n = Signal(range(config.lane_groups)), Signal(16), Signal(16), Signal(16)
        pixel, row, plane = Signal(bits), Signal(bits), Signal(bits)
        here, here_row, here_plane = Signal(bits), Signal(bits), Signal(bits)
        last_group, last_x, last_y, last_n = (Signal(name=f"last_{v}") for v in ("group", "x", "y", "n"))
        m.d.comb += [
            here.eq(Mux(fresh, job.address, pixel)),
            here_row.eq(Mux(fresh, job.address, row)),
            here_plane.eq(Mux(fresh, job.address, plane)),
            last_group.eq(group == config.lane_groups - 1),
            last_x.eq(x == job.width - 1),
            last_y.eq(y == job.height - 1),
            last_n.eq(n == job.n_tiles - 1),
            take.eq(self.valid & last_group & last_x & last_y & last_n),
        ]
        with m.If(self.valid):
            m.d.sync += [fresh.eq(0), row.eq(here_row), plane.eq(here_plane), pixel.eq(here)]
            m.d.sync += group.eq(Mux(last_group, 0, group + 1))
            with m.If(last_group):
                m.d.sync += [x.eq(x + 1), pixel.eq(here + job.pixel_pitch)]
                with m.If(last_x):
                    below = Signal(bits)
                    m.d.comb += below.eq(here_row + job.row_pitch)
                    m.d.sync += [x.eq(0), y.eq(y + 1), row.eq(below), pixel.eq(below)]
                    with m.If(last_y):
                        beside = Signal(bits)
                        m.d.comb += beside.eq(here_plane + config.columns)
                        m.d.sync += [y.eq(0), n.eq(n + 1), plane.eq(beside), row.eq(beside), pixel.eq(beside)]
                        with m.If(last_n):
                            m.d.sync += [n.eq(0), fresh.eq(1)]
        first_column = group * config.lanes
        columns = Mux(last_n, job.last_columns, config.columns) - first_column
        return (here + first_column)[:bits], columns, take

    def _scatter(self, m: Module, address, strobe):
        """Puts the bytes of ``q`` where ``address`` says, in two cycles."""
        config = self.config
        word_bytes = config.activation_word_bytes
        offset_bits = (word_bytes - 1).bit_length()
        word = address[offset_bits:]
        # Data turn within a word and stand in both banks; the strobes, which turn within a line, choose.
        low_bits = offset_bits // 2
        low, high = address[:low_bits], address[low_bits : offset_bits + 1]
        turned, kept = Signal(8 * word_bytes), Signal(config.line_bytes)
        even, odd = Signal.like(self.write.even_line), Signal.like(self.write.odd_line)
        high1 = Signal.like(high)
        m.d.sync += [
            turned.eq(_rotate_left(m, self.q.as_value(), 8 * word_bytes, low, 8, "turn_low")),
            kept.eq(_rotate_left(m, strobe, config.line_bytes, low, 1, "keep_low")),
            high1.eq(high),
            even.eq((word + 1) >> 1),
            odd.eq(word >> 1),
            self.write.even_line.eq(even),
            self.write.odd_line.eq(odd),
            self.write.data.eq(
                _rotate_left(m, turned, 8 * word_bytes, high1[:-1], 8 << low_bits, "turn_high").replicate(2)
            ),
            self.write.strobe.eq(
                _rotate_left(m, kept, config.line_bytes, high1, 1 << low_bits, "keep_high")
            ),
        ]


def _rotate_left(m: Module, value, width: int, amount, unit: int, name: str):
    """``value``, zero-extended to ``width`` bits, rotated left by ``amount`` times ``unit`` bits."""
    stage = Signal(width, name=name)
    m.d.comb += stage.eq(value)
    for i in range(len(amount)):
        distance = (unit << i) % width
        rotated = Signal(width, name=f"{name}_{i}")
        m.d.comb += rotated.eq(
            Mux(amount[i], Cat(stage[width - distance :], stage[: width - distance]), stage)
        )
        stage = rotated
    return stage
