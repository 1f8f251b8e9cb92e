#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Destinations that cannot take the guest, each refused with a sentence."""
import signal
import socket
import time

from smudgetest import case, check, check_equal, check_sentence, main, \
    wait_until
from stopwatch import Stopwatch
from stream import MAGIC, Says, greeting


def check_fails(source, uri, *parts):
    source.qmp.run("migrate", uri=uri)
    report = source.qmp.wait_migration("completed", "failed")
    check_equal(report["status"], "failed", f"{report}")
    check_sentence(report["error-desc"], *parts)
    source.check_runs_on()


@case("http", data=b"HTTP/1.1 400 Bad Request\r\nServer: other\r\n\r\n" * 4,
      close=False, says="not smudge")
@case("zeros", data=bytes(4096), close=False, says="not smudge")
@case("qemu", data=b"QEVM" + bytes(60), close=False, says="not smudge")
@case("nothing, then closed", data=b"", close=True, says="closed|connection")
@case("half a greeting, then closed", data=greeting()[:20], close=True,
      says="closed|connection")
@case("another version", data=greeting(version=2), close=False,
      says="version 2")
@case("a damaged greeting", data=greeting()[:-1] + b"\x00", close=False,
      says="greeting|checksum|damaged")
@case("a second sender", data=greeting(role=1), close=False,
      says="role|sender|source|receiver")
@case("a feature nobody knows", data=greeting(mandatory=1 << 40), close=False,
      says="feature")
@case("a greeting, then garbage", data=greeting() + MAGIC * 8, close=False,
      says="record|length|type|bytes")
def not_a_destination(lab, data, close, says):
    source = lab.source()
    peer = Says(lab, data, close)
    check_fails(source, peer.uri, says)


@case("less memory", memory="32M")
@case("more memory", memory="96M")
def other_memory(lab, memory):
    source = lab.source()
    destination = lab.destination(memory=memory)
    size = str(int(memory[:-1]) * 1024)
    check_fails(source, lab.uri, "memory", "65536", size)
    check_equal(destination.wait(), 1, "exit status of the destination")
    check_equal(len(destination.sentences()), 1, destination.log())
    check_sentence(destination.sentences()[0], "memory", size)


@case
def a_port_that_is_not_listened_on(lab):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but it does not listen
        port = taken.getsockname()[1]
        check_fails(lab.source(), f"tcp:127.0.0.1:{port}", "cannot connect",
                    str(port), "refused")


@case
def a_host_that_does_not_exist(lab):
    check_fails(lab.source(), "tcp:no-such-host.invalid:4444", "cannot find",
                "no-such-host")


@case
def a_port_in_use(lab):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        machine = lab.machine("destination", "--incoming",
                              f"tcp:127.0.0.1:{port}")
        check_equal(machine.wait(), 1, "exit status")
        check_equal(len(machine.log().splitlines()), 1, machine.log())
        check_sentence(machine.log().strip(), "in use", str(port))
        # and by migrate-incoming the machine lives on
        other = lab.machine("other", "--incoming", "defer")
        error = other.qmp.fails("migrate-incoming",
                                uri=f"tcp:127.0.0.1:{port}")
        check_sentence(error.desc, "in use")
        other.qmp.run("migrate-incoming", uri="tcp:127.0.0.1:0")


@case
def a_socket_file_in_use(lab):
    source = lab.source()
    destination = lab.destination()
    machine = lab.machine("second", "--incoming", lab.uri)
    check_equal(machine.wait(), 1, "exit status")
    check_sentence(machine.log().strip(), "in use")
    # the one that waits there has not noticed
    source.qmp.run("migrate", uri=lab.uri)
    source.qmp.wait_migration("completed")
    destination.wait_passes(1)


@case
def a_file_that_is_no_socket_is_left_alone(lab):
    lab.path("migration.sock").write_text("precious")
    machine = lab.machine("destination", "--incoming", lab.uri)
    check_equal(machine.wait(), 1, "exit status")
    check_sentence(machine.log().strip(), "in use")
    check_equal(lab.path("migration.sock").read_text(), "precious", "the file")


def knock(path, data):
    """A connection of somebody else, until it is sent away."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(60)
        sock.connect(str(path))
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        try:
            while sock.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass


@case
def strangers_do_not_end_a_wait(lab):
    destination = lab.destination()
    for data in (b"", b"G", b"GET / HTTP/1.1\r\nHost: here\r\n\r\n" * 4,
                 MAGIC + bytes(32), bytes(39)):
        knock(lab.path("migration.sock"), data)
        check_equal(destination.qmp.run("query-status")["status"],
                    "inmigrate", "status")
        check_equal(destination.qmp.migration()["status"], "setup", "migration")
    # the connection is closed before its sentence is written
    wait_until(lambda: len(destination.sentences()) >= 5, "five sentences")
    lines = destination.sentences()
    check_equal(len(lines), 5, lines)
    for line in lines:
        check("was no migration" in line, line)
    check("not smudge" in lines[2], lines[2])
    # and the one that is waited for still comes
    source = lab.source()
    source.qmp.run("migrate", uri=lab.uri)
    source.qmp.wait_migration("completed")
    destination.wait_passes(2)
    check(not lab.path("migration.sock").exists(), "the socket file is left")


@case
def a_stranger_over_tcp_who_says_nothing(lab):
    """Connected and gone, or connected and silent."""
    destination = lab.machine("destination", "--incoming", "defer")
    destination.qmp.run("migrate-incoming", uri="tcp:127.0.0.1:0")
    address, = destination.qmp.migration()["socket-address"]
    where = (address["host"], int(address["port"]))
    for _ in range(20):
        socket.create_connection(where, 60).close()
    with socket.create_connection(where, 60):
        # it is sent away in time for who waits behind it
        source = lab.source()
        source.qmp.run("migrate", uri=f"tcp:{where[0]}:{where[1]}")
        source.qmp.wait_migration("completed")
        destination.wait_passes(2)


def hold_up(lab, data, pause):
    """Sends @data byte by byte; the source comes while that lasts."""
    source, destination = lab.source(), lab.destination()
    with socket.socket(socket.AF_UNIX) as sock, Stopwatch() as watch:
        sock.connect(str(lab.path("migration.sock")))
        sock.sendall(data[:1])
        source.qmp.run("migrate", uri=lab.uri)
        for byte in data[1:]:
            if source.qmp.migration()["status"] in ("completed", "failed"):
                break
            try:
                sock.sendall(bytes((byte,)))
            except OSError:
                pass
            time.sleep(pause)
        report = source.qmp.wait_migration("completed", "failed")
        check_equal(report["status"], "completed", f"{report}")
    # 5 s, and the migration; the source would give up after 30
    watch.check(20, "the source was held up")
    destination.wait_passes(2)


@case
def a_stranger_who_begins_a_greeting(lab):
    hold_up(lab, greeting()[:1], 0)


@case
def a_stranger_whose_greeting_never_ends(lab):
    hold_up(lab, greeting(), 2)


@case
def the_end_comes_while_a_stranger_says_nothing(lab):
    destination = lab.destination()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(lab.path("migration.sock")))
        destination.kill(signal.SIGTERM)
    destination.wait_status(143)


main()
