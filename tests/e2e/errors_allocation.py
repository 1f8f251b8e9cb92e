#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One allocation of a whole process fails: any, in any library of it.

It goes on, or ends with status 1 and a sentence; never with a signal, never
without an answer, never with a wrong guest. What the libraries do themselves
at that is written down in smudge-vm(1): DOCUMENTED has the libraries whose own
allocations end the process.

A few allocations of each phase are tried, chosen by a printed seed
(SMUDGE_TEST_SEED); all of them with SMUDGE_TEST_ALLOCATIONS=all.
"""
import os
import random
import socket
import struct
import subprocess
import time

from display_number import KEPT, free_display
from smudgetest import (GUEST, PATIENCE, TOOL, Qmp, QmpError, Skip, case,
                        check, check_sentence, main, need_engine, note,
                        wait_until)

MODULE = os.environ["SMUDGE_FAIL_ALLOC_MODULE"]
TRIES_ALL = os.environ.get("SMUDGE_TEST_ALLOCATIONS") == "all"
TRIES = 6
SEED = int(os.environ.get("SMUDGE_TEST_SEED", "0"), 0) or \
    random.SystemRandom().randrange(1, 1 << 32)
HUGE = 10 ** 12
# what they do for want of memory: see smudge-vm(1), MEMORY
DOCUMENTED = ("libunicorn.so", "libvncserver.so")
TRANSPARENT = ("libc.so", "fail-alloc.so", "ld-linux", "libpthread.so")


class Allocations:
    """The control file of tests/support/fail_alloc.c."""

    def __init__(self, lab, name):
        self.path = lab.path(name + ".alloc")

    def environment(self):
        return {"LD_PRELOAD": MODULE, "SMUDGE_FAIL_ALLOC": str(self.path)}

    def file(self, suffix):
        return self.path.with_name(f"{self.path.name}.{suffix}")

    def arm(self, number):
        self.file("counted").unlink(missing_ok=True)
        if number:
            self.file("failed").unlink(missing_ok=True)
        scratch = self.file("new")
        scratch.write_text(str(number))
        scratch.rename(self.path)

    def count(self, poke):
        """How many there were; poke() makes the process allocate."""
        self.arm(0)

        def counted():
            poke()
            return self.file("counted").exists() and \
                self.file("counted").read_text().strip()
        return int(wait_until(counted, "a count of allocations"))

    def failed(self):
        """The callers of the one that failed, or None."""
        try:
            return self.file("failed").read_text().split()[2:]
        except FileNotFoundError:
            return None

    def blamed(self):
        for frame in self.failed() or []:
            if not frame.startswith(TRANSPARENT):
                return frame.split("+")[0]
        return "nobody"

    def describe(self, number):
        return f"allocation {number} of {' '.join((self.failed() or [])[:6])}"


def choose(phase, total, tries=TRIES):
    """Which allocations of @total are tried."""
    note(f"{phase}: {total} allocations, SMUDGE_TEST_SEED={SEED:#x}")
    numbers = list(range(1, total + 1))
    if TRIES_ALL or total <= tries:
        return numbers
    return sorted(random.Random(f"{SEED} {phase}").sample(numbers, tries))


def is_documented(allocations):
    return allocations.blamed().startswith(DOCUMENTED)


def check_end(status, sentences, allocations, number):
    """The process has ended: how it may."""
    if is_documented(allocations):
        return
    what = allocations.describe(number)
    check(status == 1, f"{what}: status {status}, said {sentences[-2:]}")
    check(sentences and sentences[-1].startswith("smudge"),
          f"{what}: said {sentences}")


def started(lab, engine, allocations, *arguments):
    """A machine whose allocations can fail; it may have ended already."""
    for name, value in allocations.environment().items():
        os.environ[name] = value
    try:
        return lab.machine(f"machine-{len(lab.machines)}", *arguments,
                           engine=engine, memory="32M")
    finally:
        for name in allocations.environment():
            del os.environ[name]


def need(engine):
    need_engine(engine)
    if os.environ["SMUDGE_SANITIZE"] != "none":
        raise Skip("sanitizers have an allocator of their own")


RATED = "working-set=1M rate=20000"


@case("start, kvm", engine="kvm")
@case("start, unicorn", engine="unicorn")
def start(lab, engine):
    need(engine)
    allocations = Allocations(lab, "start")

    def run(number):
        allocations.arm(number)
        machine = started(lab, engine, allocations, "--kernel", GUEST,
                          "--append", "working-set=64K passes=2",
                          "--display", "64x64")
        status = machine.wait()
        check(status == 0 or allocations.failed(),
              f"status {status} without a failure: {machine.log()!r}")
        if status == 0:
            check(len(machine.passes()) == 2, "passes")
        else:
            check_end(status, machine.sentences(), allocations, number)

    run(HUGE)
    # the process ended with it: so by halves
    low, high = 1, 1 << 16
    while low < high:
        middle = (low + high) // 2
        run(middle)
        if allocations.failed():
            low = middle + 1
        else:
            high = middle
    for number in choose(f"start {engine}", low - 1):
        run(number)


class Phase:
    """A running machine, and something that is done to it again and again."""

    def __init__(self, lab, engine, name, *arguments, image=GUEST,
                 append=RATED):
        need(engine)
        self.lab, self.engine, self.name = lab, engine, name
        self.arguments = ("--kernel", image, "--append", append, *arguments)
        self.allocations = Allocations(lab, name)
        self.machine = None

    def open(self):
        self.machine = started(self.lab, self.engine, self.allocations,
                               *self.arguments)
        self.machine.connect().close()
        self.machine.wait_passes(1)

    def poke(self):
        try:
            self.machine.connect().close()
        except (OSError, AssertionError):
            pass

    def ends(self, seconds):
        try:
            self.machine.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def check_answers(self):
        qmp = self.machine.connect()
        qmp.run("cont")  # a connection may end between stop and cont
        status = qmp.run("query-status")["status"]
        qmp.close()
        check(status == "running", f"the machine is {status}")
        self.machine.wait_passes(2)

    def check_lives(self, number):
        """After the failure: the machine serves, its guest is right. Or it has
        ended, or is about to, and answers while it does."""
        what = self.allocations.describe(number)
        try:
            if not self.ends(0.05):
                self.check_answers()
                return
        except (AssertionError, OSError, QmpError, ValueError) as error:
            if not self.ends(10):
                raise AssertionError(f"{what}: {error!r}") from error
        check_end(self.machine.process.returncode, self.machine.sentences(),
                  self.allocations, number)
        self.open()

    def check_serves(self, act, number):
        """The same again, with memory, is answered."""
        try:
            act(0)
        except (OSError, QmpError, EOFError) as error:
            check(is_documented(self.allocations),
                  f"{self.allocations.describe(number)}: later {error!r}")
            self.machine.end()
            self.open()

    def run(self, act, tries=TRIES):
        """act(number), which must get along with any failure."""
        self.open()
        self.allocations.arm(HUGE)
        act(0)
        total = min(self.allocations.count(self.poke), 2000)
        for number in choose(f"{self.name} {self.engine}", total, tries):
            self.allocations.arm(number)
            try:
                act(number)
            except TimeoutError:
                check(is_documented(self.allocations), "no answer after " +
                      self.allocations.describe(number))
            except (OSError, QmpError, EOFError):
                check(number and self.allocations.failed(),
                      f"{self.name} failed, and no allocation did")
            self.allocations.arm(0)
            self.check_lives(number)
            self.check_serves(act, number)


def talk(machine, *commands):
    """Commands on a connection of their own; OSError when it is closed."""
    try:
        qmp = Qmp(machine.qmp_path, negotiate=False)
    except (TypeError, ValueError) as error:
        raise OSError("no greeting") from error
    try:
        qmp.sock.settimeout(10)
        for command, arguments in (("qmp_capabilities", {}), *commands):
            try:
                qmp.run(command, **arguments)
            except QmpError as error:
                check(error.desc, "an error without a sentence")
            except AssertionError as error:
                raise OSError(str(error)) from error
    finally:
        qmp.close()


@case("commands, kvm", engine="kvm")
@case("commands, unicorn", engine="unicorn")
def commands(lab, engine):
    phase = Phase(lab, engine, "commands")
    phase.run(lambda _: talk(phase.machine, ("query-status", {}),
                             ("x-smudge-memory-stats", {}),
                             ("query-migrate", {}), ("stop", {}),
                             ("cont", {}), ("no-such-command", {})),
              tries=30 if engine == "kvm" else TRIES)


@case("screendump, kvm", engine="kvm")
@case("screendump, unicorn", engine="unicorn")
def screendump(lab, engine):
    phase = Phase(lab, engine, "screendump", "--display", "64x64")
    path = lab.path("picture.png")

    def act(number):
        path.unlink(missing_ok=True)
        talk(phase.machine, ("screendump", {"filename": str(path),
                                            "format": "png"}))
        if not path.exists():
            raise EOFError
        check(path.read_bytes().endswith(b"IEND\xaeB`\x82"),
              f"allocation {number}: half a picture")
    phase.run(act)


def view(port):
    """A viewer that asks for one whole picture."""
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.settimeout(10)
        file = sock.makefile("rb")

        def take(count):
            data = file.read(count)
            if len(data) != count:
                raise EOFError
            return data
        take(12)
        sock.sendall(b"RFB 003.008\n")
        take(take(1)[0])
        sock.sendall(b"\x01")
        take(4)
        sock.sendall(b"\x01")
        width, height = struct.unpack(">HH", take(4))
        take(16)
        take(struct.unpack(">I", take(4))[0])
        sock.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, width, height))
        check(take(1) == b"\x00", "no update")


@case("a viewer, kvm", engine="kvm")
@case("a viewer, unicorn", engine="unicorn")
def viewer(lab, engine):
    if "SMUDGE_NO_VNC" in os.environ:
        raise Skip("built without VNC")
    number = free_display(KEPT)
    phase = Phase(lab, engine, "viewer", "--display", "64x64", "--vnc",
                  f"127.0.0.1:{number}")
    phase.run(lambda _: view(5900 + number))


@case("a guest that writes, kvm", engine="kvm")
@case("a guest that writes, unicorn", engine="unicorn")
def guest(lab, engine):
    # its code is written by DMA, and translated anew
    phase = Phase(lab, engine, "guest", image=os.environ["SMUDGE_SELFMOD"],
                  append="rate=50")

    def act(_):
        time.sleep(0.1)
        phase.poke()
    phase.run(act)


def end_of_migration(source, uri):
    """The source's report, or None when it cannot be asked."""
    end = time.monotonic() + PATIENCE
    final = ("completed", "failed", "cancelled")
    try:
        qmp = source.connect()
        qmp.run("migrate", uri=uri)
        qmp.close()
    except (OSError, QmpError, AssertionError):
        final += ("none",)  # it was not begun, perhaps
    while time.monotonic() < end:
        if source.process.poll() is not None:
            return None
        try:
            qmp = source.connect()
            report = qmp.run("query-migrate")
            qmp.close()
        except (OSError, QmpError, AssertionError):
            time.sleep(0.02)
            continue
        if report.get("status") in final:
            return report
        time.sleep(0.02)
    raise AssertionError("the migration never ended")


