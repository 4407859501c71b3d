# SPDX-License-Identifier: Apache-2.0
"""The entry point of the ``celosia`` command."""

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; `arguments` default to the process's."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        from .app import call  # takes a while: somebody may interrupt it

        return call(given or ["--help"])
    except KeyboardInterrupt:
        return 130
