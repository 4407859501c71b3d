# SPDX-License-Identifier: Apache-2.0
"""Carries out requests, each write once, and answers them."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, enum, stream
from amaranth.lib.wiring import Component, In, Out

from ...arch.link import HEADER_BYTES, INTERRUPT, Info, Operation, Status
from .buffer import LENGTH_BITS

__all__ = ["Executor"]


class _State(enum.Enum, shape=4):
    """What is done, in this order; what a request has no need of is skipped."""

    LENGTH = 0  # of the frame, from the buffer
    HEADER = 1
    JUDGE = 2  # what to do with it
    TAKE = 3  # a word to write
    WRITE = 4  # it is being written
    REST = 5  # of the frame, which includes the checksum: thrown away
    BEGIN = 6  # the answer's first bytes: session, sequence
    FETCH = 7  # a word to read
    READ = 8  # it is being read
    SEND = 9  # it goes out
    END = 10  # the answer's last bytes: next sequence, status


class Executor(Component):
    """One request after another, in the order of their arrival.

    ::

        buffer ─► address ─► header                      word ◄─► access ◄─► buses
                              │ session, sequence,        │
                              │ operation, count          │
                              ▼                           │
                       judged against the open session    │
                       and the next sequence number       │
                              │                           ▼
                              └─ session, sequence ─► answer ─► transmitter
                                 next sequence, status

    A write is carried out if its session is the open one, its sequence number the next, and no write of the session
    met a bus error; then the next number is one more. One of the 127 writes before is a repetition: answered, not
    carried out. Reads are carried out whenever they come.

    What is wide moves in bytes: the header and the address are one shift register, and the address grows by four in
    four cycles. The line leaves far more time than that.

    Parameters
    ----------
    info:
        The words of information.
    external:
        Whether there is external memory; without, requests for it are bad.

    Members
    -------
    i:
        The frame buffer's bytes: a length in words, the frame, its checksum.
    o:
        Answers, for the transmitter.
    start, write, external, address, word, done, error, read:
        Word accesses, as :class:`.access.WordAccess` has them.
    interrupt:
        The core's interrupt pin.
    """

    i: "stream.Interface"
    o: "stream.Interface"

    def __init__(self, info: dict[Info, int], *, external: bool):
        self.info, self.has_external = info, external
        layout = data.StructLayout({"byte": 8, "last": 1})
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "o": Out(stream.Signature(layout)),
                "start": Out(1),
                "write": Out(1),
                "external": Out(1),
                "address": Out(32),
                "word": Out(32),
                "done": In(1),
                "error": In(1),
                "read": In(32),
                "interrupt": In(1),
            }
        )
        # Nothing below is looked at before a frame has set it, except what has an init.
        self._state = Signal(_State)
        self._address, self._word = Signal(32, reset_less=True), Signal(32, reset_less=True)
        self._header = Signal(32, reset_less=True)
        self._session, self._sequence, self._operation, self._count = (self._header.word_select(i, 8) for i in range(4))
        self._index = Signal(range(HEADER_BYTES))  # byte of the header; its low bits, of a word
        self._rest = Signal(LENGTH_BITS, reset_less=True)  # words of the frame to come, or of the answer to send
        self._none = Signal()  # ... there are none
        self._open, self._next, self._failed = Signal(8), Signal(8), Signal()
        self._status, self._reads = Signal(Status, reset_less=True), Signal(reset_less=True)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.write.eq(self._operation[0]),
            self.external.eq(self._operation[1]),
            self.address.eq(self._address),
            self.word.eq(self._word),
        ]
        m.d.sync += [self.start.eq(0), self._none.eq(self._rest == 0)]
        self._taken, self._fetched, self._sent, self._word_sent = Signal(), Signal(), Signal(), Signal()
        self._counting = Signal()  # the address changes
        self._receive(m)
        self._judge(m)
        self._carry_out(m)
        self._answer(m)
        self._count_up(m)
        return m

    # --- taking frames ---

    def _receive(self, m: Module):
        """The states that take bytes from the buffer: at most one in four cycles."""
        state, taken, word_ends = self._state, Signal(), Signal()
        taking = [_State.LENGTH, _State.HEADER, _State.TAKE, _State.REST]
        m.d.sync += self.i.ready.eq(Cat(state == which for which in taking).any() & ~taken)
        m.d.comb += [
            taken.eq(self.i.valid & self.i.ready),
            word_ends.eq(taken & self._index[:2].all()),
        ]
        length, answer = taken & (state == _State.LENGTH), Signal()  # a count begins: of words to take, or to send
        m.d.comb += [self._taken.eq(taken), answer.eq(word_ends & self._none & (state == _State.REST))]
        with m.If(length | word_ends | self._fetched):
            counted = Mux(answer, self._count, self._rest - 1)
            m.d.sync += self._rest.eq(Mux(length, self.i.payload, counted))
        with m.If(taken | self._sent):
            again = length | (self._sent & self._index[0] & (state != _State.SEND))
            m.d.sync += self._index.eq(Mux(again, 0, self._index + 1))
        with m.If(taken & (state == _State.HEADER)):
            m.d.sync += self._header.eq(Cat(self._header[8:], self._address[:8]))
        # The state follows a cycle later than the rest: there is time, until the next byte.
        was_taken, word_ended, header_ended, answers = Signal(), Signal(), Signal(), Signal()
        m.d.sync += [
            was_taken.eq(taken),
            word_ended.eq(word_ends),
            header_ended.eq(taken & self._index.all()),
            answers.eq(answer),
        ]
        with m.Switch(state):
            with m.Case(_State.LENGTH):
                with m.If(was_taken):
                    m.d.sync += state.eq(_State.HEADER)
            with m.Case(_State.HEADER):
                with m.If(header_ended):
                    m.d.sync += state.eq(_State.JUDGE)
            with m.Case(_State.TAKE):
                with m.If(word_ended):
                    m.d.sync += [self.start.eq(1), state.eq(_State.WRITE)]
            with m.Case(_State.REST):
                with m.If(answers):
                    m.d.sync += state.eq(_State.BEGIN)

    # --- what to do ---

    def _judge(self, m: Module):
        """The state that decides. What it looks at is compared in the cycle before."""
        operation, state = self._operation, self._state
        writes = operation[0] & ~operation[2]
        legal, sized, other, named, behind, settled = Signal(), Signal(), Signal(), Signal(), Signal(8), Signal()
        allowed = Cat(operation == which for which in Operation if self.has_external or not which & 0b10).any()
        m.d.sync += [
            legal.eq(allowed),
            sized.eq(self._rest == Mux(writes, self._count, 0)),
            other.eq(self._session != self._open),
            named.eq(self._session.any()),
            behind.eq(self._next - self._sequence),
            settled.eq(state == _State.JUDGE),
        ]
        with m.If(settled & (state == _State.JUDGE)):
            m.d.sync += [state.eq(_State.REST), self._reads.eq(0), self._status.eq(Status.OK)]
            with m.If(~(legal & sized)):
                m.d.sync += self._status.eq(Status.BAD_REQUEST)
            with m.Elif(~operation[0]):
                m.d.sync += self._reads.eq(self._count.any())
            with m.Elif(operation[2]):
                with m.If(other):
                    m.d.sync += [self._open.eq(self._session), self._next.eq(0), self._failed.eq(0)]
            with m.Elif(other | ~named):
                m.d.sync += self._status.eq(Status.NO_SESSION)
            with m.Elif(self._failed):
                m.d.sync += self._status.eq(Status.BUS_ERROR)
            with m.Elif(behind == 0):
                m.d.sync += self._next.eq(self._next + 1)
                with m.If(~self._none):
                    m.d.sync += state.eq(_State.TAKE)
            with m.Elif(behind[-1]):
                m.d.sync += self._status.eq(Status.OUT_OF_ORDER)

    def _carry_out(self, m: Module):
        """The states that access words."""
        state, reading = self._state, self._state == _State.READ
        m.d.comb += self._fetched.eq((state == _State.FETCH) & ~self._counting)
        with m.If(reading | self._sent | self._taken):
            m.d.sync += self._word.eq(Mux(reading, self.read, Cat(self._word[8:], self.i.payload)))
        with m.Switch(state):
            with m.Case(_State.WRITE):
                with m.If(self.done):
                    m.d.sync += state.eq(Mux(self._none, _State.REST, _State.TAKE))
                    with m.If(self.error):
                        m.d.sync += [self._failed.eq(1), self._status.eq(Status.BUS_ERROR)]
            with m.Case(_State.FETCH):
                with m.If(self._fetched):
                    m.d.sync += self.start.eq(~self._operation[2])
                    m.d.sync += state.eq(Mux(self._operation[2], _State.SEND, _State.READ))
            with m.Case(_State.READ):
                with m.If(self.done):
                    m.d.sync += state.eq(_State.SEND)
                    with m.If(self.error):
                        m.d.sync += self._status.eq(Status.BUS_ERROR)

    def _count_up(self, m: Module):
        """The address: a shift register that takes the header in, and then grows by a word after each access."""
        steps, carry = Signal(3), Signal()  # of four, how many are left; the sum of the byte before
        total = Signal(9)
        begun, counting = steps == 4, self._counting
        m.d.comb += counting.eq(steps.any())
        m.d.comb += total.eq(self._address[:8] + Mux(begun, 4, carry))
        header = self.i.valid & self.i.ready & (self._state == _State.HEADER)
        with m.If(counting):
            m.d.sync += [carry.eq(total[8]), steps.eq(steps - 1)]
        with m.Elif(self._state == _State.WRITE):
            with m.If(self.done):
                m.d.sync += steps.eq(4)
        with m.Elif(self._word_sent & (self._state == _State.SEND)):
            m.d.sync += steps.eq(4)
        with m.If(counting | header):
            byte = Mux(counting, total[:8], self.i.payload)
            m.d.sync += self._address.eq(Cat(self._address[8:], byte))

    # --- answers ---

    def _information(self):
        """The byte of information at the address, and at the byte of the word that is sent."""
        bytes_ = [word >> 8 * i & 0xFF for word in self.info.values() for i in range(4)]
        assert list(self.info) == list(Info)
        return Cat(Const(byte, 8) for byte in bytes_).word_select(Cat(self._index[:2], self._address[2:5]), 8)

    def _answer(self, m: Module):
        """The states that send."""
        state, second = self._state, self._index[0]
        sent = self._sent
        status = Cat(self._status, Const(0, 5)) | Mux(self.interrupt, INTERRUPT, 0)
        was_sent, pair_sent = Signal(), Signal()
        sending = Cat(state == which for which in (_State.BEGIN, _State.SEND, _State.END)).any()
        m.d.comb += [self.o.valid.eq(sending & ~was_sent), sent.eq(self.o.valid & self.o.ready)]
        m.d.sync += [
            was_sent.eq(sent),
            pair_sent.eq(sent & second),
            self._word_sent.eq(sent & self._index[:2].all()),
        ]
        with m.Switch(state):
            with m.Case(_State.BEGIN):
                m.d.comb += self.o.payload.byte.eq(Mux(second, self._sequence, self._session))
                with m.If(pair_sent):
                    m.d.sync += state.eq(Mux(self._reads, _State.FETCH, _State.END))
            with m.Case(_State.SEND):
                m.d.comb += self.o.payload.byte.eq(Mux(self._operation[2], self._information(), self._word[:8]))
                with m.If(self._word_sent):
                    m.d.sync += state.eq(Mux(self._none, _State.END, _State.FETCH))
            with m.Case(_State.END):
                m.d.comb += [self.o.payload.byte.eq(Mux(second, status, self._next)), self.o.payload.last.eq(second)]
                with m.If(pair_sent):
                    m.d.sync += state.eq(_State.LENGTH)
