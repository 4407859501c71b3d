# SPDX-License-Identifier: Apache-2.0
"""The model of the chip finds every broken rule: of commands played to it, and of controllers that are wrong."""

import random

import pytest
from amaranth.sim import Simulator

from celosia.gateware.sdram.chip import W9825G6KH_6
from celosia.gateware.sdram.pins import Command, mode_register
from celosia.sim.sdram import SdramChip
from gateware.sdram.bench import CLOCK, NARROW, QUICK, SIZE, WIDE, System, serve, write
from gateware.sdram.initiator import Burst

NS = QUICK.cycles(CLOCK)
ALL = 1 << 10
WORDS = 4
MODE = mode_register(words=WORDS, cl=3)


def play(script, *, chip=QUICK, clock_hz=CLOCK, cycles=None):
    """Play (cycle, command, bank, address, other pins) to the chip; the words on ``dq_i``, by cycle."""
    model = SdramChip(chip, clock_hz=clock_hz, size=SIZE)
    pins, read = model.pins, {}
    by_cycle = {cycle: rest for cycle, *rest in script}
    assert len(by_cycle) == len(script)

    async def drive(ctx):
        ctx.set(pins.cke, 1)
        for cycle in range(cycles or max(by_cycle) + 20):
            command, bank, address, *others = by_cycle.get(cycle, (Command.NOP, 0, 0))
            others = others[0] if others else {}
            ctx.set(pins.cs, command != Command.NOP)
            for i, name in enumerate(("we", "cas", "ras")):
                ctx.set(getattr(pins, name), command.value >> i & 1)
            ctx.set(pins.ba, bank)
            ctx.set(pins.a, address)
            for name, rest in {"dqm": 0, "dq_oe": 0, "dq_o": 0, "cke": 1}.items():
                ctx.set(getattr(pins, name), others.get(name, rest))
            (read[cycle],) = (await ctx.tick().sample(pins.dq_i))[2:]

    sim = Simulator(model)
    sim.add_clock(1e-6)
    sim.add_testbench(drive)
    sim.run()
    return read


def wake(*, power_up=NS.power_up, rp=NS.rp, rfc=NS.rfc, refreshes=2, mrd=NS.mrd, mode=MODE):
    """The commands after power-up, and the cycle for the next."""
    script = [(power_up, Command.PRECHARGE, 0, ALL)]
    at = power_up + rp
    for _ in range(refreshes):
        script.append((at, Command.REFRESH, 0, 0))
        at += rfc
    script.append((at, Command.LOAD_MODE, 0, mode))
    return script, at + mrd


def access(*, rcd=NS.rcd, ras=NS.ras, wr=NS.wr, rp=NS.rp, rc=NS.rc, word=0, **how):
    """Open a row, write a burst, read it, close the row, open it again."""
    script, at = wake(**how)
    column = at + rcd
    written = [(Command.WRITE, 1, 4, {"dq_oe": 1, "dq_o": 0x1110})]
    written += [(Command.NOP, 0, 0, {"dq_oe": 1, "dq_o": 0x1110 + i}) for i in range(1, WORDS)]
    script += [(at, Command.ACTIVE, 1, 3), *((column + i, *rest) for i, rest in enumerate(written))]
    close = max(column + WORDS - 1 + wr, at + ras)
    script += [(close, Command.PRECHARGE, 1, 0), (max(close + rp, at + rc), Command.ACTIVE, 1, 3)]
    return script


def reads(*, gap=WORDS, close=WORDS, turn=3 + WORDS + 2):
    """Open two banks; two reads; a write; close."""
    script, at = wake()
    script += [(at, Command.ACTIVE, 0, 0), (at + NS.rrd, Command.ACTIVE, 1, 0)]
    first = at + NS.rrd + NS.rcd
    script += [(first, Command.READ, 0, 0), (first + gap, Command.READ, 1, 8)]
    if turn is not None:
        begin = first + gap + turn
        script.append((begin, Command.WRITE, 0, 0, {"dq_oe": 1}))
        script += [(begin + i, Command.NOP, 0, 0, {"dq_oe": 1}) for i in range(1, WORDS)]
    else:
        script.append((max(first + gap + close, at + NS.rrd + NS.ras), Command.PRECHARGE, 1, 0))
    return script


