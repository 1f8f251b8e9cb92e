# SPDX-License-Identifier: MIT
"""What the end-to-end tests share: TAP, machines, QMP, waiting.

A test file decorates functions with @case and ends with main(). A case gets
a Lab: a temporary folder whose machines are killed and files removed when the
case ends, however it ends. Waits poll for a condition and fail after
PATIENCE seconds, which says only that something never happened.
"""
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import traceback

import standing

VM = os.environ["SMUDGE_VM"]
TOOL = os.environ["SMUDGE_TOOL"]
GUEST = os.environ["SMUDGE_GUEST"]
PATIENCE = float(os.environ.get("SMUDGE_TEST_PATIENCE", "90"))
MIB = 1 << 20

# a job in the background may begin with signals ignored, and so would all that
# is started here
for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)

_cases = []


# how often a case begins
ATTEMPTS = 5


class Skip(Exception):
    pass


class Over(Exception):
    """What a case watches was over before it could look, as where its process
    stood: the case begins again, in a new lab."""


def case(*args, **kwargs):
    """@case, or @case("a name", value=...) for one function run several times."""
    if len(args) == 1 and callable(args[0]):
        _cases.append((args[0].__name__.replace("_", " "), args[0], {}))
        return args[0]

    def add(function):
        _cases.append((args[0], function, kwargs))
        return function
    return add


def run_case(function, arguments, attempt=1):
    """None, a Skip, or why it failed."""
    with Lab() as lab:
        try:
            function(lab, **arguments)
            return None
        except Skip as reason:
            return reason
        except Exception as error:
            if isinstance(error, subprocess.TimeoutExpired):
                note("\n".join(standing.describe()))
            if not isinstance(error, Over) or attempt == ATTEMPTS:
                note(traceback.format_exc())
                lab.show_logs()
                return error
            note(f"begins again: {error}")
    return run_case(function, arguments, attempt + 1)


def main():
    print(f"1..{len(_cases)}", flush=True)
    failed = []
    for number, (name, function, arguments) in enumerate(_cases, 1):
        why = run_case(function, arguments)
        line = f"ok {number} - {name}"
        if isinstance(why, Skip):
            line += f" # SKIP {why}"
        elif why:
            failed.append(f"{number} - {name}: "
                          f"{shortened(type(why).__name__ + ': ' + str(why))}")
            line = "not " + line
        print(line, flush=True)
    # where only the end of this output is kept, all of them are in it, and
    # nothing is cut off at the end of a line
    for text in failed:
        note(textwrap.fill("failed: " + text, 180, subsequent_indent="  "))
    sys.exit(1 if failed else 0)


def shortened(text):
    """Both ends of it: a program's stderr comes last."""
    return text if len(text) <= 900 else f"{text[:300]} ... {text[-600:]}"


def note(text):
    # on stderr: meson drops the comments of a TAP stream
    for line in text.splitlines():
        print("# " + line, file=sys.stderr, flush=True)


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def check_equal(found, expected, what):
    check(found == expected, f"{what}: found {found!r}, expected {expected!r}")


def check_sentence(text, *parts):
    """One sentence for a person, that names all the parts."""
    check(text and "\n" not in text, f"not one sentence: {text!r}")
    for part in parts:
        check(re.search(part, text, re.I), f"{text!r} does not say {part!r}")


def check_passes(text):
    """The demo waits for two, and looks now and then: there may be more."""
    check(re.search(r" ([2-9]|[1-9][0-9]+) full passes there, 0 errors", text),
          f"no full passes in {text}")


def wait_until(condition, what):
    """The first true value of condition()."""
    end = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < end, f"never happened: {what}")
        time.sleep(0.02)


