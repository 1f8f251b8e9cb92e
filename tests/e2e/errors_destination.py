#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Destinations that cannot take the guest, each refused with a sentence."""
import socket

from smudgetest import case, check, check_equal, check_sentence, main
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


@case
def a_source_that_is_not_smudge(lab):
    destination = lab.destination()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(lab.path("migration.sock")))
        sock.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n" * 4)
        check_equal(destination.wait(), 1, "exit status")
    check_equal(len(destination.sentences()), 1, destination.log())
    check_sentence(destination.sentences()[0], "not smudge")
    check(not lab.path("migration.sock").exists(), "the socket file is left")


main()
