# SPDX-License-Identifier: Apache-2.0
"""Changes that are judged to be no faults, though netlists differ: nothing a user, a bus or the timing model sees does.

Each is found by its statement, not by a line's number, and has a reason a reader can check. A test sees that every one
is still there.
"""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["EQUIVALENT", "Equivalent", "judgement"]


@dataclass(frozen=True)
class Equivalent:
    """A judgement.

    Parameters
    ----------
    file:
        Below ``hw/celosia/gateware``.
    line:
        The source line, without its indentation.
    was, becomes:
        Of the mutant.
    reason:
        Why nothing depends on it.
    """

    file: str
    line: str
    was: str
    becomes: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.was} → {self.becomes}"


_POWER = "registers move without a value, too, which costs power: a result is looked at only beside its valid bit"

EQUIVALENT = (
    Equivalent(
        "datapath/walker.py", "m.d.sync += active.eq(0)", "active.eq(0)", "active.eq(1)",
        "from the first tile on it stays 1; after a tile `aged` stays 1 and `more` 0 until the next one is taken, so "
        "`end` says what `~active` would have, and no step is issued",
    ),
    Equivalent(
        "datapath/lane/lane.py", "with m.If(moving[stage - 1]):", "m.If(moving[stage - 1])", "m.If(1)", _POWER
    ),
    Equivalent(
        "datapath/lane/portable.py", "with m.If(moving[stage - 1]):", "m.If(moving[stage - 1])", "m.If(1)", _POWER
    ),
)  # fmt: skip


def judgement(path: Path, line: str, was: str, becomes: str) -> Equivalent | None:
    """The judgement on a change of a file of the checkout, if there is one."""
    what = path.as_posix().removeprefix("hw/celosia/gateware/"), line.strip(), was, becomes
    return next((e for e in EQUIVALENT if (e.file, e.line, e.was, e.becomes) == what), None)
