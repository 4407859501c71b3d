# SPDX-License-Identifier: Apache-2.0
"""How good the link's gateware is: payload's share of a good line, and right results on a bad one.

``python -m celosia.sim.board.soak [ACCESSES] [NOISE]``: 10000 accesses with a noise of 0.001 where nothing is given.
"""

import random
import sys
import time
from dataclasses import dataclass, field

from celosia.arch.config import preset
from celosia.arch.link import BAUD, Operation
from celosia.runtime.errors import TransportError
from celosia.runtime.serial import LinkClient

from ..fingerprint import fingerprint
from .build import build_board
from .counting import COUNTER, MEMORY, MEMORY_BYTES, CountingBoard
from .line import SimulatedLine
from .simulator import BoardSimulator

__all__ = ["Outcome", "counting_line", "shares", "soak"]

_CONFIG = preset("c16")
_BIT_CYCLES = 4
_CLOCK_HZ = _BIT_CYCLES * BAUD
_WORDS = (1, 1, 2, 7, 40, 120)  # of an access
_USED = 512  # words of the memory that accesses are to


def counting_line(*, latency: float = 0.0, seed: int = 0) -> SimulatedLine:
    """A line of the usual speed to a :class:`.counting.CountingBoard`."""
    library = build_board(
        _CONFIG,
        lambda: CountingBoard(_CONFIG, clock_hz=_CLOCK_HZ, baud=BAUD),
        fingerprint=fingerprint(_CONFIG, "celosia.sim.board"),
    )
    return SimulatedLine(BoardSimulator(library, _CLOCK_HZ, BAUD), _CLOCK_HZ, latency=latency, seed=seed)


def shares(line: SimulatedLine, size: int = MEMORY_BYTES) -> tuple[float, float]:
    """Payload's share of the line's bits while a block of ``size`` bytes is written, and while it is read."""
    client, data = LinkClient(line), random.Random(1).randbytes(size)
    client.write(Operation.WRITE, MEMORY, bytes(size))  # how much may be under way is learnt
    times = [line.simulator.cycles]
    client.write(Operation.WRITE, MEMORY, data)
    times.append(line.simulator.cycles)
    same = client.read(Operation.READ, MEMORY, size // 4) == data
    times.append(line.simulator.cycles)
    cycles = 10 * _BIT_CYCLES * size * same
    return cycles / (times[1] - times[0]), cycles / (times[2] - times[1])


@dataclass
class Outcome:
    """What came of some accesses.

    Parameters
    ----------
    right, errors:
        How many ended well, and in an error.
    wrong:
        What was not as it should be, in words; there should be nothing.
    """

    right: int = 0
    errors: int = 0
    wrong: list[str] = field(default_factory=list)


def soak(line: SimulatedLine, count: int, noise: float, seed: int) -> Outcome:
    """Random accesses over a bad line, checked against a copy of the memory and a count of the writes."""
    outcome, rng, client = Outcome(), random.Random(seed), LinkClient(line, seed=seed)
    memory, counted = bytearray(4 * _USED), 0
    client.write(Operation.WRITE, MEMORY, bytes(memory))
    line.noise = noise
    for index in range(count):
        words = rng.choice(_WORDS)
        first = rng.randrange(_USED - words)
        part = slice(4 * first, 4 * (first + words))
        kind = rng.randrange(4)
        try:
            if kind == 0:
                client.write(Operation.WRITE, COUNTER, bytes(4))
                counted += 1
            elif kind == 1:
                found = int.from_bytes(client.read(Operation.READ, COUNTER, 1), "little")
                if found != counted:
                    outcome.wrong.append(f"access {index}: {counted} writes were carried out {found} times")
                counted = found
            elif kind == 2:
                data = rng.randbytes(4 * words)
                client.write(Operation.WRITE, MEMORY + part.start, data)
                memory[part] = data
            elif client.read(Operation.READ, MEMORY + part.start, words) != memory[part]:
                outcome.wrong.append(f"access {index}: {words} words at {part.start:#x} are not what was written")
            outcome.right += 1
        except TransportError:  # carried out or not: look
            outcome.errors += 1
            line.noise = 0.0
            memory[:] = client.read(Operation.READ, MEMORY, _USED)
            counted = int.from_bytes(client.read(Operation.READ, COUNTER, 1), "little")
            line.noise = noise
    line.noise = 0.0
    if int.from_bytes(client.read(Operation.READ, COUNTER, 1), "little") != counted:
        outcome.wrong.append("in the end: the number of writes that were carried out is not right")
    return outcome


def main(count: str = "10000", noise: str = "0.001") -> None:
    """Measure and print."""
    for latency in (0.0, 0.001, 0.016):
        line = counting_line(latency=latency)
        write, read = shares(line)
        print(
            f"{latency * 1e3:g} ms latency: of {BAUD:,} bits a second, {write:.1%} are payload written, {read:.1%} read"
        )
        line.close()
    line, begin = counting_line(seed=1), time.perf_counter()
    outcome = soak(line, int(count), float(noise), 1)
    cycles, seconds = line.simulator.cycles, time.perf_counter() - begin
    print(f"{count} accesses with {noise} of the bytes lost, doubled and changed: {outcome.right} right,")
    print(f"{outcome.errors} errors, {len(outcome.wrong)} wrong; {cycles:,} cycles, {cycles / seconds:,.0f} a second")
    for wrong in outcome.wrong:
        print(wrong)
    line.close()
    sys.exit(1 if outcome.wrong else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
