# SPDX-License-Identifier: Apache-2.0
"""A bit of everything Amaranth can express, with its inputs read from, and its outputs written to, external memory."""

from amaranth.hdl import Array, Cat, EnableInserter, Module, Mux, ResetInserter, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from celosia.arch.registers import Register
from sim.copier import core_ports

__all__ = ["INPUTS", "OUTPUTS", "Mixture", "Recorded"]

INPUTS, OUTPUTS = 0x0000, 0x8000
"""Where :class:`Recorded` reads and writes, 8 bytes a cycle."""

_BURST = 8


class Tally(wiring.Component):
    """Registers with initial values, one of them without a reset."""

    step: In(4)
    total: Out(12, init=0x5A5)
    steps: Out(4)

    def elaborate(self, platform):
        m = Module()
        kept = Signal(4, init=9, reset_less=True)
        m.d.sync += [self.total.eq(self.total + self.step), kept.eq(kept + 1)]
        m.d.comb += self.steps.eq(kept)
        return m


class Cell(wiring.Component):
    """One of many equal blocks: a chain of sums, a weight that is taken now and then, a delay."""

    a: In(signed(8))
    take: In(1)
    turned: In(1)
    sum_i: In(signed(20))
    a_o: Out(signed(8))
    sum_o: Out(signed(20))
    high: Out(4)

    def elaborate(self, platform):
        m = Module()
        weight = Signal(signed(8))
        m.d.sync += [
            self.a_o.eq(Mux(self.turned, ~self.a, self.a)),
            self.sum_o.eq(self.sum_i + self.a_o * weight),
            self.high.eq(self.sum_o[4:8] ^ self.a[2:6]),
        ]
        with m.If(self.take):
            m.d.sync += weight.eq(self.a)
        return m