def test_legal_commands_pass_and_data_come_back_after_the_latency():
    for cl in (3, 2):
        clock_chip = W9825G6KH_6.replace(power_up_ns=2e3)
        times = clock_chip.cycles(CLOCK)
        assert times.cl == 2
        script, at = wake(power_up=times.power_up, mode=mode_register(words=WORDS, cl=cl))
        column = at + NS.rcd
        script += [(at, Command.ACTIVE, 1, 3), (column, Command.WRITE, 1, 4, {"dq_oe": 1, "dq_o": 0x1110})]
        script += [(column + i, Command.NOP, 0, 0, {"dq_oe": 1, "dq_o": 0x1110 + i, "dqm": i == 2}) for i in (1, 2, 3)]
        script += [(column + 4, Command.READ, 1, 6)]  # wraps within the burst
        read = play(script, chip=clock_chip)
        words = [read[column + 4 + cl + i] for i in range(4)]
        assert words == [0x1100, 0x1113, 0x1110, 0x1111]
        assert read[column + 4 + cl - 1] != words[0]
    play(access())
    play(reads())
    play(reads(turn=None))


BROKEN = {
    "too soon after power-up": lambda: access(power_up=NS.power_up - 2),
    "tRP: REFRESH or LOAD MODE": lambda: wake(rp=NS.rp - 1)[0],
    "tRFC": lambda: access(rfc=NS.rfc - 1),
    "tMRD": lambda: access(mrd=NS.mrd - 1),
    "before two REFRESHes": lambda: access(refreshes=1),
    "this CAS latency does not suit": lambda: access(mode=mode_register(words=WORDS, cl=2)),
    "must be sequential": lambda: access(mode=mode_register(words=WORDS, cl=3) | 8),
    "reserved bits must be 0": lambda: access(mode=mode_register(words=WORDS, cl=3) | 1 << 9),
    "tRCD": lambda: access(rcd=NS.rcd - 1),
    "tWR": lambda: access(wr=NS.wr - 1),
    "tRAS: PRECHARGE of bank 1": lambda: [*wake()[0], (wake()[1], Command.ACTIVE, 1, 3),
                                          (wake()[1] + NS.ras - 1, Command.PRECHARGE, 1, 0)],
    "tRP: ACTIVE of bank 1": lambda: access(rp=NS.rp - 1),
    "tRRD": lambda: [*wake()[0], (wake()[1], Command.ACTIVE, 1, 3), (wake()[1] + NS.rrd - 1, Command.ACTIVE, 2, 3)],
    "ACTIVE: bank 1 is open": lambda: [*access(), (2 * NS.power_up, Command.ACTIVE, 1, 3)],
    "does not store this row": lambda: [*wake()[0], (wake()[1], Command.ACTIVE, 1, 8)],
    "READ or WRITE: bank 2 is not open": lambda: [*access(), (2 * NS.power_up, Command.READ, 2, 0)],
    "auto precharge": lambda: [*access(), (2 * NS.power_up, Command.READ, 1, ALL)],
    "cuts the burst before it": lambda: reads(gap=WORDS - 1),
    "of bank 1 cuts a read burst": lambda: reads(turn=None, close=WORDS - 3),
    "both sides drive": lambda: reads(turn=3 + WORDS),
    "is not driven": lambda: [*access(), (2 * NS.power_up, Command.WRITE, 1, 0)],
    "while a bank is open": lambda: [*access(), (2 * NS.power_up, Command.REFRESH, 0, 0)],
    "the clock is not enabled": lambda: [*access(), (2 * NS.power_up, Command.PRECHARGE, 1, 0, {"cke": 0})],
    "the first command must precharge all banks": lambda: [(NS.power_up + 3, Command.REFRESH, 0, 0)],
}  # fmt: skip


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_found(rule):
    with pytest.raises(AssertionError, match=rule):
        play(BROKEN[rule]())


