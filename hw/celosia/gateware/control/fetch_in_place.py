# SPDX-License-Identifier: Apache-2.0
"""Reads commands from the program memory one at a time, without a second copy of any bit."""

from amaranth.hdl import Cat, Const, Module, Shape, Signal, Value

from ...arch.config import Config
from ...arch.isa import COMMAND_BITS, COUNTS, Header, Opcode, fields_of, layout_of, opcodes
from .fetch import Fetch
from .program_memory import COMMAND_WORDS, FETCH_BITS, FETCH_LATENCY

__all__ = ["FetchInPlace"]


def _good(config: Config, word: Value, index: int, opcode: Opcode) -> Value:
    """Whether word ``index`` of a command may be one of a command ``opcode``: nothing else decides, because no loop
    count reaches over two words."""
    if opcode not in opcodes(config):
        return Const(0, 1)
    bad: list[Value] = []
    if index == 0:
        header = Header(word[: Shape.cast(Header).width])
        bad += [header.opcode.as_value() != opcode.value, header.flags.any()]
    for name, (offset, width, _) in fields_of(layout_of(opcode)).items():
        first, stop = max(0, offset - index * FETCH_BITS), min(FETCH_BITS, offset + width - index * FETCH_BITS)
        if first >= stop:
            continue
        if name.startswith("reserved"):
            bad.append(word[first:stop].any())
        elif name in COUNTS.get(opcode, ()):
            assert stop - first == width, f"{opcode.name}.{name} is in two words"
            bad.append(~word[first:stop].any())
    return ~Cat(bad).any()


class FetchInPlace(Fetch):
    """The program, command by command; the next is not read before the one in ``o`` is taken.

    ::

        address ─► program memory ─┬─► eight words, each written in its turn ─► o
                   (3 cycles)      └─► test ─► kind (what it can still be)

    A command is in ``o`` COMMAND_WORDS + 4 = 12 cycles after the one before was taken.
    """

    def elaborate(self, platform):
        m = Module()
        commands = self.config.program_commands
        pc = Signal(range(commands + 1))
        asked, came = Signal(range(COMMAND_WORDS + 1)), Signal(range(COMMAND_WORDS + 1))
        asking, overrun = Signal(), Signal()
        arrives = Signal(FETCH_LATENCY)
        words, kind = Signal(COMMAND_BITS), Signal(len(Opcode))

        m.d.comb += [
            overrun.eq(pc == commands),
            asking.eq(self.run & ~asked[-1] & ~overrun),
            self.read.eq(asking),
            self.busy.eq(asking),
            self.address.eq(Cat(asked[:-1], pc)),
            self.o.valid.eq(came[-1] | overrun),
            self.o.payload.command.as_value().eq(words),
            self.o.payload.kind.eq(kind),
            self.o.payload.index.eq(pc),
            self.o.payload.overrun.eq(overrun),
        ]
        m.d.sync += arrives.eq(Cat(asking, arrives))
        with m.If(asking):
            m.d.sync += asked.eq(asked + 1)
        with m.If(arrives[-1]):
            m.d.sync += came.eq(came + 1)
            with m.Switch(came[:-1]):
                for index in range(COMMAND_WORDS):
                    with m.Case(index):
                        m.d.sync += words.word_select(index, FETCH_BITS).eq(self.word)
                        good = Cat(_good(self.config, self.word, index, opcode) for opcode in Opcode)
                        m.d.sync += kind.eq(good if index == 0 else kind & good)
        with m.If(self.o.valid & self.o.ready & ~overrun):
            m.d.sync += [pc.eq(pc + 1), asked.eq(0), came.eq(0)]
        with m.If(~self.run):
            m.d.sync += [asked.eq(0), came.eq(0), pc.eq(self.start)]
        return m
