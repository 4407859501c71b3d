# SPDX-License-Identifier: Apache-2.0
"""The two kinds of block RAM everything is built from.

Both have a body of plain memories, for tools that infer block RAM, and one of explicit blocks (ECP5, Gowin). Explicit
ones use the blocks' own output registers, which inference does not, and carry no logic that would make reads and
writes of one word in one cycle defined: users keep them apart.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from ..delay import delay
from ..family import Device, Family, device_of
from ..primitives.ice40_ram import SPRAM
from .blocks import Bank, Piece, banks_of, block_of, has_blocks, pieces_of, shapes_of

__all__ = ["READ_LATENCY", "UNDEFINED", "Ram", "SimpleRam"]

UNDEFINED = {"celosia_undefined": 1}
"""Attribute of a register that may start as anything, because it is a block RAM's own: a build for yosys removes its
initial value (``setattr -unset init a:celosia_undefined``), which a block RAM that has none would need logic for."""

READ_LATENCY = 2
"""Cycles from an address to its data: the memory's own register and its output register."""


class Ram(Component):
    """A memory with a read port ``a`` for the computation and a read-write port ``b`` for everything else.

    In a cycle in which ``a_read`` (``b_read``) is high, the port takes an address and gives the word there
    :attr:`latency` cycles later, for one cycle. Bytes whose bit is set in ``b_write`` are written at the end of
    the cycle; ``b_read`` is low then. Reading a word on port a in the cycle in which it is written gives undefined
    data: users keep them apart.

    Parameters
    ----------
    words, word_bytes:
        Depth, and bytes of a word.
    taking_turns:
        Port b does not read in a cycle in which port a does: then one read port will do, where a second one would
        be a second memory.
    way:
        Registers between both ports and the blocks, and as many on the way back, for memories of so many blocks that
        the way takes a cycle.
    """

    a_read: Signal
    a_address: Signal
    a_data: Signal
    b_read: Signal
    b_address: Signal
    b_write: Signal
    b_write_data: Signal
    b_data: Signal

    def __init__(self, words: int, word_bytes: int, *, taking_turns: bool = False, way: int = 0):
        self.words, self.word_bytes, self.taking_turns, self.way = words, word_bytes, taking_turns, way
        address = range(words)
        super().__init__(
            {
                "a_read": In(1),
                "a_address": In(address),
                "a_data": Out(8 * word_bytes),
                "b_read": In(1),
                "b_address": In(address),
                "b_write": In(word_bytes),
                "b_write_data": In(8 * word_bytes),
                "b_data": Out(8 * word_bytes),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from an address to its word."""
        return READ_LATENCY + 2 * self.way

    def elaborate(self, platform):
        m = Module()
        device = device_of(platform)
        self._inputs = {
            name: _on_the_way(m, getattr(self, name), self.way, name)
            for name in ("a_read", "a_address", "b_read", "b_address", "b_write", "b_write_data")
        }
        words = {side: Signal(8 * self.word_bytes, name=f"{side}_word") for side in "ab"}
        (self._blocks if has_blocks(device) else self._plain)(m, device, words)
        for side, word in words.items():
            m.d.comb += getattr(self, f"{side}_data").eq(_on_the_way(m, word, self.way, f"{side}_data"))
        return m

    def _plain(self, m: Module, device: Device, words: dict[str, Signal]):
        a_read, a_address, b_read, b_address, b_write, b_write_data = self._inputs.values()
        memory = _plain_memory(m, self.words, 8 * self.word_bytes)
        write = memory.write_port(granularity=8)
        m.d.comb += [write.addr.eq(b_address), write.en.eq(b_write), write.data.eq(b_write_data)]
        late = device.family is Family.ICE40
        if self.taking_turns:
            address = Mux(a_read, a_address, b_address)
            _plain_read(m, memory, "a", a_read | b_read, address, words["a"], late=late)
            m.d.comb += words["b"].eq(words["a"])
            return
        _plain_read(m, memory, "a", a_read, a_address, words["a"], late=late)
        _plain_read(m, memory, "b", b_read, b_address, words["b"], late=late)

    def _blocks(self, m: Module, device: Device, words: dict[str, Signal]):
        a_read, a_address, _, b_address, b_write, b_write_data = self._inputs.values()
        widths, lane = shapes_of(device, dual=True)
        banks = banks_of(self.words, widths)
        outputs = {"a": [], "b": []}
        for number, bank in enumerate(banks):
            a_here, b_here = _inside(a_address, bank, banks), _inside(b_address, bank, banks)
            parts = {side: Signal(8 * self.word_bytes, name=f"{side}_bank_{number}") for side in "ab"}
            for index, pieces in enumerate(_blocks_of(bank, 8 * self.word_bytes, 8, lane)):
                m.submodules[f"block_{number}_{index}"] = block = block_of(device, bank.width, dual=True)
                lanes = Cat(b_write[piece.enable] for piece in pieces)
                m.d.comb += [
                    block.a_enable.eq(a_read & a_here),
                    block.a_address.eq(a_address),
                    # Port b is always enabled: whether it was asked to read is not known early enough to help.
                    block.b_enable.eq(1),
                    block.b_address.eq(b_address),
                    block.b_write.eq(lanes.any() & b_here),
                    block.b_lanes.eq(lanes),
                ]
                _connect_pieces(m, pieces, block, lane, b_write_data, "b_write_data")
                for side in "ab":
                    _connect_pieces(m, pieces, block, lane, parts[side], f"{side}_data")
            outputs["a"].append((a_here, parts["a"]))
            outputs["b"].append((b_here, parts["b"]))
        m.d.comb += [
            words["a"].eq(_choose(m, outputs["a"], READ_LATENCY, "a")),
            words["b"].eq(_choose(m, outputs["b"], READ_LATENCY, "b")),
        ]


class SimpleRam(Component):
    """A memory with one port that reads and one that writes.

    In a cycle in which ``read`` is high, ``read_address`` is taken, and the word there is on ``data``
    :attr:`latency` cycles later, for one cycle. Parts of a word whose bit is set in ``write`` are written. A read in a
    later cycle than a write sees it; one in the same cycle, of the same word, gives undefined data.

    Parameters
    ----------
    words, word_bits:
        Depth, and bits of a word.
    granule:
        Bits with a write enable of their own; the whole word if left out.
    way:
        Registers before the blocks, and after them, for memories of so many blocks that the way to them takes a cycle.
    exclusive:
        No cycle has both a read and a write: then a memory with a single port will do.
    """

    read: Signal
    read_address: Signal
    data: Signal
    write: Signal
    write_address: Signal
    write_data: Signal

    def __init__(
        self,
        words: int,
        word_bits: int,
        *,
        granule: int | None = None,
        way: tuple[int, int] = (0, 0),
        exclusive: bool = False,
    ):
        self.words, self.word_bits, self.granule = words, word_bits, granule or word_bits
        (self.before, self.after), self.exclusive = way, exclusive
        if word_bits % self.granule:
            raise ValueError(f"granule must divide the word's {word_bits} bits, not {granule!r}")
        super().__init__(
            {
                "read": In(1),
                "read_address": In(range(words)),
                "data": Out(word_bits),
                "write": In(word_bits // self.granule),
                "write_address": In(range(words)),
                "write_data": In(word_bits),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from ``read`` to ``data``."""
        return READ_LATENCY + self.before + self.after

    def elaborate(self, platform):
        m = Module()
        device = device_of(platform)
        if has_blocks(device):
            self._blocks(m, device)
            return m
        word = Signal.like(self.data, name="word")
        self._plain(m, device, word)
        m.d.comb += self.data.eq(_on_the_way(m, word, self.after, "data"))
        return m

    def _plain(self, m: Module, device: Device, data: Signal):
        read, read_address, write, write_address, write_data = (
            _on_the_way(m, getattr(self, name), self.before, name)
            for name in ("read", "read_address", "write", "write_address", "write_data")
        )
        if self.exclusive and device.family is Family.ICE40 and self.words > 4096:
            self._single_port(m, read, read_address, write, write_address, write_data, data)
            return
        memory = _plain_memory(m, self.words, self.word_bits)
        port = memory.write_port(granularity=self.granule)
        m.d.comb += [port.addr.eq(write_address), port.en.eq(write), port.data.eq(write_data)]
        _plain_read(m, memory, "a", read, read_address, data, late=device.family is Family.ICE40)

    def _blocks(self, m: Module, device: Device):
        """Which bank is meant is known before the first step to the blocks: only registers are on the way."""
        widths, lane = shapes_of(device, dual=False)
        banks = banks_of(self.words, widths)
        read_address, write_address, write_data = (
            _on_the_way(m, getattr(self, name), self.before, name)
            for name in ("read_address", "write_address", "write_data")
        )
        outputs = []
        for number, bank in enumerate(banks):
            inside = _inside(self.read_address, bank, banks)
            here = _on_the_way(m, inside, self.before, f"here_{number}")
            read = _on_the_way(m, self.read & inside, self.before, f"read_{number}")
            written = Mux(_inside(self.write_address, bank, banks), self.write, 0)
            enables = _on_the_way(m, written, self.before, f"write_{number}")
            word = Signal(self.word_bits, name=f"bank_{number}")
            for index, pieces in enumerate(_blocks_of(bank, self.word_bits, self.granule, lane)):
                m.submodules[f"block_{number}_{index}"] = block = block_of(device, bank.width, dual=False)
                m.d.comb += [
                    block.a_enable.eq(1),
                    block.a_write.eq(1),
                    block.a_address.eq(write_address),
                    block.a_lanes.eq(Cat(enables[piece.enable] for piece in pieces)),
                    block.b_enable.eq(read),
                    block.b_address.eq(read_address),
                ]
                _connect_pieces(m, pieces, block, lane, write_data, "a_write_data")
                _connect_pieces(m, pieces, block, lane, word, "b_data")
            outputs.append((here, word))
        m.d.comb += self.data.eq(_on_the_way(m, _choose(m, outputs, READ_LATENCY, "read"), self.after, "data"))

    def _single_port(self, m: Module, read, read_address, write, write_address, write_data, data):
        """UltraPlus' big memories: only every other bank may be needed, but there are four of them in all."""
        address = Signal.like(self.read_address)
        m.d.comb += address.eq(Mux(read, read_address, write_address))
        outputs = []
        banks = [Bank(first, SPRAM.words, SPRAM.width) for first in range(0, self.words, SPRAM.words)]
        for number, bank in enumerate(banks):
            here = _inside(address, bank, banks)
            word = Signal(self.word_bits, name=f"bank_{number}")
            for start in range(0, self.word_bits, SPRAM.width):
                m.submodules[f"spram_{number}_{start}"] = spram = SPRAM()
                part = slice(start, min(start + SPRAM.width, self.word_bits))
                m.d.comb += [
                    spram.enable.eq(here & (read | write.any())),
                    spram.write.eq(~read),
                    spram.nibbles.eq(Cat(write[bit // self.granule] for bit in range(part.start, part.stop, 4))),
                    spram.address.eq(address),
                    spram.write_data.eq(write_data[part]),
                    word[part].eq(spram.data),
                ]
            outputs.append((here, word))
        m.d.sync += data.eq(_choose(m, outputs, 1, "bank"))


def _on_the_way(m: Module, value: Value, steps: int, name: str) -> Value:
    """``value`` after registers on a long way. Not even what begins an access is reset: what is under way arrives."""
    return delay(m, value, steps, f"{name}_way", reset_less=True)


def _plain_memory(m: Module, words: int, bits: int) -> Memory:
    """A memory of which yosys is told that nobody reads what is being written."""
    m.submodules.memory = memory = Memory(
        shape=unsigned(bits), depth=words, init=[], attrs={"no_rw_check": 1, "ram_style": "auto"}
    )
    return memory


def _plain_read(
    m: Module, memory: Memory, name: str, enable: Value, address: Value, out: Signal, *, late: bool = False
):
    """A read port with two registers: inference merges the first into the block, where a port of its own would come
    with logic for reads of what is being written.

    Blocks without an output register are read a cycle ``late`` instead: an address has fewer bits than a word. Nobody
    writes what was to be read in the cycle before.
    """
    port = memory.read_port(domain="comb")
    word = Signal(len(out), name=f"{name}_word", reset_less=True, attrs=UNDEFINED)
    if late:
        now, then = Signal(name=f"{name}_now"), Signal(len(address), name=f"{name}_then", reset_less=True)
        m.d.sync += [now.eq(enable), then.eq(address)]
        m.d.comb += [port.addr.eq(then), out.eq(word)]
        with m.If(now):
            m.d.sync += word.eq(port.data)
        return
    m.d.comb += port.addr.eq(address)
    with m.If(enable):
        m.d.sync += word.eq(port.data)
    with m.If(delay(m, enable, 1, f"{name}_was_read")):
        m.d.sync += out.eq(word)


def _blocks_of(bank: Bank, word_bits: int, granule: int, lane: int) -> list[list[Piece]]:
    """The pieces of a word in each block of a bank, one for each lane."""
    pieces = pieces_of(word_bits, granule, min(bank.width, lane))
    lanes = max(1, bank.width // lane)
    return [pieces[i : i + lanes] for i in range(0, len(pieces), lanes)]


def _connect_pieces(m: Module, pieces: list[Piece], block, lane: int, word: Signal | Value, name: str):
    """A word's pieces to or from a block's port."""
    port = getattr(block, name)
    for i, piece in enumerate(pieces):
        ours, its = word[piece.start : piece.start + piece.size], port[i * lane : i * lane + piece.size]
        m.d.comb += its.eq(ours) if name.endswith("write_data") else ours.eq(its)


def _inside(address: Value, bank: Bank, banks: list[Bank]) -> Value:
    """Whether an address is in a bank."""
    if bank is banks[-1]:  # everywhere else is in one of the others
        return ~Cat(_inside(address, other, banks) for other in banks[:-1]).any() if len(banks) > 1 else Const(1, 1)
    low = (bank.depth - 1).bit_length()
    return address[low:] == bank.first >> low


def _choose(m: Module, outputs: list[tuple[Value, Signal]], cycles: int, name: str) -> Value:
    """The word of the bank that was addressed ``cycles`` cycles ago."""
    if len(outputs) == 1:
        return outputs[0][1]
    result = Const(0, len(outputs[0][1]))
    for i, (here, word) in enumerate(outputs):
        result = result | Mux(delay(m, here, cycles, f"{name}_from_{i}"), word, 0)
    return result
