# SPDX-License-Identifier: Apache-2.0
"""A board as a transport: what works, and what each thing that can be wrong is called."""

import os
import sys

import pytest

import celosia.runtime
from celosia.arch.config import preset
from celosia.arch.isa import Space
from celosia.arch.link import BAUD, Operation
from celosia.arch.registers import Register, window
from celosia.runtime import DeviceError, TransportError
from celosia.runtime.serial import LinkClient, SerialTransport, is_port
from celosia.runtime.serial.transport import split_speed
from runtime.serial.board import COUNTER, FAULTY, Board, Line

CONFIG = preset("c16")


def connected(external=0, **options) -> tuple[SerialTransport, Line]:
    line = Line(Board(CONFIG, external=external), **options)
    return SerialTransport("the line", CONFIG, port=line), line


def test_registers_and_windows():
    transport, line = connected()
    data = bytes(range(256)) * 40
    weights = window(CONFIG, Space.WEIGHTS)
    transport.write(Register.TIMEOUT, 0xFEDCBA98)
    assert transport.read(Register.TIMEOUT) == 0xFEDCBA98
    transport.write_block(weights, data)
    assert transport.read_block(weights, len(data)) == data
    assert transport.read_block(weights + 100, 8) == data[100:108]
    assert transport.read_block(weights, 0) == b""
    assert transport.clock_hz == 25_000_000
    assert transport.events() == []
    transport.close()
    assert line.closed


def test_external_memory_has_bytes():
    transport, _ = connected(external=4096)
    transport.external_write(0, bytes(range(1, 65)))
    transport.external_write(5, b"abc")
    transport.external_write(17, b"defgh")
    transport.external_write(32, b"")
    assert transport.external_read(3, 22) == bytes([4, 5]) + b"abc" + bytes(range(9, 18)) + b"defgh" + bytes(
        [23, 24, 25]
    )
    assert transport.external_read(4092, 4) == bytes(4)
    assert transport.external_read(1, 0) == b""


def test_what_is_outside_is_refused():
    transport, line = connected(external=4096)
    sent = line.sent
    for call in (
        lambda: transport.read(2),
        lambda: transport.read(1 << 30),
        lambda: transport.write(0, 1 << 32),
        lambda: transport.write(0, -1),
        lambda: transport.read_block(0, 6),
        lambda: transport.write_block(0, b"abc"),
        lambda: transport.external_read(4095, 2),
        lambda: transport.external_write(-1, b"a"),
    ):
        with pytest.raises(TransportError):
            call()
    assert line.sent == sent
    transport.close()
    for call in (lambda: transport.read(0), transport.wait, transport.events, lambda: transport.external_read(0, 4)):
        with pytest.raises(TransportError, match="closed"):
            call()


# --- waiting ---


def running(line: Line, cycles_a_read: int, until: int):
    """Let CYCLES grow with every request, and the interrupt come with a number of cycles."""

    def before(_: bytes) -> None:
        cycles = line.board.control.get(Register.CYCLES_LOW, 0) + cycles_a_read
        line.board.control[Register.CYCLES_LOW] = cycles
        line.board.interrupt = cycles >= until

    line.before = before


def test_wait_returns_with_the_interrupt_and_tells_cycles():
    transport, line = connected()
    running(line, 1000, 40_000)
    seen: list[int] = []
    sent = line.sent
    transport.wait(100_000, seen.append)
    assert seen == [1000 * i for i in range(39)]
    assert line.sent - sent < 40 * 25
    assert line.time < 2.5
    transport.wait()


def test_wait_gives_up():
    transport, line = connected()
    running(line, 1000, 1 << 40)
    with pytest.raises(TransportError, match="no interrupt within 5000 cycles"):
        transport.wait(5000)
    line.before = None
    with pytest.raises(TransportError, match="the core is not running"):
        transport.wait()


# --- what can be wrong ---


def error_of(line: Line, config=CONFIG) -> str:
    with pytest.raises(DeviceError) as caught:
        SerialTransport("/dev/board", config, port=line)
    assert line.closed
    message = str(caught.value)
    assert message.startswith("/dev/board: ")
    assert "\n" not in message
    return message


def test_nothing_answers():
    line = Line(Board(CONFIG))
    line.mute = True
    assert "nothing answered for 5 seconds at 3000000 baud; program the board" in error_of(line)
    assert 5 < line.time < 7


def test_something_else_answers():
    line = Line(Board(CONFIG))
    line.board.feed = lambda data: b"login: \0"
    assert "what comes at 3000000 baud is not Celosia's link; give the speed" in error_of(line)


def test_another_identity_or_version():
    line = Line(Board(CONFIG))
    line.board.info[0] = 0x12340001
    assert "no Celosia board" in error_of(line)
    assert "version 9 of the link, this software version 1" in error_of(Line(Board(CONFIG, version=9)))


