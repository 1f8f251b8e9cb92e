#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SIGTERM ends smudge-vm within a second, whatever it waits for, and the last
line says in which state the guest was.

SMUDGE_END_ROUNDS is the number of random moments of each kind (10).
"""
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time

from ending import RNG, a_while, end_in_time, end_watched, moments, \
    wait_for_handler
from screen import free_display
from smudgetest import GUEST, PATIENCE, VM, Qmp, Skip, any_engine, case, check, \
    check_equal, main, need_engine, note, wait_until
from stores import is_listening

LAST = re.compile(r"^smudge-vm: ended by (SIG\w+); (.+)$")
worst = 0.0


def end(machine, number=signal.SIGTERM):
    """
    Sends the signal; what the last line says of the guest, or None: the signal
    met no smudge-vm yet, or one that ended by quit.
    """
    global worst
    process = machine.process
    status, watch = end_watched(process, number, machine.name,
                                lambda: process.wait(PATIENCE))
    worst = max(worst, watch.took)
    if status == -number:
        return None  # before its main began
    lines = machine.log().splitlines()
    if lines and "without waiting" in lines[-1]:
        check(watch.is_busy(1.2), lines[-1])
        raise Skip(f"a busy machine did not let {machine.name} end in time")
    last = LAST.match(lines[-1]) if lines else None
    if getattr(machine, "was_told_to_quit", False) and not last:
        check_equal(status, 0, "status after quit")
        return None
    check(last, f"last line of {machine.name}: {lines[-2:]}")
    check_equal(last[1], signal.Signals(number).name, "the signal")
    check_equal(status, 1 if last[2] == UNSURE else 128 + number,
                f"status after {lines[-1]!r}")
    check(not machine.qmp_path.exists(), "the control socket is still there")
    return last[2]


def guest(lab, *arguments, name="source", append="working-set=1M rate=1000"):
    need_engine(any_engine())
    return lab.machine(name, "--kernel", GUEST, "--append", append, *arguments)


def drop(lab, machine):
    machine.end()
    lab.machines.remove(machine)


def rounds(lab, what, one, says):
    """@one gives a machine, at a random moment; @says: what may be said."""
    for _ in moments():
        machine = one()
        said = end(machine)
        check(said is None or said in says, f"{what}: {said!r}")
        drop(lab, machine)
    note(f"{what}: the slowest took {worst:.3f} s so far")


RUNNING = "the guest was running"
PAUSED = "the guest was paused"
NEW = "the guest had not started"
ABSENT = "the guest had not arrived"
GONE = "the guest has been handed over"
GIVEN_UP = "the migration was given up, and the guest ends here"
UNSURE = ("its migration was not confirmed: the guest may run at the "
          "destination")


@case
def under_nohup(lab):
    """A hangup that is ignored when it begins does not end it later."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        machine = guest(lab)
    finally:
        signal.signal(signal.SIGHUP, before)
    machine.connect()
    machine.process.send_signal(signal.SIGHUP)
    # it would be gone a second later
    time.sleep(1.5)
    check_equal(machine.qmp.run("query-status")["status"], "running",
                "the guest")
    check_equal(end(machine), RUNNING, "what its last line says")


@case
def at_the_start(lab):
    def one():
        machine = guest(lab, "--display", "640x480", "--vnc", f":{free_display()}")
        a_while(0.15)
        return machine
    rounds(lab, "start", one, (NEW, RUNNING))


@case
def during_screendumps(lab):
    def one():
        machine = guest(lab, "--display", "1920x1080")
        qmp = machine.connect()

        def pictures():
            try:
                while True:
                    qmp.run("screendump", format=RNG.choice(("ppm", "png")),
                            filename=str(lab.path("picture")))
            except (OSError, ValueError, AssertionError):
                pass
        threading.Thread(target=pictures, daemon=True).start()
        a_while(0.3)
        return machine
    rounds(lab, "screendump", one, (RUNNING,))
    left = [name for name in os.listdir(lab.folder) if "smudge" in name]
    check_equal(left, [], "files beside the pictures")


