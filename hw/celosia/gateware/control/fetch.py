# SPDX-License-Identifier: Apache-2.0
"""Reads commands from the program memory, one ahead, and tells which of them are illegal."""

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.isa import COMMAND_BITS, COUNTS, Command, Header, Opcode, fields_of, layout_of, opcodes
from .program_memory import COMMAND_WORDS, FETCH_BITS, FETCH_LATENCY

__all__ = ["Fetch", "Fetched"]

_PART = 32
"""Bits of a command whose being zero is found out as they arrive."""


class Fetched(data.Struct):
    """A command as it leaves :class:`Fetch`.

    ``kind`` has a bit for each Opcode, in its order: the command's own is set, and none if
    :func:`celosia.arch.isa.decode` would reject it, or if this core does not know it
    (:func:`celosia.arch.isa.opcodes`). ``index`` is its place in the program; ``overrun`` says that there is none,
    because the program memory ended before.
    """

    command: Command
    kind: unsigned(len(Opcode))
    index: unsigned(16)
    overrun: unsigned(1)


def _any(command: Value, nonzero: Value, offset: int, width: int) -> Value:
    """Whether any of ``width`` bits of the command from ``offset`` on is set."""
    parts, position = [], offset
    while position < offset + width:
        stop = min(offset + width, position - position % _PART + _PART)
        whole = stop - position == _PART
        parts.append(nonzero[position // _PART] if whole else command[position:stop].any())
        position = stop
    return Cat(parts).any()


def _kind(config: Config, command: Value, nonzero: Value) -> Value:
    """:attr:`Fetched.kind` of a command; ``nonzero`` has a bit for each 32 bits of it."""
    header = Header(command[: Shape.cast(Header).width])
    kinds = []
    for opcode in Opcode:
        if opcode not in opcodes(config):
            kinds.append(Const(0, 1))
            continue
        bad: list[Value] = [header.flags.any()]
        for name, (offset, width, _) in fields_of(layout_of(opcode)).items():
            if name.startswith("reserved"):
                bad.append(_any(command, nonzero, offset, width))
            elif name in COUNTS.get(opcode, ()):
                bad.append(~_any(command, nonzero, offset, width))
        kinds.append((header.opcode.as_value() == opcode.value) & ~Cat(bad).any())
    return Cat(kinds)


class Fetch(Component):
    """The program, command by command.

    ::

        address ─► program memory ─► shift register ─► output register ─► o
                   (3 cycles)        8 × 64 bits   │   (a whole command)
                                     + zero test ─► kind (a cycle)

    A command takes COMMAND_WORDS + 5 = 13 cycles when ``o`` takes each at once; while one waits in ``o`` the next is
    read, and follows two cycles after it was taken.

    Members
    -------
    run:
        Low for at least FETCH_LATENCY + 1 cycles forgets everything; when it rises, the program begins.
    start:
        Index of the first command, or how many there are if it is none of them; steady from a cycle before ``run``
        rises.
    read, address, word:
        The program memory's fetch port.
    run_soon:
        High in the cycle before ``run`` rises, perhaps earlier.
    busy:
        High in every cycle with ``read``, and in some others, and known early: a register where commands overlap.
    o:
        Commands. After the last command of the memory, one with ``overrun`` set.
    """

    run: Signal
    run_soon: Signal
    start: Signal
    read: Signal
    busy: Signal
    address: Signal
    word: Signal
    o: stream.Interface

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "run": In(1),
                "run_soon": In(1),
                "start": In(range(config.program_commands + 1)),
                "read": Out(1),
                "busy": Out(1),
                "address": Out(range(config.program_commands * COMMAND_WORDS)),
                "word": In(FETCH_BITS),
                "o": Out(stream.Signature(Fetched)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        commands = self.config.program_commands
        pc = Signal(range(commands + 1))
        asked, came = Signal(range(COMMAND_WORDS + 1)), Signal(range(COMMAND_WORDS + 1))
        asking, overrun, complete, judged = Signal(), Signal(), Signal(), Signal()
        kind = Signal(len(Opcode))
        words = Signal(COMMAND_BITS)
        nonzero = Signal(COMMAND_BITS // _PART)
        arrives = Signal(FETCH_LATENCY)

        m.d.sync += overrun.eq(pc == commands)  # a cycle late: a word more is read than there is, and not used
        m.d.comb += [
            asking.eq(self.run & ~asked[-1] & ~overrun),
            complete.eq(came[-1] | overrun),
            self.read.eq(asking),
            self.address.eq(Cat(asked[:-1], pc)),
        ]
        m.d.sync += arrives.eq(Cat(asking, arrives))
        m.d.sync += [kind.eq(_kind(self.config, words, nonzero)), judged.eq(complete)]
        leaves = complete & judged & ~self.o.valid
        begins = ~self.run | leaves
        m.d.sync += self.busy.eq((self.run | self.run_soon) & (~asked[-1] | begins))
        with m.If(asking):
            m.d.sync += asked.eq(asked + 1)
        with m.If(arrives[-1]):
            tests = [self.word[i : i + _PART].any() for i in range(0, FETCH_BITS, _PART)]
            m.d.sync += [
                words.eq(Cat(words, self.word)[FETCH_BITS:]),
                nonzero.eq(Cat(nonzero, *tests)[len(tests) :]),
                came.eq(came + 1),
            ]

        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(leaves):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.payload.command.as_value().eq(words),
                self.o.payload.kind.eq(kind),
                self.o.payload.index.eq(pc),
                self.o.payload.overrun.eq(overrun),
                pc.eq(Mux(overrun, pc, pc + 1)),
                asked.eq(0),
                came.eq(0),
            ]
        with m.If(~self.run):
            m.d.sync += [
                self.o.valid.eq(0),
                asked.eq(0),
                came.eq(0),
                pc.eq(self.start),
            ]
        return m