def test_another_configuration_names_both():
    message = error_of(Line(Board(preset("c64"))))
    assert f"holds c64 (hash {preset('c64').hash:#018x}), not c16 ({CONFIG.hash:#018x})" in message
    assert "--config c64" in message
    odd = CONFIG.replace(weight_bytes=4096)
    assert f"no name for (hash {odd.hash:#018x}), not c16" in error_of(Line(Board(odd)))


def test_a_board_that_is_reset_or_taken_over():
    transport, line = connected()
    transport.write(COUNTER, 1)
    line.board.reset()
    with pytest.raises(TransportError, match="the board was reset, or another program uses it"):
        transport.write(COUNTER, 1)
    transport.write(COUNTER, 1)  # in a new session
    assert line.board.control[COUNTER] == 2
    line.board.reset()
    with pytest.raises(TransportError, match="the board was reset"):
        transport.read(COUNTER)


def test_bus_errors_name_the_address_and_do_not_stay():
    transport, line = connected()
    for call in (lambda: transport.read(FAULTY[0]), lambda: transport.write(FAULTY[0], 1)):
        with pytest.raises(TransportError, match=r"the line: a bus on the board answered the (read|write) at 0x60"):
            call()
    transport.write(COUNTER, 1)
    assert line.board.control[COUNTER] == 1


def test_a_board_that_falls_silent():
    transport, line = connected()
    line.mute = True
    before = line.time
    with pytest.raises(TransportError, match="the board has not answered for 5 seconds; check the cable"):
        transport.read(0)
    assert line.time - before < 7
    line.mute = False
    assert transport.read(COUNTER) == 0


def test_an_interrupted_access_leaves_the_link_usable():
    transport, line = connected()
    weights, data = window(CONFIG, Space.WEIGHTS), bytes(range(256)) * 16
    for after in range(1, 12):
        left = after

        def interrupt(_: bytes) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise KeyboardInterrupt

        for access in (lambda: transport.write_block(weights, data), lambda: transport.read_block(weights, 8000)):
            left, line.before = after, interrupt
            try:
                access()
            except KeyboardInterrupt:
                line.before = None
            line.before = None
            before = line.board.control.get(COUNTER, 0)
            transport.write(COUNTER, 0)
            assert line.board.control[COUNTER] == before + 1
    transport.write_block(weights, data)
    assert transport.read_block(weights, len(data)) == data


def test_a_restarted_host_is_not_taken_for_the_one_before():
    line = Line(Board(CONFIG))
    for seed in range(40):  # sessions of other hosts, wherever they had got to
        client = LinkClient(line, seed=seed % 3)
        before = line.board.control.get(COUNTER, 0)
        for _ in range(seed):
            client.write(Operation.WRITE, COUNTER, bytes(4))
        assert line.board.control.get(COUNTER, 0) == before + seed


# --- ports ---


@pytest.mark.parametrize(
    "name", ["/dev/ttyUSB0", "COM3", "com12", r"\\.\COM10", "socket://host:1", "/dev/ttyACM0@9600"]
)
def test_what_is_a_port(name):
    assert is_port(name)


@pytest.mark.parametrize("name", ["paper", "computer", "", "COM"])
def test_what_is_no_port(name):
    assert not is_port(name)
    with pytest.raises(
        DeviceError, match=f"no device is called '{name}'; choose one of functional, verilator, pysim, or"
    ):
        celosia.runtime.open(name)


def test_speeds():
    assert split_speed("/dev/x") == ("/dev/x", BAUD)
    assert split_speed("/dev/x@115200") == ("/dev/x", 115200)
    with pytest.raises(TransportError, match="after the @ comes a number of bits a second"):
        split_speed("/dev/x@fast")


def test_ports_that_cannot_be_opened(tmp_path):
    pytest.importorskip("serial")
    with pytest.raises(TransportError, match=r"/dev/nothing: there is no such serial port; connect the board \(ports"):
        celosia.runtime.open("/dev/nothing")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TransportError, match="this is no serial port"):
        celosia.runtime.open(str(tmp_path / "file"))


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_a_port_in_use_and_one_that_goes_away():
    serial = pytest.importorskip("serial")
    from celosia.runtime.serial import SerialPort

    board, host = os.openpty()
    path = os.ttyname(host)
    with serial.Serial(path, exclusive=True), pytest.raises(TransportError, match="another program uses this port"):
        SerialPort(path, BAUD)
    port = SerialPort(path, BAUD)
    os.write(board, b"abc")
    data = b""
    while len(data) < 3:
        data += port.read()
    assert data == b"abc"
    assert port.read() == b""
    port.write(b"xyz")
    assert os.read(board, 10) == b"xyz"
    os.close(host)
    os.close(board)
    with pytest.raises(TransportError, match="the connection is lost"):
        port.read()
    port.close()


def test_without_pyserial(monkeypatch):
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(
        TransportError, match=r"/dev/x: serial ports need the package pyserial: pip install 'celosia\[fpga\]'"
    ):
        celosia.runtime.open("/dev/x")