@case
def with_viewers(lab):
    def one():
        display = free_display()
        machine = guest(lab, "--display", "1920x1080", "--vnc", f":{display}")
        machine.connect().close()
        viewers = [socket.create_connection(("127.0.0.1", 5900 + display), 10)
                   for _ in range(4)]
        for viewer in viewers:
            a_while(0.02)
            viewer.sendall(b"RFB 003.008\n"[:RNG.randrange(13)])
        # one that asks for all and takes nothing
        viewers[0].sendall(b"RFB 003.008\n\1\1" + b"\3\0\0\0\0\0\7\x80\4\x38" * 50)
        a_while(0.3)
        lab.closers += [viewer.close for viewer in viewers]
        return machine
    rounds(lab, "viewers", one, (RUNNING,))


def begin_migration(lab, bandwidth):
    source = guest(lab, append="working-set=8M rate=20000")
    destination = lab.destination(name=f"destination{RNG.random()}",
                                  memory="64M")
    source.qmp.run("migrate-set-parameters", max_bandwidth=bandwidth)
    source.qmp.run("migrate", uri=lab.uri)
    return source, destination


def finish(lab, *machines):
    for machine in machines:
        drop(lab, machine)


@case
def during_a_migration_at_the_source(lab):
    """What it says is true of the other end."""
    seen = {}
    for _ in moments():
        source, destination = begin_migration(
            lab, RNG.choice((8_000_000, 80_000_000, 0)))
        a_while(0.6)
        said = end(source)
        seen[said] = seen.get(said, 0) + 1
        if said == GONE:
            # and not paused, since it was not when the migration took it
            wait_until(lambda: destination.qmp.run("query-status")["status"]
                       != "inmigrate", "its arrival")
            check_equal(destination.qmp.run("query-status")["status"],
                        "running", "the guest that was handed over")
            destination.wait_passes(1)
        elif said in (RUNNING, GIVEN_UP):
            check_equal(destination.wait(), 1, "the destination's status")
            check("incoming migration failed" in destination.log(),
                  destination.log())
        else:
            check_equal(said, UNSURE, "the source says")
        finish(lab, source, destination)
    note(f"{seen}, the slowest took {worst:.3f} s so far")


@case
def during_a_migration_at_the_destination(lab):
    seen = {}
    for _ in moments():
        source, destination = begin_migration(
            lab, RNG.choice((8_000_000, 80_000_000, 0)))
        a_while(0.6)
        said = end(destination)
        seen[said] = seen.get(said, 0) + 1
        report = source.qmp.wait_migration("completed", "failed", "cancelled")
        if said == ABSENT:
            check(report["status"] != "completed", f"{report}")
        else:
            check_equal(said, RUNNING, "the destination says")
        finish(lab, source, destination)
    note(f"{seen}, the slowest took {worst:.3f} s so far")


@case
def during_the_shutdown(lab):
    def one():
        machine = guest(lab)
        qmp = machine.connect()
        machine.was_told_to_quit = True
        a_while(0.1)
        machine.process.send_signal(signal.SIGTERM)
        a_while(0.01)
        try:
            qmp.send('{"execute": "quit"}')
        except OSError:
            pass
        return machine
    rounds(lab, "shutdown", one, (RUNNING,))


@case
def all_signals_and_states(lab):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        machine = guest(lab, "-S")
        machine.connect().close()
        check_equal(end(machine, number), NEW, "with -S")
        drop(lab, machine)
    machine = guest(lab)
    machine.qmp.run("stop")
    check_equal(end(machine), PAUSED, "after stop")
    drop(lab, machine)
    machine = lab.machine("deferred", "--incoming", "defer")
    machine.connect().close()
    check_equal(end(machine), ABSENT, "with --incoming defer")
    source, destination = begin_migration(lab, 0)
    source.qmp.wait_migration("completed")
    check_equal(end(source), GONE, "after a migration")