class Mixture(wiring.Component):
    """64 input bits to 64 output bits: enables, resets, signed arithmetic, case statements, a state machine,
    memories with byte enables, several ports, transparent and other reads, and initial contents, and rows of
    equal blocks."""

    i: In(64)
    o: Out(64)

    def elaborate(self, platform):
        m = Module()
        i = self.i
        parts = (self.tally(m), self.arithmetic(m), self.cases(m), self.machine(m), self.memories(m), self.cells(m))
        folded = Signal(64)
        for part in parts:
            value = Signal(64)
            m.d.comb += value.eq(part)
            folded = folded.rotate_left(13) ^ value
        m.d.comb += self.o.eq(folded ^ i[:3])
        return m

    def tally(self, m):
        tally = Tally()
        m.submodules.tally = EnableInserter(self.i[60])(ResetInserter(self.i[59] & self.i[58])(tally))
        m.d.comb += tally.step.eq(self.i[:4])
        return Cat(tally.total, tally.steps)

    def arithmetic(self, m):
        a, b, product, shifted = Signal(signed(8)), Signal(signed(8)), Signal(signed(20)), Signal(signed(20))
        m.d.comb += [a.eq(self.i[:8]), b.eq(self.i[8:16])]
        m.d.sync += [
            product.eq(product + a * b),
            shifted.eq(Mux(a < b, product >> self.i[16:20], -product)),
        ]
        return Cat(product, shifted, a // 4, b % 8)

    def cases(self, m):
        chosen, word = Signal(8), Signal(16)
        with m.Switch(self.i[20:24]):
            with m.Case("1--1"):
                m.d.sync += chosen.eq(self.i[24:32])
            with m.Case("0001", "0010"):
                m.d.sync += chosen.eq(~chosen)
            with m.Case(4):
                m.d.sync += chosen.word_select(self.i[24], 4).eq(self.i[25:29])
            with m.Default():
                m.d.sync += word.bit_select(self.i[24:28], 3).eq(self.i[28:31])
        table = Array([chosen, word[:8], word[8:], self.i[:8]])
        return Cat(chosen, word, table[self.i[30:32]])

    def cells(self, m):
        """Rows that differ at their ends and are reset together."""
        rows, columns, ends = 2, 10, []
        grid = Module()
        sums = [self.i[8 * column :][:12].as_signed() for column in range(5)] * 2
        for row in range(rows):
            a, turned = self.i[16 * row :][:8].as_signed(), self.i[62]
            for column in range(columns):
                cell = Cell()
                grid.submodules[f"cell_{row}_{column}"] = cell
                late = Signal(name=f"late_{row}_{column}")
                grid.d.sync += late.eq(turned)
                grid.d.comb += [
                    cell.a.eq(a), cell.turned.eq(late), cell.sum_i.eq(sums[column]),
                    cell.take.eq(self.i[40:44] == column),
                ]  # fmt: skip
                a, turned, sums[column] = cell.a_o, late, cell.sum_o
                ends.append(cell.high)
        m.submodules.grid = ResetInserter(self.i[44:50] == 9)(grid)
        folded = Signal(64)
        for number, part in enumerate((*sums, Cat(ends))):
            value = Signal(64, name=f"part_{number}")
            m.d.comb += value.eq(part[:64])
            folded = folded.rotate_left(11) ^ value
        return folded

    def machine(self, m):
        count, state = Signal(5), Signal(2)
        with m.FSM():
            with m.State("REST"):
                m.d.comb += state.eq(1)
                with m.If(self.i[32]):
                    m.next = "WORK"
            with m.State("WORK"):
                m.d.comb += state.eq(2)
                m.d.sync += count.eq(count + 1)
                with m.If(self.i[33] & self.i[34]):
                    m.next = "REST"
                with m.Elif(count[2]):
                    m.next = "LAST"
            with m.State("LAST"):
                m.d.sync += count.eq(0)
                m.next = "REST"
        return Cat(count, state)

    def memories(self, m):
        i = self.i
        m.submodules.bytes = memory = Memory(shape=32, depth=16, init=range(100, 108))
        even, odd = memory.write_port(granularity=8), memory.write_port(granularity=16)
        plain, seeing = memory.read_port(), memory.read_port(transparent_for=(even, odd))
        direct = memory.read_port(domain="comb")
        m.d.comb += [
            even.addr.eq(Cat(0, i[35:38])), even.data.eq(i[:32]), even.en.eq(i[38:42]),
            odd.addr.eq(Cat(1, i[42:45])), odd.data.eq(i[32:]), odd.en.eq(i[45:47]),
            plain.addr.eq(i[47:51]), plain.en.eq(i[51]),
            seeing.addr.eq(i[47:51]), seeing.en.eq(i[52]),
            direct.addr.eq(i[53:57]),
        ]  # fmt: skip
        m.submodules.rom = rom = Memory(shape=8, depth=64, init=[3, 3, 3, 3, 3, 7] + [0] * 50 + [255])
        constant = rom.read_port()
        m.d.comb += constant.addr.eq(i[53:59])
        return Cat(plain.data, seeing.data) ^ (direct.data << 9) ^ (constant.data << 50)


class Recorded(wiring.Component):
    """A :class:`Mixture` fed by one endless read and watched by one endless write, beat by beat.

    Writing any register starts it. In a cycle without read data its inputs are 0.
    """

    def __init__(self, config):
        super().__init__(core_ports(config))

    def elaborate(self, platform):
        m = Module()
        m.submodules.mixture = mixture = Mixture()
        bus, memory = self.control, self.memory
        running, asked, sent, beat = Signal(), Signal(12), Signal(12), Signal(3)
        m.d.comb += [bus.awready.eq(1), bus.wready.eq(1)]
        m.d.sync += bus.bvalid.eq(bus.awvalid)
        with m.If(bus.awvalid & (bus.awaddr == Register.CONTROL)):
            m.d.sync += running.eq(1)
        for channel, base, count in (("ar", INPUTS, asked), ("aw", OUTPUTS, sent)):
            m.d.comb += [
                getattr(memory, f"{channel}valid").eq(running & (count < 0x8000 // (8 * _BURST))),
                getattr(memory, f"{channel}addr").eq(base + count * 8 * _BURST),
                getattr(memory, f"{channel}len").eq(_BURST - 1),
                getattr(memory, f"{channel}size").eq(3),
                getattr(memory, f"{channel}burst").eq(1),
            ]
            with m.If(getattr(memory, f"{channel}valid") & getattr(memory, f"{channel}ready")):
                m.d.sync += count.eq(count + 1)
        m.d.comb += [
            memory.rready.eq(1),
            memory.bready.eq(1),
            mixture.i.eq(Mux(memory.rvalid, memory.rdata, 0)),
            memory.wvalid.eq(running & (sent != 0)),
            memory.wdata.eq(mixture.o),
            memory.wstrb.eq(0xFF),
            memory.wlast.eq(beat == _BURST - 1),
        ]
        with m.If(memory.wvalid):
            m.d.sync += beat.eq(beat + 1)
        return m