def test_a_broken_row_cycle_is_found():
    """Where it is longer than tRAS and tRP together."""
    script, at = wake()
    script += [(at, Command.ACTIVE, 1, 3), (at + NS.ras, Command.PRECHARGE, 1, 0)]
    chip = QUICK.replace(t_rc=96)
    play([*script, (at + 12, Command.ACTIVE, 1, 3)], chip=chip)
    with pytest.raises(AssertionError, match="tRC: ACTIVE of bank 1"):
        play([*script, (at + 11, Command.ACTIVE, 1, 3)], chip=chip)


def test_rows_that_are_not_refreshed_or_stay_open_are_found():
    chip = QUICK.replace(refresh_ns=QUICK.refresh_ns / 4)  # sooner, for a shorter test
    with pytest.raises(AssertionError, match="tREF: rows are not refreshed in time"):
        play(wake()[0], chip=chip, cycles=NS.power_up + 11 * chip.cycles(CLOCK).refi)
    chip = QUICK.replace(refresh_ns=QUICK.refresh_ns * 4)
    with pytest.raises(AssertionError, match="tRAS: bank 1 has been open for more than"):
        play(access(), chip=chip, clock_hz=20e6, cycles=NS.power_up + 2200)


MUTANTS = {  # of a time: the rule, what it is, and what the controller takes it for: so much less as is felt
    "t_rcd": ("tRCD", 48, 40),
    "t_rp": ("tRP", 48, 40),
    "t_ras": ("tRAS", 128, 96),
    "t_rc": ("tRC", 168, 136),
    "t_rfc": ("tRFC", 120, 112),
    "t_wr": ("tWR", 80, 72),
    "t_mrd": ("tMRD", 120, 16),
    "power_up_ns": ("too soon after power-up", 30e3, 2e3),
    "refresh_ns": ("tREF", 16e6, 64e6),
    "t_ck": ("this CAS latency", QUICK.t_ck, ((2, 7.0),)),
}


def hurried(width: int, long: int = 0) -> list[Burst]:
    """Reads and writes of other rows of one bank, one after the other, then long ones: they need all of the times."""
    rng, row = random.Random(1), 4 * 1024
    short = [write(rng, width, row * (i % 3), 1) if i % 4 < 2 else Burst(row * (i % 5), 1) for i in range(12)]
    return short + [Burst(row * (i % 4), 256) for i in range(long)]


@pytest.mark.parametrize("config", [WIDE, NARROW], ids=["64 bits", "32 bits"])
def test_a_controller_that_knows_the_slowest_times_breaks_no_rule(config):
    times = {name: true for name, (_, true, _) in MUTANTS.items() if name != "power_up_ns"}
    serve(System(config, chip=QUICK.replace(**times)), hurried(config.bus_bytes, long=3), begin=0)


@pytest.mark.parametrize(
    ("time", "config"),
    [pytest.param(time, WIDE, id=f"{time}, 64 bits") for time in MUTANTS]
    + [pytest.param(time, NARROW, id=f"{time}, 32 bits") for time in ("t_rcd", "t_wr")],
)
def test_a_controller_that_is_in_a_hurry_is_found(config, time):
    rule, true, believed = MUTANTS[time]
    chip = QUICK.replace(**{time: true})
    system = System(config, chip=chip.replace(**{time: believed}), true_chip=chip)
    with pytest.raises(AssertionError, match=rule):
        serve(system, hurried(config.bus_bytes, long=6 if time == "refresh_ns" else 0), begin=0)
