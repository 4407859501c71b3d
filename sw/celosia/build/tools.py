# SPDX-License-Identifier: Apache-2.0
"""The tools, as pip installs them: never what happens to be on PATH, which may be older or built otherwise."""

import importlib.metadata
import importlib.util
import sys
from dataclasses import dataclass

from celosia.gateware.family import Family

from .errors import BuildError

__all__ = ["TOOLS", "Tool", "own_version", "versions"]


@dataclass(frozen=True)
class Tool:
    """A program that comes in a Python package.

    Parameters
    ----------
    package:
        The distribution on PyPI.
    module:
        What to import.
    statement:
        Python that runs it on the arguments in ``argv``.
    """

    package: str
    module: str
    statement: str

    def command(self, *arguments: str) -> list[str]:
        """A command that runs it with `arguments`.

        Raises
        ------
        BuildError
            It is not installed.
        """
        self.version()
        return [sys.executable, "-c", f"import sys; argv = sys.argv[1:]; {self.statement}", *arguments]

    def version(self) -> str:
        """Of the installed distribution.

        Raises
        ------
        BuildError
            It is not installed.
        """
        try:
            found = importlib.util.find_spec(self.module)
            if found is not None:
                return importlib.metadata.version(self.package)
        except (ImportError, importlib.metadata.PackageNotFoundError):
            pass
        raise BuildError(f"building needs the package {self.package}: pip install 'celosia[fpga]'")


def _yowasp(architecture: str, function: str, package: str | None = None) -> Tool:
    module = f"yowasp_nextpnr_{architecture}"
    return Tool(
        package or module.replace("_", "-"), module, f"import {module} as tool; sys.exit(tool.run_{function}(argv))"
    )


TOOLS = {
    "yosys": Tool(
        "pyosys", "pyosys", "from pyosys import libyosys; libyosys.run_pass('script ' + argv[0], libyosys.Design())"
    ),
    "nextpnr-ecp5": _yowasp("ecp5", "nextpnr_ecp5"),
    "nextpnr-ice40": _yowasp("ice40", "nextpnr_ice40"),
    "nextpnr-gowin": _yowasp("himbaechel_gowin", "nextpnr_himbaechel_gowin"),
    "ecppack": _yowasp("ecp5", "ecppack"),
    "icepack": _yowasp("ice40", "icepack"),
    "gowin_pack": Tool(
        "apycula", "apycula", "sys.argv[1:] = argv; from apycula.gowin_pack import main; sys.exit(main())"
    ),
}
"""By the names that Amaranth's build plans have for them."""

_FAMILY = {
    Family.ECP5: ("yosys", "nextpnr-ecp5"),
    Family.ICE40: ("yosys", "nextpnr-ice40"),
    Family.GOWIN: ("yosys", "nextpnr-gowin", "gowin_pack"),
}


def own_version() -> str:
    """Celosia's own version, for what records by which one it was made."""
    try:
        return importlib.metadata.version("celosia")
    except importlib.metadata.PackageNotFoundError:
        return "from its sources"


def versions(family: Family) -> dict[str, str]:
    """Versions of everything that decides a bitstream of a family, by distribution.

    Raises
    ------
    BuildError
        One of them is not installed.
    """
    amaranth = (Tool("amaranth", "amaranth", ""), Tool("amaranth-boards", "amaranth_boards", ""))
    tools = (*amaranth, *(TOOLS[name] for name in _FAMILY[family]))
    return {tool.package: tool.version() for tool in tools}
