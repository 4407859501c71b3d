# SPDX-License-Identifier: Apache-2.0
"""A queue in distributed memory, without flow control: its users count the room."""

from amaranth.hdl import Module, Signal
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

__all__ = ["Queue"]


class Queue(Component):
    """First in, first out.

    Parameters
    ----------
    shape:
        Of an entry.
    depth:
        Entries, a power of two. FPGAs have distributed memories of 16 entries.

    Members
    -------
    push, i:
        Add an entry; only while there are fewer than ``depth``.
    pop, o:
        ``o`` is the oldest entry, if there is one; remove it.
    some:
        There is one.
    """

    push: Signal
    pop: Signal
    some: Signal

    def __init__(self, shape, depth: int):
        if depth < 2 or depth & (depth - 1):
            raise ValueError(f"depth must be a power of two from 2, not {depth!r}")
        self.shape, self.depth = shape, depth
        super().__init__({"push": In(1), "i": In(shape), "pop": In(1), "o": Out(shape), "some": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=self.shape, depth=self.depth, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        head, tail, after = Signal(range(self.depth)), Signal(range(self.depth)), Signal(range(self.depth), init=1)
        m.d.comb += [
            write.addr.eq(tail),
            write.en.eq(self.push),
            write.data.eq(self.i),
            read.addr.eq(head),
            self.o.eq(read.data),
        ]
        with m.If(self.push):
            m.d.sync += tail.eq(tail + 1)
        with m.If(self.pop):
            m.d.sync += [head.eq(after), after.eq(after + 1)]
        level = Signal(range(self.depth + 1))
        with m.If(self.push & ~self.pop):
            m.d.sync += [level.eq(level + 1), self.some.eq(1)]
        with m.Elif(self.pop & ~self.push):
            m.d.sync += [level.eq(level - 1), self.some.eq(level != 1)]
        return m