@case("migration out, kvm", engine="kvm", is_source=True)
@case("migration in, kvm", engine="kvm", is_source=False)
@case("migration out, unicorn", engine="unicorn", is_source=True)
@case("migration in, unicorn", engine="unicorn", is_source=False)
def migration(lab, engine, is_source):
    need(engine)
    name = f"migration {'out' if is_source else 'in'}"
    allocations = Allocations(lab, "migration")

    def plain(*arguments):
        return lab.machine(f"plain-{len(lab.machines)}", *arguments,
                           engine=engine, memory="32M")

    def run(number):
        uri = f"unix:{lab.path(f'sock-{len(lab.machines)}')}"
        load = ("--kernel", GUEST, "--append", RATED)
        wait = ("--incoming", uri)
        if is_source:
            victim = source = started(lab, engine, allocations, *load)
            destination = plain(*wait)
        else:
            victim = destination = started(lab, engine, allocations, *wait)
            source = plain(*load)
        source.connect().close()
        destination.connect().close()
        source.wait_passes(1)
        allocations.arm(number)
        report = end_of_migration(source, uri)
        total = 0
        if number == HUGE and victim.process.poll() is None:
            total = allocations.count(lambda: victim.connect().close())
        else:
            allocations.arm(0)
        check_one_runs(source, destination, victim, report, number)
        source.end()
        destination.end()
        return total

    def check_one_runs(source, destination, victim, report, number):
        if report and report.get("status") == "completed":
            try:
                destination.wait_passes(3)
            except AssertionError as error:
                # an allocation that was armed may fail only now
                check(victim is destination and is_documented(allocations),
                      f"{allocations.describe(number)}: {error}")
            return
        if report is not None:
            if report.get("status") == "failed":
                check_sentence(report["error-desc"])
            source.wait_passes(3)
        for machine in (source, destination):
            if machine.process.poll() is not None and machine is victim:
                check_end(machine.process.returncode, machine.sentences(),
                          allocations, number)

    total = min(run(HUGE), 2000)
    for number in choose(f"{name} {engine}", total):
        run(number)


@case
def the_tool(lab):
    need("kvm")
    machine = lab.source(engine="kvm", memory="32M", append=RATED)
    allocations = Allocations(lab, "tool")

    def run(number):
        allocations.arm(number)
        result = subprocess.run(
            [TOOL, "qmp", "--qmp", str(machine.qmp_path), "query-status"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE, env={**os.environ, **allocations.environment()})
        if result.returncode != 0:
            check_end(result.returncode, result.stderr.splitlines(),
                      allocations, number)
        elif not allocations.failed():
            return False
        else:
            check("running" in result.stdout, f"said {result.stdout!r}")
        return True

    number = 1
    while run(number):
        number += 1
    machine.wait_passes(1)


main()
