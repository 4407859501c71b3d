# SPDX-License-Identifier: Apache-2.0
"""Which body each column pair of an array has."""

from ....arch.config import Config
from ... import sums
from ...family import Family, device_of
from ..multipliers import share
from .column import PairColumn
from .ecp5_double import DoubleColumn
from .ecp5_logic import LogicColumn
from .gowin import GowinColumn
from .ice40 import Ice40Column
from .portable import PortableColumn
from .products import ProductColumn

__all__ = ["bodies"]

WITH_MULTIPLIERS = {Family.GOWIN: GowinColumn, Family.ICE40: Ice40Column}


def bodies(config: Config, platform: object) -> list[PairColumn]:
    """A column for each pair, from the left: first those of multipliers only, as many as there are for."""
    device = device_of(platform)
    moves_down = [p < config.down_channels for p in range(config.pairs)]
    if device.family is Family.PORTABLE:
        return [PortableColumn(config, moves_down=moves) for moves in moves_down]
    shared = share(config, device)
    whole = shared.pairs
    if device.family is not Family.ECP5:
        kind = WITH_MULTIPLIERS[device.family]
        first = [kind(config, moves_down=moves, add=sums.add) for moves in moves_down[:whole]]
        return first + [ProductColumn(config, moves_down=moves, add=sums.add) for moves in moves_down[whole:]]
    result: list[PairColumn] = []
    for p, moves in enumerate(moves_down):
        if p < whole:
            result.append(DoubleColumn(config, moves_down=moves))
        else:
            doubles = shared.odd_rows if p == whole else 0
            result.append(LogicColumn(config, moves_down=moves, doubles=doubles))
    return result