@functools.lru_cache(None)
def why_engine_is_missing(engine):
    """None, or why this engine cannot run a guest here."""
    run = subprocess.run(
        [VM, "-m", "16M", "--engine", engine, "--kernel", GUEST, "--serial",
         "null", "--append", "working-set=32K passes=1"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    if run.returncode == 0:
        return None
    return (run.stderr.strip().splitlines() or ["no reason given"])[-1]


def need_engine(*engines):
    for engine in engines:
        reason = why_engine_is_missing(engine)
        if reason and engine in os.environ.get("SMUDGE_REQUIRE", "").split(","):
            raise AssertionError(f"{engine} is required, but: {reason}")
        if reason:
            raise Skip(f"no engine {engine}: {reason}")


@functools.lru_cache(None)
def any_engine():
    return "kvm" if why_engine_is_missing("kvm") is None else "unicorn"


def run_guest(guest, engine, append, *arguments, **environment):
    """A machine from its start to its end, serial port on stdout."""
    need_engine(engine)
    return subprocess.run(
        [VM, "-m", "32M", "--engine", engine, "--kernel", guest, "--append",
         append, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=PATIENCE, env={**os.environ, **environment})


class QmpError(Exception):
    def __init__(self, error):
        super().__init__(error.get("desc"))
        self.kind = error.get("class")
        self.desc = error.get("desc")


class Qmp:
    """A QMP client that keeps the events it met."""

    def __init__(self, path, negotiate=True):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(path))
        self.file = self.sock.makefile("rb")
        self.events = []
        self.greeting = self.read()
        if negotiate:
            self.run("qmp_capabilities")

    def close(self):
        self.file.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def read(self):
        """The next message; None when the other side has closed."""
        line = self.file.readline()
        return json.loads(line) if line else None

    def reply(self):
        while True:
            message = self.read()
            check(message is not None, "the QMP connection was closed")
            if "event" not in message:
                return message
            self.events.append(message)

    def run(self, command, **arguments):
        message = {"execute": command}
        if arguments:
            message["arguments"] = {k.replace("_", "-"): v
                                    for k, v in arguments.items()}
        self.send(json.dumps(message))
        reply = self.reply()
        if "error" in reply:
            raise QmpError(reply["error"])
        return reply["return"]

    def fails(self, command, **arguments):
        """The error that the command must give."""
        try:
            result = self.run(command, **arguments)
        except QmpError as error:
            return error
        raise AssertionError(f"{command} {arguments} gave {result}")

    def wait_event(self, name, **data):
        while True:
            for event in self.events:
                found = event.get("data", {})
                if event["event"] == name and \
                        all(found.get(k) == v for k, v in data.items()):
                    self.events.remove(event)
                    return event
            message = self.read()
            check(message is not None, f"closed before event {name} {data}")
            if "event" in message:
                self.events.append(message)

    def migration(self):
        return self.run("query-migrate")

    def wait_migration(self, *statuses):
        def reached():
            report = self.migration()
            return report if report["status"] in statuses else None
        return wait_until(reached, f"migration {' or '.join(statuses)}")


class Machine:
    """A smudge-vm process with a control socket and a serial log."""

    def __init__(self, lab, name, arguments):
        self.name = name
        self.qmp_path = lab.path(name + ".qmp")
        self.serial_path = lab.path(name + ".serial")
        self.log_path = lab.path(name + ".log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [VM, "--qmp", f"unix:{self.qmp_path},server=on,wait=off",
                 "--serial", f"file:{self.serial_path}", *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._qmp = None

    @property
    def qmp(self):
        if self._qmp is None:
            self._qmp = self.connect()
        return self._qmp

    def connect(self, negotiate=True):
        def try_once():
            check(self.process.poll() is None,
                  f"{self.name} ended: {self.log()!r}")
            try:
                return Qmp(self.qmp_path, negotiate)
            except (FileNotFoundError, ConnectionRefusedError):
                return None
        return wait_until(try_once, f"control socket of {self.name}")

    def log(self):
        return self.log_path.read_text(errors="replace")

    def sentences(self):
        """What it said on stderr, without the line about its engine."""
        return [line for line in self.log().splitlines()
                if not line.startswith("smudge-vm: engine ")]

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait(PATIENCE)

    def wait(self):
        return self.process.wait(PATIENCE)

    def wait_status(self, status):
        """After a signal it ends in a second, if need be without waiting for
        its threads: on a machine that stood then the case begins again."""
        found = self.wait()
        if "without waiting for what did not stop" in self.log():
            raise Over(self.log())
        check_equal(found, status, f"exit status: {self.log()!r}")

    def end(self):
        if self._qmp is not None:
            self._qmp.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def serial(self):
        try:
            return self.serial_path.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def passes(self):
        """Numbers of the finished passes; fails if the guest saw an error."""
        text = self.serial()
        check(": error " not in text, f"guest at {self.name}: {text[-800:]}")
        found = re.findall(r"^\w+: pass (\d+) .* errors (\d+)$", text, re.M)
        check(all(errors == "0" for _, errors in found),
              f"guest at {self.name} counts errors: {found[-3:]}")
        return [int(number) for number, _ in found]

    def wait_passes(self, more):
        """Until the guest has finished so many further passes, without error."""
        goal = len(self.passes()) + more

        def enough():
            check(self.process.poll() is None,
                  f"{self.name} ended: {self.log()!r}")
            return len(self.passes()) >= goal
        wait_until(enough, f"{more} more passes at {self.name}")

    def checkpoint(self, folder, **arguments):
        """Save a layer, until it is in place; what the VM says of it."""
        started = self.qmp.run("x-smudge-checkpoint", folder=str(folder),
                               **arguments)
        return self.wait_checkpoint("completed", started["id"])

    def checkpoints(self):
        return self.qmp.run("query-x-smudge-checkpoints")["checkpoints"]

    def ended_checkpoint(self, number=None):
        """That one, or the last one, once it has ended."""
        def ended():
            found = [job for job in self.checkpoints()
                     if number in (None, job["id"])]
            check(found, f"no checkpoint {number}")
            if found[-1]["status"] in ("completed", "failed", "cancelled"):
                return found[-1]
            return None
        return wait_until(ended, f"the end of checkpoint {number}")

    def wait_checkpoint(self, status, number=None):
        """Until that one, or the last one, has ended so."""
        job = self.ended_checkpoint(number)
        check_equal(job["status"], status, f"status of {job}")
        return job

    def stats(self):
        return self.qmp.run("x-smudge-memory-stats")

    def clients(self):
        """Open clients but that of the code, which translating engines have."""
        stats = self.stats()
        return stats["clients"] - stats["code-clients"]

    def check_tracking_off(self):
        stats = self.stats()
        check_equal(stats["sources-running"], 0, f"sources at {self.name}")
        # an engine that translates watches its code all the time
        for name in ("clients", "bitmap-bytes"):
            check_equal(stats[name], stats["code-" + name],
                        f"{name} at {self.name}")

    def check_runs_on(self):
        """The guest is here, unharmed, and costs no tracking."""
        check_equal(self.qmp.run("query-status"),
                    {"status": "running", "running": True}, "status")
        self.check_tracking_off()
        # the first of them may have begun while the migration ran
        self.wait_passes(3)


class Lab:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smudge-e2e-"))
        self.machines = []
        self.closers = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for machine in self.machines:
            machine.end()
        for close in self.closers:
            close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return self.folder / name

    def show_logs(self):
        for machine in self.machines:
            note(f"{machine.name} said: {machine.log()[-1000:]}")
            note(f"{machine.name} serial: {machine.serial()[-300:]}")

    def machine(self, name, *arguments, engine=None, memory="64M"):
        machine = Machine(self, name, ["-m", memory, "--engine",
                                       engine or any_engine(), *arguments])
        self.machines.append(machine)
        return machine

    def source(self, *arguments, engine=None, memory="64M",
               append="working-set=8M rate=20000"):
        """A machine whose guest has finished a pass."""
        engine = engine or any_engine()
        need_engine(engine)
        machine = self.machine("source", "--kernel", GUEST, "--append", append,
                               *arguments, engine=engine, memory=memory)
        machine.connect().close()
        machine.wait_passes(1)
        return machine

    def destination(self, *arguments, engine=None, memory="64M",
                    name="destination"):
        """A machine that waits at unix:self.uri."""
        engine = engine or any_engine()
        need_engine(engine)
        machine = self.machine(name, "--incoming", self.uri, *arguments,
                               engine=engine, memory=memory)
        machine.connect().close()
        return machine

    def restored(self, name, *arguments, engine=None, memory="64M"):
        """A machine from a checkpoint: --restore is among the arguments."""
        engine = engine or any_engine()
        need_engine(engine)
        machine = self.machine(name, *map(str, arguments), engine=engine,
                               memory=memory)
        machine.connect().close()
        return machine

    @property
    def uri(self):
        return f"unix:{self.path('migration.sock')}"
