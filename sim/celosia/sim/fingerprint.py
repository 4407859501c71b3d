# SPDX-License-Identifier: Apache-2.0
"""A hash that stands for a core without elaborating it."""

import hashlib
import importlib.metadata
import importlib.util
from pathlib import Path

from celosia.arch.config import Config

__all__ = ["fingerprint"]

_PACKAGES = ("celosia.arch", "celosia.gateware")


def fingerprint(config: Config, *packages: str) -> str:
    """Equal fingerprints mean equal cores: a hash of the configuration and of every source file they depend on.

    Elaborating a large core takes seconds; hashing its sources takes milliseconds.

    Parameters
    ----------
    packages:
        What else the hardware depends on, besides the packages of a core.
    """
    digest = hashlib.sha256(f"{config.hash:#x} amaranth {importlib.metadata.version('amaranth')}".encode())
    for package in (*_PACKAGES, *packages):
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in sorted(Path(folder).rglob("*.py")):
                source = path.read_bytes()
                digest.update(f"{package} {path.relative_to(folder)} {len(source)} ".encode() + source)
    return digest.hexdigest()
