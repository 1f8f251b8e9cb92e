#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SIGTERM ends every command of smudge within a second, whatever it waits
for, and leaves nothing behind.

SMUDGE_END_ROUNDS is the number of random moments of each kind (10).
"""
import os
import signal
import socket
import subprocess
import threading
import time

from ending import RNG, a_while, end_in_time, end_orderly, moments, \
    wait_for_handler
from smudgetest import PATIENCE, TOOL, any_engine, case, check, check_equal, \
    check_sentence, main, need_engine, wait_until


def start(lab, *arguments, stdout=subprocess.DEVNULL, **environment):
    process = subprocess.Popen(
        [TOOL, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=stdout,
        stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
    lab.closers.append(process.kill)
    return process


def end(process, number=signal.SIGTERM):
    """The signal; exit status and what it said."""
    _, said = end_orderly(process, number, process.args,
                          lambda: process.communicate(timeout=PATIENCE))
    return process.returncode, said.strip()


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


class Silent:
    """A server that lets in or not, and says nothing, or only its greeting."""

    def __init__(self, lab, kind=socket.AF_UNIX, says=b"", backlog=5):
        self.sock = socket.socket(kind)
        self.path = lab.path(f"silent{time.monotonic_ns()}")
        self.sock.bind(str(self.path) if kind == socket.AF_UNIX
                       else ("127.0.0.1", 0))
        self.sock.listen(backlog)
        self.says = says
        self.met = []
        lab.closers.append(self.sock.close)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        try:
            while self.says is not None:
                peer, _ = self.sock.accept()
                self.met.append(peer)
                peer.sendall(self.says)
        except OSError:
            pass


GREETING = b'{"QMP": {"version": {}, "capabilities": []}}\n'


def full_server(lab):
    """Its queue is full, and nobody takes from it."""
    server = Silent(lab, says=None, backlog=0)
    waiting = []
    for _ in range(4):
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        try:
            client.connect(str(server.path))
        except BlockingIOError:
            pass
        waiting.append(client)
    lab.closers.append(lambda: [client.close() for client in waiting])
    return server


@case
def control_sockets_that_do_not_answer(lab):
    for server in (Silent(lab), Silent(lab, says=GREETING), full_server(lab)):
        for command in (["qmp", "--qmp", server.path, "stop"],
                        ["migrate", "--qmp", server.path, "unix:x"],
                        ["checkpoint", "--qmp", server.path, "--to", "x"]):
            process = start(lab, *command)
            if command[0] != "qmp":
                wait_for_handler(process)
            time.sleep(0.4)
            check_equal(process.poll(), None, f"{command} ended")
            status, said = end(process)
            if command[0] == "qmp":
                check_equal((status, said), (-signal.SIGTERM, ""), "qmp")
            else:
                check_equal(status, 1, f"{command[0]}: {said}")
                check_sentence(said, "^smudge: ")


@case
def vnc_servers_that_do_not_answer(lab):
    for says in (b"", b"RFB 003.008\n"):
        while True:
            server = Silent(lab, socket.AF_INET, says)
            port = server.sock.getsockname()[1]
            if port >= 5900:
                break
        picture = lab.path("picture.png")
        process = start(lab, "screenshot", "--vnc", f":{port - 5900}", picture)
        time.sleep(0.4)
        check_equal(end(process), (-signal.SIGTERM, ""), "screenshot")
        check(not picture.exists(), "there is a picture")


@case
def a_password_that_does_not_come(lab):
    fifo = lab.path("fifo")
    os.mkfifo(fifo)
    process = start(lab, "screenshot", "--vnc", ":1", "--password-file", fifo,
                    "x.png")
    time.sleep(0.4)
    check_equal(process.poll(), None, "it ended")
    check_equal(end(process), (-signal.SIGTERM, ""), "screenshot")


@case
def the_demonstration_at_random_moments(lab):
    need_engine(any_engine())
    for index in moments():
        tmp = lab.path(f"tmp{index}")
        tmp.mkdir()
        screen = ["--screen", str(lab.folder)] if index % 2 else []
        process = start(lab, "demo", "--memory", "64M", "--working-set", "4M",
                        "--engine", any_engine(), "--max-bandwidth", 1_000_000,
                        *screen, TMPDIR=str(tmp))
        a_while(1.5, 0.02)
        children = children_of(process.pid)
        status, said = end(process)
        if status != -signal.SIGTERM:  # it came before main began
            check_equal(status, 1, f"status: {said!r}")
            check_sentence(said, "^smudge: ")
        check_equal(os.listdir(tmp), [], f"files of the demo: {said!r}")
        wait_until(lambda: not any(os.path.exists(f"/proc/{child}/exe")
                                   for child in children), "their end")


FAKE = """#!/usr/bin/env python3
import socket, sys, time
path = sys.argv[sys.argv.index("--qmp") + 1].partition(":")[2]
sock = socket.socket(socket.AF_UNIX)
sock.bind(path)
sock.listen(1)
time.sleep(60)
"""


@case
def a_demonstration_whose_machine_does_not_answer(lab):
    tmp, fake = lab.path("tmp"), lab.path("fake")
    tmp.mkdir()
    fake.write_text(FAKE)
    fake.chmod(0o755)
    process = start(lab, "demo", "--vm", fake, TMPDIR=str(tmp))
    wait_until(lambda: list(tmp.glob("*/source.qmp")), "the socket")
    time.sleep(0.3)
    status, said = end(process)
    check_equal(status, 1, f"status: {said!r}")
    check_sentence(said, "^smudge: ")
    check_equal(os.listdir(tmp), [], "files of the demo")


@case
def migrate_at_random_moments(lab):
    for index in moments():
        source = lab.source()
        destination = lab.destination(name=f"destination{index}")
        process = start(lab, "migrate", "--qmp", source.qmp_path,
                        "--max-bandwidth", RNG.choice((1_000_000, 80_000_000)),
                        lab.uri)
        a_while(0.5)
        status, said = end(process)
        # it is here or there, and runs
        state = source.qmp.wait_migration("none", "setup", "completed",
                                          "failed", "cancelled")["status"]
        if state == "completed":
            destination.wait_passes(2)
        elif status == 1:
            check_sentence(said, "^smudge: ")
            wait_until(lambda: source.qmp.run("query-status")["running"],
                       "the source runs")
        for machine in (source, destination):
            machine.end()
            lab.machines.remove(machine)


@case
def checkpoints_at_random_moments(lab):
    """A layer is there as a whole or not at all, and nothing beside it."""
    from layers import left_beside, listed
    source = lab.source(append="working-set=32M pattern=random")
    folder = lab.path("layers")
    for _ in moments():
        process = start(lab, "checkpoint", "--qmp", source.qmp_path, "--to",
                        folder, "--full")
        a_while(0.3)
        status, said = end(process)
        if status == 1:
            check_sentence(said, "^smudge: ")
        wait_until(lambda: all(job["status"] in ("completed", "cancelled")
                               for job in source.checkpoints()), "its end")
        check_equal(left_beside(folder), [], "files beside the layers")
    if folder.exists():
        listed(folder)
    check_equal(source.qmp.run("query-status")["running"], True, "running")


@case
def a_report_that_nobody_reads(lab):
    """The pipe is full: the demonstration waits in a write."""
    need_engine(any_engine())
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    tmp = lab.path("tmp")
    tmp.mkdir()
    process = start(lab, "demo", "--memory", "64M", "--engine", any_engine(),
                    stdout=writer, TMPDIR=str(tmp))
    wait_for_handler(process)
    time.sleep(0.5)
    end_in_time(process, signal.SIGTERM, "the demonstration",
                lambda: process.wait(PATIENCE))
    os.close(reader)
    os.close(writer)


@case
def pictures_at_random_moments(lab):
    """A picture is there as a whole or not at all, and nothing beside it."""
    from screen import painter, read_png
    machine = painter(lab, size="640x480")
    old = None
    for _ in moments():
        process = start(lab, "screenshot", "--vnc", f":{machine.display}",
                        lab.path("picture.png"))
        a_while(0.3)
        end(process)
        if lab.path("picture.png").exists():
            old = read_png(lab.path("picture.png"))
            check_equal((old.width, old.height), (640, 480), "size")
        check_equal([name for name in os.listdir(lab.folder)
                     if name.startswith(".")], [], "files beside")


main()
