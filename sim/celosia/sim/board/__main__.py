# SPDX-License-Identifier: Apache-2.0
"""``python -m celosia.sim.board LIBRARY CLOCK_HZ BAUD``: run a built board; its serial port is the first line out."""

import contextlib
import sys
from pathlib import Path

from .simulator import BoardSimulator
from .terminal import serve


def main(library: str, clock_hz: str, baud: str) -> None:
    """Run until interrupted."""
    with contextlib.suppress(KeyboardInterrupt):
        serve(BoardSimulator(Path(library), int(clock_hz), int(baud)), lambda path: print(path, flush=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
