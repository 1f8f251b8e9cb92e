#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""QMP as a generic client uses it: greeting, commands, events, several at once."""
import json
import os
import signal
import socket
import subprocess
import sys
import time

from smudgetest import (GUEST, VM, any_engine, case, check, check_equal, main,
                        wait_until)


@case
def the_greeting_and_the_commands(lab):
    source = lab.source()
    greeting = source.qmp.greeting["QMP"]
    check_equal(greeting["capabilities"], [], "capabilities")
    check_equal(greeting["version"], source.qmp.run("query-version"), "version")
    check_equal(sorted(greeting["version"]["qemu"]),
                ["major", "micro", "minor"], "version's numbers")
    numbers = greeting["version"]["qemu"]
    check_equal("smudge-vm {major}.{minor}.{micro}\n".format(**numbers),
                subprocess.run([VM, "--version"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout, "version")
    names = [c["name"] for c in source.qmp.run("query-commands")]
    for name in ("qmp_capabilities", "query-status", "stop", "cont", "migrate",
                 "query-migrate", "migrate_cancel", "migrate-set-parameters",
                 "query-migrate-parameters", "query-version", "quit",
                 "x-smudge-memory-stats", "x-smudge-memory-digest"):
        check(name in names, f"{name} is not in {names}")
    check_equal(source.qmp.run("query-name"), {}, "query-name")


@case
def stop_and_cont_with_their_events(lab):
    source = lab.source()
    before = time.time()
    source.qmp.run("stop")
    # the event comes before the reply
    check_equal([e["event"] for e in source.qmp.events], ["STOP"], "events")
    stamp = source.qmp.wait_event("STOP")["timestamp"]
    check(before - 2 <= stamp["seconds"] <= time.time() + 2, f"{stamp}")
    check(0 <= stamp["microseconds"] < 1000000, f"{stamp}")
    check_equal(source.qmp.run("query-status"),
                {"status": "paused", "running": False}, "status")
    first = source.qmp.run("x-smudge-memory-digest")
    passes = source.passes()
    time.sleep(0.3)
    check_equal(source.qmp.run("x-smudge-memory-digest"), first, "digest")
    check_equal(source.passes(), passes, "passes while stopped")
    source.qmp.run("stop")
    check_equal(source.qmp.events, [], "events of a second stop")
    source.qmp.run("cont")
    source.qmp.wait_event("RESUME")
    source.wait_passes(2)
    source.qmp.run("stop")
    check(source.qmp.run("x-smudge-memory-digest") != first,
          "the digest does not see writes")


@case
def events_of_a_migration(lab):
    source = lab.source()
    destination = lab.destination("-S")
    watcher = destination.qmp
    source.qmp.run("migrate", uri=lab.uri)
    for status in ("setup", "active", "completed"):
        source.qmp.wait_event("MIGRATION", status=status)
    source.qmp.wait_event("STOP")
    watcher.wait_event("MIGRATION", status="completed")
    watcher.run("cont")
    watcher.wait_event("RESUME")


@case
def paused_start(lab):
    machine = lab.machine("source", "-S", "--kernel", GUEST, "--append",
                          "working-set=1M")
    check_equal(machine.qmp.run("query-status"),
                {"status": "prelaunch", "running": False}, "status")
    check_equal(machine.serial(), "", "what ran")
    machine.qmp.run("cont")
    machine.wait_passes(1)


@case
def a_stop_at_the_very_start_stays(lab):
    """A stderr that takes nothing holds the start up between its steps."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 65536)
    except BlockingIOError:
        pass
    path = lab.path("early.qmp")
    process = subprocess.Popen(
        [VM, "-m", "64M", "--engine", any_engine(), "--kernel", GUEST,
         "--serial", "null", "--qmp", f"unix:{path}"], stderr=writer,
        stdin=subprocess.DEVNULL)
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            wait_until(path.exists, "the control socket")
            wait_until(lambda: client.connect_ex(str(path)) == 0, "a listener")
            client.sendall(b'{"execute": "qmp_capabilities"}'
                           b'{"execute": "stop", "id": 1}')
            data = b""
            while b'"id": 1' not in data:
                data += client.recv(65536)
            time.sleep(0.7)
            client.sendall(b'{"execute": "query-status", "id": 2}')
            while b'"id": 2' not in data:
                data += client.recv(65536)
        check(b'"status": "paused"' in data, f"{data[-200:]}")
    finally:
        process.kill()
        process.wait()
        os.close(reader)
        os.close(writer)


@case
def several_clients_at_once(lab):
    source = lab.source()
    second = source.connect(negotiate=False)
    third = source.connect()
    second.send('{"execute": "query-status"}')
    check_equal(second.read()["error"]["class"], "CommandNotFound", "class")
    source.qmp.run("stop")
    third.wait_event("STOP")
    second.run("qmp_capabilities")
    check_equal(second.events, [], "events before the negotiation")
    third.run("cont")
    for client in (source.qmp, second, third):
        client.wait_event("RESUME")
        client.close()
    source._qmp = None
    check_equal(source.qmp.run("query-status")["running"], True, "running")


@case
def more_clients_than_places_wait_their_turn(lab):
    source = lab.source()
    clients = [source.connect() for _ in range(16)]
    late = socket.socket(socket.AF_UNIX)
    with late:
        late.connect(str(source.qmp_path))
        late.settimeout(0.2)
        try:
            check(not late.recv(1), "a seventeenth client was served")
        except TimeoutError:
            pass
        clients.pop().close()
        late.settimeout(20)
        check(late.recv(1), "the place was not given on")
    for client in clients:
        client.close()


@case
def values_in_pieces_and_in_heaps(lab):
    source = lab.source()
    text = json.dumps({"execute": "query-status", "id": {"a": ["}", 1]}},
                      indent=4)
    for piece in text:
        source.qmp.send(piece)
    check_equal(source.qmp.reply()["id"], {"a": ["}", 1]}, "id")
    source.qmp.send(text * 50)
    for _ in range(50):
        check("return" in source.qmp.reply(), "a reply is missing")


@case
def a_client_that_does_not_read_harms_nobody(lab):
    source = lab.source()
    deaf = source.connect()
    deaf.sock.settimeout(2)
    try:
        for _ in range(2000):
            deaf.send('{"execute": "query-commands"}' * 50)
    except TimeoutError:
        pass
    for _ in range(20):
        source.qmp.run("stop")
        source.qmp.run("cont")
    check_equal(source.qmp.run("query-status")["running"], True, "running")
    deaf.close()


def read_to_end(client):
    data = b""
    while True:
        piece = client.recv(65536)
        if not piece:
            return data
        data += piece


@case
def a_client_that_sends_no_more_gets_every_answer(lab):
    source = lab.source()
    wanted = 500  # replies of some 900 bytes: far more than a socket holds
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(source.qmp_path))
        client.sendall(b'{"execute": "qmp_capabilities", "id": -1}' + b"".join(
            b'{"execute": "query-commands", "id": %d}' % i
            for i in range(wanted)) + b'{"execute": "query-')
        client.shutdown(socket.SHUT_WR)
        time.sleep(0.3)
        lines = read_to_end(client).split(b"\r\n")
    check_equal(lines.pop(), b"", "what follows the last line")
    replies = [json.loads(line) for line in lines[1:]]
    check_equal([r.get("id") for r in replies], [*range(-1, wanted), None],
                "ids")
    check("cut off" in replies[-1]["error"]["desc"], f"{replies[-1]}")


@case
def a_client_that_sends_no_more_and_reads_nothing_frees_its_place(lab):
    source = lab.source()
    clients = []
    for _ in range(15):
        client = socket.socket(socket.AF_UNIX)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect(str(source.qmp_path))
        client.sendall(b'{"execute": "qmp_capabilities"}' +
                       b'{"execute": "query-commands"}' * 300)
        client.shutdown(socket.SHUT_WR)
        clients.append(client)
    waiting = socket.socket(socket.AF_UNIX)
    waiting.settimeout(30)
    waiting.connect(str(source.qmp_path))
    check(waiting.recv(7) == b'{"QMP":', "no place became free")
    for client in [*clients, waiting]:
        client.close()


@case
def ids_come_back_as_they_were_sent(lab):
    source = lab.source()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(source.qmp_path))
        lines = client.makefile("rb")
        lines.readline()
        client.sendall(b'{"execute": "qmp_capabilities"}')
        lines.readline()
        for wanted in (b"9223372036854775808", b"-1e999", b'"\\u0000"',
                       b'{"a": [18446744073709551615]}', b"null"):
            client.sendall(b'{"execute": "query-name", "id":%s}' % wanted)
            check_equal(lines.readline(),
                        b'{"return": {}, "id": %s}\r\n' % wanted, "reply")


@case
def parameters_are_kept(lab):
    source = lab.source()
    check_equal(source.qmp.run("query-migrate-parameters"),
                {"max-bandwidth": 0, "downtime-limit": 300,
                 "x-smudge-max-rounds": 30}, "defaults")
    source.qmp.run("migrate-set-parameters", max_bandwidth=5_000_000)
    source.qmp.run("migrate-set-parameters", downtime_limit=20)
    check_equal(source.qmp.run("query-migrate-parameters"),
                {"max-bandwidth": 5_000_000, "downtime-limit": 20,
                 "x-smudge-max-rounds": 30}, "parameters")


@case
def a_lower_limit_acts_on_a_migration_that_runs(lab):
    source = lab.source(append="working-set=8M")
    destination = lab.destination("-S")
    source.qmp.run("migrate-set-parameters", max_bandwidth=2_000_000,
                   downtime_limit=1, x_smudge_max_rounds=1000)
    source.qmp.run("migrate", uri=lab.uri)
    source.qmp.wait_event("MIGRATION", status="active")
    source.qmp.run("migrate-set-parameters", max_bandwidth=0,
                   downtime_limit=2000000)
    source.qmp.wait_migration("completed")
    destination.qmp.wait_migration("completed")


@case
def quit_says_goodbye(lab):
    source = lab.source()
    check_equal(source.qmp.run("quit"), {}, "reply")
    event = source.qmp.wait_event("SHUTDOWN", guest=False)
    check_equal(event["data"]["reason"], "host-qmp-quit", "reason")
    check_equal(source.wait(), 0, "exit status")
    check(not source.qmp_path.exists(), "the socket file is left")


@case
def a_signal_is_a_shutdown_too(lab):
    source = lab.source()
    source.qmp.run("query-status")
    source.process.send_signal(signal.SIGTERM)
    event = source.qmp.wait_event("SHUTDOWN", guest=False)
    check_equal(event["data"]["reason"], "host-signal", "reason")
    source.wait_status(143)


@case
def a_guest_that_ends_itself(lab):
    machine = lab.machine("source", "-S", "--kernel", GUEST, "--append",
                          "working-set=64K passes=2")
    machine.qmp.run("cont")
    machine.qmp.wait_event("SHUTDOWN", guest=True)
    check_equal(machine.wait(), 0, "exit status")


@case
def nobody_else_may_come_in(lab):
    """Whatever the umask, sockets are their owner's alone."""
    for umask in (0, 0o777, 0o277):
        before = os.umask(umask)
        try:
            source = lab.machine(f"machine{umask}", "--incoming",
                                 f"unix:{lab.path(f'in{umask}')}")
            source.qmp.run("query-status")
        finally:
            os.umask(before)
        for path in (source.qmp_path, lab.path(f"in{umask}"),
                     source.serial_path):
            check_equal(oct(os.lstat(path).st_mode & 0o7777), "0o600",
                        f"mode of {path} with umask {umask:o}")
            if umask == 0 and os.getuid() == 0:
                check_nobody_connects(path)


def check_nobody_connects(path):
    code = ("import os, socket, sys; os.chmod(os.path.dirname(sys.argv[1]), "
            "0o755); os.setuid(65534); "
            "socket.socket(socket.AF_UNIX).connect(sys.argv[1])")
    run = subprocess.run([sys.executable, "-c", code, path],
                         capture_output=True, text=True, timeout=30)
    check("PermissionError" in run.stderr, f"nobody connects: {run.stderr}")


@case
def a_dead_socket_file_is_replaced(lab):
    first = lab.source()
    first.kill()
    check(first.qmp_path.exists(), "the socket file is gone")
    second = lab.source()
    check_equal(second.qmp.run("query-status")["running"], True, "running")


main()
