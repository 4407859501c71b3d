# SPDX-License-Identifier: Apache-2.0
"""Dispatch: any program whose commands wait only for commands before them comes to its end."""

import pytest
from amaranth.hdl import Array, Assert, Assume, Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import Component, In

from celosia.arch.config import preset
from celosia.arch.isa import COMMAND_BYTES, COUNTS, Engine, Opcode, encode
from celosia.gateware.control.program_memory import COMMAND_WORDS, FETCH_BITS, FETCH_LATENCY
from celosia.gateware.control.sequencer import ENGINE_OF, Sequencer

from .proving import check, started

CONFIG = preset("c16")
COMMANDS = 2  # before END
KINDS = [Opcode.SYNC, Opcode.LOAD, Opcode.STORE, Opcode.CONV, Opcode.ADD]
WAITS = 32  # the bit in a command at which its waits begin, 8 bits an engine
SLOW = 2  # cycles an engine may keep a command waiting, and again take to carry it out
LIMIT = 64  # cycles from start to done


class Running(Component):
    """A sequencer with a free program of :data:`COMMANDS` commands, and free engines that are not too slow.

    ::

        kinds, waits ──► program ──► Sequencer ──► engines
                                         ▲ finished ──┘

    ``kind_0``, … choose the commands; bit ``e`` of ``wait_0``, … says whether it waits for all commands of engine
    ``e`` before it. END waits for all.

    Parameters
    ----------
    ahead:
        Commands more than there are that END waits for; more than 0 makes the proof fail.
    """

    def __init__(self, *, ahead: int = 0):
        self.ahead = ahead
        choices = {f"kind_{i}": In(range(len(KINDS))) for i in range(COMMANDS)}
        choices |= {f"wait_{i}": In(len(Engine)) for i in range(COMMANDS)}
        self.choices = tuple(choices)
        super().__init__(choices | {"idle": In(len(Engine)), "finish": In(len(Engine))})

    def elaborate(self, platform):
        m = Module()
        started(m)
        m.submodules.sequencer = sequencer = Sequencer(CONFIG)
        first, age = Signal(init=1), Signal(range(LIMIT + 2))
        m.d.sync += [first.eq(0), age.eq(Mux(age > LIMIT, age, age + 1))]
        m.d.comb += sequencer.start.eq(first)
        for name in self.choices:
            choice = getattr(self, name)
            before = Signal.like(choice, name=f"{name}_before")
            m.d.sync += before.eq(choice)
            m.d.comb += Assume(first | (choice == before))
        self._memory(m, sequencer)
        for engine in Engine:
            self._engine(m, engine, getattr(sequencer, engine.name.lower()))
        m.d.sync += [
            Assert(~sequencer.error, "a legal program ends with an error"),
            Assert((age <= LIMIT) | sequencer.done, "the program does not come to its end"),
        ]
        return m

    def _memory(self, m: Module, sequencer: Sequencer):
        """The program, and the memory's latency."""
        size = COMMAND_BYTES * 8
        bodies = Array(
            Const(int.from_bytes(encode(kind, **dict.fromkeys(COUNTS.get(kind, ()), 1)), "little"), size)
            for kind in KINDS
        )
        counts: list = [Const(0, 8) for _ in Engine]
        program = []
        for number in range(COMMANDS):
            kind, waits = getattr(self, f"kind_{number}"), getattr(self, f"wait_{number}")
            m.d.comb += Assume(kind < len(KINDS))
            fields = Cat(Mux(waits[engine], counts[engine], Const(0, 8)) for engine in Engine)
            program.append((bodies[kind] | (fields << WAITS))[:size])
            for engine in Engine:
                mine = Cat(kind == i for i, k in enumerate(KINDS) if ENGINE_OF.get(k) is engine).any()
                counts[engine] = (counts[engine] + mine)[:8]
        end = int.from_bytes(encode(Opcode.END), "little")
        fields = Cat((count + self.ahead)[:8] for count in counts)
        program.append((Const(end, size) | (fields << WAITS))[:size])
        words = Signal(FETCH_BITS)
        stored = Array(command[i : i + FETCH_BITS] for command in program for i in range(0, size, FETCH_BITS))
        m.d.comb += words.eq(Mux(sequencer.address < len(program) * COMMAND_WORDS, stored[sequencer.address], 0))
        for cycle in range(FETCH_LATENCY):
            later = Signal(FETCH_BITS, name=f"word_{cycle}")
            m.d.sync += later.eq(words)
            words = later
        m.d.comb += sequencer.word.eq(words)

    def _engine(self, m: Module, engine: Engine, port):
        """Takes a command and finishes it, each after at most :data:`SLOW` cycles."""
        busy, age = Signal(name=f"busy_{engine.name}"), Signal(range(SLOW + 1), name=f"age_{engine.name}")
        due = age == SLOW
        m.d.comb += [
            port.busy.eq(busy),
            port.command.ready.eq(~busy & (self.idle[engine] | due)),
            port.finished.eq(busy & (self.finish[engine] | due)),
        ]
        taken = port.command.valid & port.command.ready
        m.d.sync += busy.eq((busy | taken) & ~port.finished)
        m.d.sync += age.eq(Mux(taken | port.finished | ~(busy | port.command.valid), 0, Mux(due, age, age + 1)))


def test_every_program_ends(tmp_path):
    check(Running(), tmp_path, depth=LIMIT + 3)


def test_the_proof_notices_a_wait_for_a_command_that_never_comes(tmp_path):
    with pytest.raises(AssertionError, match="not proved"):
        check(Running(ahead=1), tmp_path, depth=LIMIT + 3)