def starts_and_waits(lab, *arguments, incoming=None):
    machine = (lab.machine("source", "--incoming", incoming, *arguments)
               if incoming else guest(lab, *arguments))
    wait_for_handler(machine.process)
    time.sleep(0.5)
    check_equal(machine.process.poll(), None, f"it ended: {machine.log()!r}")
    return machine


@case
def waiting_for_a_password_or_a_page(lab):
    for word in ("password-file", "web"):
        fifo = lab.path(f"fifo-{word}")
        os.mkfifo(fifo)
        machine = starts_and_waits(lab, "--display", "64x48", "--vnc",
                                   f":{free_display()},{word}={fifo}")
        check(not machine.qmp_path.exists(), "it did not wait")
        check_equal(end(machine), NEW, f"waiting for {word}")
        drop(lab, machine)


@case
def a_password_from_a_fifo(lab):
    fifo = lab.path("fifo")
    os.mkfifo(fifo)
    machine = starts_and_waits(lab, "--display", "64x48", "--vnc",
                               f":{free_display()},password-file={fifo}")
    fifo.write_text("sesame\n")
    check_equal(machine.qmp.run("query-vnc")["auth"], "vnc", "auth")
    check_equal(end(machine), RUNNING, "after the start")


@case
def serial_ports_that_take_nothing(lab):
    """A FIFO without a reader, and a pipe that is full."""
    fifo = lab.path("fifo")
    os.mkfifo(fifo)
    machine = guest(lab, "--serial", f"file:{fifo}",
                    append="working-set=32K")
    machine.connect().close()
    time.sleep(1)
    check_equal(end(machine), RUNNING, "with a FIFO")
    drop(lab, machine)
    reader, writer = os.pipe()
    log = lab.path("piped.log")
    machine = guest(lab)
    drop(lab, machine)
    with open(log, "wb") as file:
        machine.process = subprocess.Popen(
            [VM, "-m", "32M", "--engine", any_engine(), "--kernel", GUEST,
             "--append", "working-set=32K"], stdin=subprocess.DEVNULL,
            stdout=writer, stderr=file)
    machine.log_path = log
    lab.machines.append(machine)
    wait_until(lambda: not select.select([], [writer], [], 0)[1], "a full pipe")
    check_equal(end(machine), RUNNING, "with a full pipe")
    os.close(reader)
    os.close(writer)


