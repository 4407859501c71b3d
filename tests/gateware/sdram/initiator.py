# SPDX-License-Identifier: Apache-2.0
"""An AXI4 initiator that keeps many bursts under way, checks every answer and the target's protocol."""

import random
from collections import deque
from dataclasses import dataclass, field

from gateware.control.buses import OKAY, Stable

_CHANNELS = {
    "aw": ("id", "addr", "len", "size", "burst"),
    "w": ("data", "strb", "last"),
    "ar": ("id", "addr", "len", "size", "burst"),
}


@dataclass
class Burst:
    """A burst to issue.

    ``beats`` are (data, strobe) of a write; None makes a read of ``length`` beats. ``response`` is what must come
    back; the data of a read that is refused are not looked at.
    """

    address: int
    length: int
    beats: list[tuple[int, int]] | None = None
    id: int = 0
    kind: int = 1
    size: int | None = None
    response: int = OKAY
    expected: list[int] = field(default_factory=list)
    done: bool = False
    read: list[int] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)  # of its data beats

    def __post_init__(self):
        assert 1 <= self.length <= 256

    def span(self, width: int) -> range:
        start = self.address // width * width
        return range(start, start + self.length * width)


class Contents:
    """What the memory holds, and what is under way: bursts that would race are kept apart."""

    def __init__(self):
        self.bytes: dict[int, int] = {}
        self.open: list[Burst] = []

    def may_start(self, burst: Burst, width: int) -> bool:
        span = burst.span(width)
        for other in self.open:
            apart = other.span(width)
            if (burst.beats or other.beats) and span.start < apart.stop and apart.start < span.stop:
                return False
        return True

    def start(self, burst: Burst, width: int):
        """Writes take effect here: nobody looks before they are answered."""
        self.open.append(burst)
        span = burst.span(width)
        if burst.response != OKAY:
            return
        for i in range(burst.length):
            at = span.start + i * width
            if burst.beats is None:
                burst.expected.append(sum(self.bytes.get(at + j, 0) << 8 * j for j in range(width)))
            else:
                word, strobe = burst.beats[i]
                self.bytes |= {at + j: word >> 8 * j & 0xFF for j in range(width) if strobe >> j & 1}


class Initiator:
    """Issues bursts in order, as soon as they do not race others, and takes the answers.

    Parameters
    ----------
    bus:
        The target's member.
    contents:
        Shared by all initiators of a memory.
    stall:
        Probability that a channel does nothing in a cycle.

    Attributes
    ----------
    todo:
        Bursts to issue, from cycle ``begin`` on.
    mute:
        Take no answers.
    """

    def __init__(self, bus, contents: Contents, *, stall: float = 0.0, seed: int = 0):
        self.bus, self.contents, self.stall = bus, contents, stall
        self.rng, self.width = random.Random(seed), len(bus.wdata) // 8
        self.todo: deque[Burst] = deque()
        self.answers = {kind: [deque(), deque()] for kind in "rb"}  # by ID
        self.written: deque[Burst] = deque()  # writes whose beats have not all been sent
        self.cycle, self.begin, self.mute = 0, 0, False

    @property
    def idle(self) -> bool:
        return not self.todo and not any(queue for queues in self.answers.values() for queue in queues)

    def _go(self):
        return self.rng.random() >= self.stall

    async def run(self, ctx):
        bus = self.bus
        queues, shown = {name: deque() for name in _CHANNELS}, dict.fromkeys(_CHANNELS)
        fields = {name: [getattr(bus, name + field) for field in _CHANNELS[name]] for name in _CHANNELS}
        valids = {name: getattr(bus, f"{name}valid") for name in _CHANNELS}
        rready, bready = bus.rready, bus.bready
        driven = {}  # setting a signal costs much more than remembering what it was set to
        stable = {name: Stable(f"{name} channel") for name in "rb"}

        def drive(signal, value):
            if driven.get(id(signal)) != value:
                driven[id(signal)] = value
                ctx.set(signal, value)

        def drive_all():
            self._issue(queues)
            for name, queue in queues.items():
                if shown[name] is None and queue and self._go():
                    shown[name] = queue.popleft()
                drive(valids[name], shown[name] is not None)
                for signal, value in zip(fields[name], shown[name] or (), strict=False):
                    drive(signal, value)
            drive(rready, self._go() and not self.mute)
            drive(bready, self._go() and not self.mute)

        drive_all()
        readies = [bus.awready, bus.wready, bus.arready]
        reads = [bus.rvalid, rready, bus.rid, bus.rdata, bus.rresp, bus.rlast]
        responses = [bus.bvalid, bready, bus.bid, bus.bresp]
        async for _, _, *values in ctx.tick().sample(*readies, *reads, *responses):
            for name, ready in zip(_CHANNELS, values, strict=False):
                if ready and shown[name] is not None:
                    self._sent(name)
                    shown[name] = None
            read, response = values[3:9], values[9:]
            stable["r"].check(*read)
            stable["b"].check(*response)
            if read[0] and read[1]:
                self._take_beat(*read[2:])
            if response[0] and response[1]:
                self._take_response(*response[2:])
            self.cycle += 1
            drive_all()

    def _issue(self, channels):
        while self.todo and self.cycle >= self.begin and len(channels["aw"]) + len(channels["ar"]) < 2:
            burst = self.todo[0]
            if not self.contents.may_start(burst, self.width):
                return
            self.todo.popleft()
            self.contents.start(burst, self.width)
            size = (self.width - 1).bit_length() if burst.size is None else burst.size
            address = (burst.id, burst.address, burst.length - 1, size, burst.kind)
            if burst.beats is None:
                channels["ar"].append(address)
                self.answers["r"][burst.id].append(burst)
            else:
                channels["aw"].append(address)
                last = len(burst.beats) - 1
                channels["w"].extend((*beat, i == last) for i, beat in enumerate(burst.beats))
                self.answers["b"][burst.id].append(burst)
                self.written.append(burst)

    def _sent(self, channel: str):
        if channel == "w":
            burst = self.written[0]
            burst.cycles.append(self.cycle)
            if len(burst.cycles) == burst.length:
                self.written.popleft()

    def _take_beat(self, identity, word, response, last):
        assert self.answers["r"][identity], f"read data with ID {identity} that nobody asked for"
        burst = self.answers["r"][identity][0]
        burst.cycles.append(self.cycle)
        burst.read.append(word)
        assert response == burst.response, f"response {response} to a read at {burst.address:#x}"
        assert last == (len(burst.read) == burst.length), "rlast is not at the end of the burst"
        if last:
            if response == OKAY:
                assert burst.read == burst.expected, f"wrong data from {burst.address:#x}"
            self._finish("r", identity)

    def _take_response(self, identity, response):
        assert self.answers["b"][identity], f"a response with ID {identity} that nobody asked for"
        burst = self.answers["b"][identity][0]
        assert burst not in self.written, "a response before the last data"
        assert response == burst.response, f"response {response} to a write at {burst.address:#x}"
        self._finish("b", identity)

    def _finish(self, kind: str, identity: int):
        burst = self.answers[kind][identity].popleft()
        burst.done = True
        self.contents.open = [other for other in self.contents.open if other is not burst]