@case
def an_error_output_that_takes_nothing(lab):
    """The last line is lost then, and nothing else."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    need_engine(any_engine())
    path = lab.path("full.qmp")
    process = subprocess.Popen(
        [VM, "-m", "32M", "--engine", any_engine(), "--kernel", GUEST,
         "--serial", "null", "--qmp", f"unix:{path}"],
        stdin=subprocess.DEVNULL, stderr=writer)
    lab.closers.append(process.kill)
    wait_until(lambda: is_listening(path), "the control socket")
    qmp = Qmp(path)
    wait_until(lambda: qmp.run("query-status")["running"], "running")
    end_in_time(process, signal.SIGTERM, "the machine",
                lambda: process.wait(PATIENCE))
    check_equal(process.returncode, 143, "status")
    os.close(reader)
    os.close(writer)


@case
def peers_that_say_nothing(lab):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(lab.path("silent")))
    listener.listen(1)
    for uri in (f"unix:{lab.path('silent')}", "tcp:192.0.2.1:4444"):
        source = guest(lab)
        source.connect().close()
        source.qmp.run("migrate", uri=uri)
        time.sleep(0.3)
        check_equal(end(source), RUNNING, f"migrating to {uri}")
        drop(lab, source)
    destination = lab.destination()
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(str(lab.path("migration.sock")))
    time.sleep(0.3)
    check_equal(end(destination), ABSENT, "with a silent sender")
    check(not lab.path("migration.sock").exists(), "its socket is still there")


def ends_without_waiting(process, log, state):
    _, took = end_in_time(process, signal.SIGTERM, "the machine",
                          lambda: process.wait(PATIENCE))
    check_equal(process.returncode, 1, "status")
    check(took > 0.5, f"it took only {took:.2f} s to end")
    check_equal(log.read_text().splitlines()[-1], "smudge-vm: ended by "
                f"SIGTERM, without waiting for what did not stop; {state}",
                "the last line")


@case
def what_cannot_be_cut_short(lab):
    """The look-up of a name: by the main thread, and by a migration's."""
    if os.environ.get("SMUDGE_SANITIZE", "none") != "none":
        raise Skip("a sanitizer wants to be loaded first")
    os.environ["LD_PRELOAD"] = os.environ["SMUDGE_SLOW_NAMES_MODULE"]
    lab.closers.append(lambda: os.environ.pop("LD_PRELOAD", None))
    begun = lab.path("begun")
    os.environ["SMUDGE_SLOW_NAMES_BEGUN"] = str(begun)
    lab.closers.append(lambda: os.environ.pop("SMUDGE_SLOW_NAMES_BEGUN", None))
    machine = lab.machine("incoming", "--incoming", "tcp:localhost:0")
    wait_until(begun.exists, "it looks a name up")
    ends_without_waiting(machine.process, machine.log_path, ABSENT)
    begun.unlink()
    source = guest(lab)
    del os.environ["LD_PRELOAD"]
    source.qmp.run("migrate", uri="tcp:localhost:1")
    wait_until(begun.exists, "its migration looks a name up")
    ends_without_waiting(source.process, source.log_path, RUNNING)


@case
def memory_that_is_freed_slowly(lab):
    """The guest is gone by then; what was said of it stays true."""
    if os.environ.get("SMUDGE_SANITIZE", "none") != "none":
        raise Skip("a sanitizer wants to be loaded first")
    os.environ["LD_PRELOAD"] = os.environ["SMUDGE_SLOW_UNMAP_MODULE"]
    lab.closers.append(lambda: os.environ.pop("LD_PRELOAD", None))
    running, ended = guest(lab), guest(lab, name="ended")
    del os.environ["LD_PRELOAD"]
    running.connect().close()
    time.sleep(0.3)
    ends_without_waiting(running.process, running.log_path, RUNNING)
    ended.qmp.run("quit")
    time.sleep(0.5)
    ends_without_waiting(ended.process, ended.log_path, RUNNING)


@case
def clients_that_do_not_read(lab):
    machine = guest(lab)
    clients = [machine.connect() for _ in range(4)]
    for client in clients:
        client.sock.settimeout(0.2)
        try:
            while True:
                client.send('{"execute": "query-commands"}' * 100)
        except OSError:
            pass
    check_equal(end(machine), RUNNING, "with full clients")


@case
def a_client_that_reads_slowly(lab):
    """Each byte it takes is progress; the end waits half a second in all."""
    machine = guest(lab)
    client = machine.connect()
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.sock.settimeout(0.2)
    try:
        while True:
            client.send('{"execute": "query-commands"}' * 100)
    except OSError:
        pass

    def read():
        try:
            while client.sock.recv(3000):
                time.sleep(0.05)
        except OSError:
            pass
    threading.Thread(target=read, daemon=True).start()
    check_equal(end(machine), RUNNING, "with a slow client")


@case
def while_a_digest_is_taken(lab):
    """Two GiB, of which one is there and the rest is zeros."""
    machine = lab.machine("source", "--kernel", GUEST, "-S", memory="2G")
    machine.qmp.send('{"execute": "x-smudge-memory-digest"}')
    time.sleep(0.02)
    check_equal(end(machine), NEW, "while it takes a digest")


main()
