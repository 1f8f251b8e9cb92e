#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge checkpoint --pid: series, ends, and processes that hate being traced.
Whatever happens the process goes on and is right, and layers in place stay."""
import ctypes
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import time

from cores import Target, ended, layers_in, series, start, wait_for_layers, \
    without_hidden_processes
from ending import RNG, a_while, end_orderly, moments
from layers import left_beside, listed, said, tool, verify
from monitor import open_terminal, text_of
from smudgetest import PATIENCE, Over, Skip, TOOL, case, check, check_equal, \
    check_sentence, main, wait_until

NOBODY = {"user": "nobody", "group": "nogroup", "extra_groups": []}
LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17


def checkpoint(pid, folder, *arguments, status=0):
    return said("checkpoint", "--pid", pid, "--to", folder, *arguments,
                status=status).strip()


@case
def wrong_command_lines(lab):
    for arguments, says in (
            (("--to", "y"), "--pid PID is missing"),
            (("--pid", "0", "--to", "y"), "'0' is no number of a process"),
            (("--pid", "1x", "--to", "y"), "'1x'"),
            (("--pid", "1"), "--to FOLDER is missing"),
            (("--pid", "1", "--qmp", "x", "--to", "y"), "--pid"),
            (("--pid", "1", "--to", "y", "--count", "2"), "--every"),
            (("--pid", "1", "--to", "y", "--full-every", "2"), "--every"),
            (("--pid", "1", "--to", "y", "--every", "0"), "--every"),
            (("--pid", "1", "--to", "y", "--every", "0.05"), "--every"),
            (("--pid", "1", "--to", "y", "--every", "1", "--count", "0"),
             "--count"),
            (("--pid", "1", "--to", "y", "--every", "1", "--full-every",
              "5000"), "4096"),
            (("--qmp", "x", "--to", "y", "--every", "1"), "--every")):
        check_sentence(said("checkpoint", *arguments, status=2).strip(), says,
                       "see smudge checkpoint --help")


@case
def no_such_process(lab):
    gone = subprocess.Popen(["true"])
    gone.wait()
    folder = lab.path("layers")
    check_sentence(checkpoint(gone.pid, folder, status=1),
                   f"no process {gone.pid}")
    check_sentence(checkpoint(2, folder, status=1),
                   "2 is a kernel thread|no process 2")
    check(not folder.exists(), "no folder was made")


@case
def one_checkpoint(lab):
    target = Target(lab)
    folder = lab.path("layers")
    text = checkpoint(target.pid, folder)
    check(re.fullmatch(r"layer-00000001\.qcow2: full, [\d,]+ pages, "
                       r"[\d.]+ [KM]iB, stopped [\d.]+ [mu]?s, in place after "
                       r"[\d.]+ m?s", text.splitlines()[-1]), f"{text!r}")
    names = [blob["name"] for blob in
             json.loads(said("layers", "show", folder, "--json"))["blobs"]]
    check_equal(sorted(names), ["core-notes", "process", "process-maps",
                                "process-vdso"], "blobs")
    verify(folder)
    target.check_right()


@case
def the_first_layer_of_a_run_is_full(lab):
    target = Target(lab)
    folder = lab.path("layers")
    for _ in range(2):
        layers = series(target.pid, folder, 0.1, 3)
        check_equal([layer["full"] for layer in layers], [True, False, False],
                    "full")
        for layer in layers:
            for name in ("stopped-ns", "pause-ns", "total-ns", "pages"):
                check(layer[name] > 0, f"{name}: {layer}")
    layers = series(target.pid, folder, 0.1, 5,
                    "--full-every", 2)
    check_equal([layer["full"] for layer in layers],
                [True, False, True, False, True], "every second")
    check_equal(len(listed(folder)), 11, "layers")
    said("layers", "verify", folder, "--all")
    target.check_right()


@case
def a_signal_ends_a_series(lab):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        target = Target(lab)
        folder = lab.path(f"layers-{number}")
        process = start("--pid", target.pid, "--to", folder, "--every", "0.1")
        wait_for_layers(folder, 2)
        out, err = end_orderly(
            process, number, "smudge checkpoint",
            lambda: process.communicate(timeout=PATIENCE))
        check_equal((process.returncode, err), (0, ""), "end")
        check_equal(len(listed(folder)), layers_in(out), "layers")
        check_equal(left_beside(folder), [], "left")
        target.check_right()


@case
def a_signal_cancels_the_first(lab):
    target = Target(lab, mib=512)
    folder = lab.path("layers")
    process = start("--pid", target.pid, "--to", folder)
    wait_until(folder.exists, "it has begun")
    _, err = end_orderly(process, signal.SIGINT, "smudge checkpoint",
                         lambda: process.communicate(timeout=PATIENCE))
    if process.returncode == 0:
        raise Over("the layer was in place before the signal")
    check_equal((process.returncode, err),
                (1, "smudge: the checkpoint was cancelled\n"), "end")
    check_equal(os.listdir(folder), [], "left")
    target.check_right()


@case
def the_target_ends(lab):
    target = Target(lab)
    folder = lab.path("layers")
    process = start("--pid", target.pid, "--to", folder, "--every", "0.1")
    wait_for_layers(folder, 3)
    target.check_right()
    status, out, err = ended(process)
    check_equal(status, 1, "status")
    check_sentence(err.strip(), f"process {target.pid} has ended",
                   rf"{layers_in(out)} layers? of it .* in {folder}")
    check_equal(len(listed(folder)), layers_in(out), "layers")
    said("layers", "verify", folder, "--all")


FIRST_THREAD_ENDS = """
import ctypes, sys, threading, time
threading.Thread(target=time.sleep, args=(999,)).start()
sys.stdin.readline()
ctypes.CDLL(None).pthread_exit(None)
"""


@case
def its_first_thread_ends(lab):
    """/proc has no memory of it any more, so no later checkpoint can be made."""
    program = subprocess.Popen([sys.executable, "-c", FIRST_THREAD_ENDS],
                               stdin=subprocess.PIPE)
    lab.closers.append(lambda: (program.kill(), program.communicate()))
    folder = lab.path("layers")
    process = start("--pid", program.pid, "--to", folder, "--every", "0.1")
    wait_for_layers(folder, 2)
    program.stdin.write(b"\n")
    program.stdin.flush()
    status, _, err = ended(process)
    check_equal(status, 1, "status")
    check_sentence(err.strip().splitlines()[-1],
                   f"{program.pid} has ended its first thread")
    check_equal(program.poll(), None, "it runs")
    said("layers", "verify", folder, "--all")


@case
def smudge_is_killed(lab):
    """At random moments: the target is right, and what is in place whole."""
    target = Target(lab, mib=16)
    folder = lab.path("layers")
    for _ in moments():
        process = start("--pid", target.pid, "--to", folder, "--every", "0.1")
        a_while(1.0)
        process.kill()
        process.communicate()
        check_equal(target.process.poll(), None, "the target runs")
        if folder.exists() and listed(folder):
            verify(folder)
    # on a busy machine none may have come so far
    process = start("--pid", target.pid, "--to", folder, "--every", "0.1")
    wait_for_layers(folder, 1)
    process.kill()
    process.communicate()
    target.check_right()
    said("layers", "verify", folder, "--all")


@case
def it_is_killed_while_it_stands(lab):
    target = Target(lab, mib=64)
    folder = lab.path("layers")
    process = start("--pid", target.pid, "--to", folder, "--every", "0.1")
    wait_for_layers(folder, 1)
    a_while(0.3)
    target.process.kill()
    target.process.wait()
    status, _, err = ended(process)
    check_equal(status, 1, "status")
    check_sentence(err.strip(), f"process {target.pid} has ended")
    said("layers", "verify", folder, "--all")


@case
def it_is_not_dumpable(lab):
    """Root may trace it all the same; its own user may not."""
    if os.getuid():
        raise Skip("needs root, to be another user")
    lab.folder.chmod(0o777)
    undumpable = subprocess.Popen(
        ["/usr/bin/python3", "-c", "import ctypes, time;"
         "ctypes.CDLL(None).prctl(4, 0); print(1, flush=True); time.sleep(99)"],
        stdout=subprocess.PIPE, **NOBODY)
    lab.closers.append(lambda: (undumpable.kill(), undumpable.communicate()))
    undumpable.stdout.read(1)
    process = start("--pid", undumpable.pid, "--to", lab.path("layers"),
                    **NOBODY)
    status, _, err = ended(process)
    check_equal(status, 1, "status")
    check_sentence(err.strip(), str(undumpable.pid))
    checkpoint(undumpable.pid, lab.path("of-root"))
    check_equal(undumpable.poll(), None, "it runs")


@case
def it_is_of_another_user(lab):
    if os.getuid():
        raise Skip("needs root, to be another user")
    lab.folder.chmod(0o777)
    target = Target(lab)
    process = start("--pid", target.pid, "--to", lab.path("layers"), **NOBODY)
    status, _, err = ended(process)
    check_equal(status, 1, "status")
    check_sentence(err.strip(), str(target.pid), f"with the id {os.getuid()}",
                   "CAP_SYS_PTRACE and CAP_DAC_OVERRIDE")
    target.check_right()


@case
def it_is_traced_already(lab):
    target = Target(lab)
    folder = lab.path("layers")
    # seized, and running: by this thread, which alone may let it go
    check_equal(LIBC.ptrace(PTRACE_SEIZE, target.pid, None, None), 0, "seize")
    check_sentence(checkpoint(target.pid, folder, status=1), str(target.pid))
    check_equal(target.process.poll(), None, "it runs")
    os.kill(target.pid, signal.SIGSTOP)
    os.waitpid(target.pid, 0x40000000)
    LIBC.ptrace(PTRACE_DETACH, target.pid, None, None)
    os.kill(target.pid, signal.SIGCONT)
    checkpoint(target.pid, folder)
    target.check_right()


FILTERED = """
import ctypes, struct, time
libc = ctypes.CDLL(None, use_errno=True)
rules = [(0x20, 0, 0, 0), (0x15, 0, 1, 323), (0x06, 0, 0, 0x80000000),
         (0x06, 0, 0, 0x7fff0000)]
code = b"".join(struct.pack("<HBBI", *rule) for rule in rules)
buffer = ctypes.create_string_buffer(code)
class Program(ctypes.Structure):
    _fields_ = [("n", ctypes.c_ushort), ("at", ctypes.c_void_p)]
program = Program(len(rules), ctypes.addressof(buffer))
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
print(1, flush=True)
n = 0
while True:
    n += 1
    time.sleep(0.001)
"""


@case
def a_filter_kills_it_for_userfaultfd(lab):
    program = subprocess.Popen([sys.executable, "-c", FILTERED],
                               stdout=subprocess.PIPE)
    lab.closers.append(lambda: (program.kill(), program.communicate()))
    program.stdout.read(1)
    folder = lab.path("layers")
    done = tool("checkpoint", "--pid", program.pid, "--to", folder, "--every",
                0.1, "--count", 3)
    check_equal(program.poll(), None, "it runs")
    if done.returncode:  # the filter cannot be suspended here
        check_sentence(done.stderr.strip(), str(program.pid))
    else:
        said("layers", "verify", folder, "--all")


EXECUTES = """
import os, sys, time
n = int(sys.argv[2])
print(n, flush=True)
time.sleep(0.02)
if n < 100:
    os.execv(sys.executable, [sys.executable, sys.argv[1], sys.argv[1], str(n + 1)])
"""


@case
def it_executes_over_and_over(lab):
    """Each layer is of one of the programs, and all of them run."""
    script = lab.path("executes.py")
    script.write_text(EXECUTES)
    program = subprocess.Popen([sys.executable, script, script, "1"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lab.closers.append(lambda: (program.kill(), program.wait()))
    folder = lab.path("layers")
    wait_until(lambda: "executes" in pathlib.Path(
        f"/proc/{program.pid}/cmdline").read_text(), "python begins")
    process = start("--pid", program.pid, "--to", folder, "--every", "0.1")
    # a hundred starts of Python, each stopped now and then
    out, err = program.communicate(timeout=PATIENCE * 4)
    check_equal((program.returncode, err), (0, ""), "the program")
    check_equal(out.split(), [str(n) for n in range(1, 101)], "its runs")
    status, _, err = ended(process)
    check_equal(status, 1, "status")
    check(str(program.pid) in err, err)
    if folder.exists() and listed(folder):
        said("layers", "verify", folder, "--all")


@case
def it_executes_what_may_not_be_traced(lab):
    """A program with another user's rights: its user may not see its memory."""
    if os.getuid():
        raise Skip("needs root, to make such a program")
    lab.folder.chmod(0o777)
    sleeper = lab.path("sleeper")
    shutil.copy("/bin/sleep", sleeper)
    sleeper.chmod(0o4755)
    program = subprocess.Popen(["/bin/sh", "-c",
                                f"read line; exec {sleeper} 99"],
                               stdin=subprocess.PIPE, **NOBODY)
    lab.closers.append(lambda: (program.kill(), program.communicate()))
    folder = lab.path("layers")
    process = start("--pid", program.pid, "--to", folder, "--every", "0.1",
                    **NOBODY)
    wait_for_layers(folder, 1)
    program.stdin.write(b"\n")
    program.stdin.flush()
    status, _, err = ended(process)
    check_equal(status, 1, "status")
    check_sentence(err.strip().splitlines()[-1], "^smudge: ")
    check_equal(program.poll(), None, "it runs")
    said("layers", "verify", folder, "--all")


@case
def it_ends_at_once(lab):
    for _ in range(20):
        program = subprocess.Popen(["/bin/true"])
        done = tool("checkpoint", "--pid", program.pid, "--to",
                    lab.path("layers"))
        # a zombie, or just before that
        check(done.returncode == 1 or done.returncode == 0, f"{done}")
        if done.returncode:
            check_sentence(done.stderr.strip(), str(program.pid))
        check_equal(program.wait(), 0, "its status")


@case
def threads_come_and_go(lab):
    code = ("import os, sys, threading, time\n"
            "def work(): time.sleep(0.001)\n"
            "while not os.path.exists(sys.argv[1]):\n"
            "    threads = [threading.Thread(target=work) for _ in range(4)]\n"
            "    [t.start() for t in threads]\n"
            "    [t.join() for t in threads]\n"
            "print('right')\n")
    is_enough = lab.path("enough")
    program = subprocess.Popen([sys.executable, "-c", code, is_enough], text=True,
                               stdout=subprocess.PIPE)
    lab.closers.append(lambda: (program.kill(), program.wait()))
    folder = lab.path("layers")
    series(program.pid, folder, 0.1, 10)
    is_enough.touch()
    said("layers", "verify", folder, "--all")
    check_equal(program.communicate(timeout=PATIENCE)[0], "right\n", "end")


WAITS = """
import select, time
poll = select.epoll()
print(flush=True)
for _ in range(6):
    begin = time.monotonic()
    poll.poll(0.5)
    assert time.monotonic() - begin > 0.49
print("right", flush=True)
time.sleep(99)
"""


@case
def a_wait_ends_though_checkpoints_are_closer(lab):
    program = subprocess.Popen([sys.executable, "-c", WAITS], text=True,
                               stdout=subprocess.PIPE)
    lab.closers.append(lambda: (program.kill(), program.communicate()))
    program.stdout.readline()
    process = start("--pid", program.pid, "--to", lab.path("layers"), "--every",
                    "0.2")
    lab.closers.append(lambda: (process.kill(), process.communicate()))
    check_equal(bool(select.select([program.stdout], [], [], PATIENCE)[0]),
                True, "its waits end")
    check_equal(program.stdout.readline(), "right\n", "what it says")
    check_equal(process.poll(), None, "it was checkpointed all the time")


USES_AIO = """
import ctypes, time
context = ctypes.c_ulong()
assert ctypes.CDLL(None).syscall(206, 8, ctypes.byref(context)) == 0
print(1, flush=True)
time.sleep(99)
"""
USES_IO_URING = """
import ctypes, time
params = (ctypes.c_char * 120)()
fd = ctypes.CDLL(None).syscall(425, 8, params)
print(int(fd >= 0), flush=True)
time.sleep(99)
"""


@case("AIO is refused", code=USES_AIO, says="AIO")
@case("io_uring is refused", code=USES_IO_URING, says="io_uring")
def asynchronous_io(lab, code, says):
    program = subprocess.Popen([sys.executable, "-c", code],
                               stdout=subprocess.PIPE)
    lab.closers.append(lambda: (program.kill(), program.communicate()))
    if program.stdout.read(1) != b"1":
        raise Skip(f"no {says} here")
    folder = lab.path("layers")
    check_sentence(checkpoint(program.pid, folder, status=1), says, "plain")
    check_equal(program.poll(), None, "it runs")
    check(not folder.exists(), "no folder was made")


SHARES = """
import mmap, os, sys, time
block = mmap.mmap(-1, 1 << 20)
child = os.fork()
n = 0
if child == 0:
    while True:
        n += 1
        block[0:8] = n.to_bytes(8, "little")
        time.sleep(0.001)
while not any(block[0:8]):
    time.sleep(0.001)
print(child, flush=True)
time.sleep(99)
"""


@case
def another_process_writes_too(lab):
    """What it wrote is in the next layer, and that it may write is said."""
    program = subprocess.Popen([sys.executable, "-c", SHARES], text=True,
                               stdout=subprocess.PIPE)
    child = int(program.stdout.readline())
    lab.closers.append(lambda: (os.kill(child, signal.SIGKILL), program.kill(),
                                program.communicate()))
    folder = lab.path("layers")
    done = tool("checkpoint", "--pid", program.pid, "--to", folder, "--every",
                0.2, "--count", 3)
    check_equal(done.returncode, 0, f"{done}")
    check_sentence(without_hidden_processes(done.stderr).strip(),
                   "may be written by others", str(child))
    for one, other in ((1, 2), (2, 3)):
        text = said("layers", "diff", one, other, folder)
        check("dev/zero" in text, text)


@case("in 40 columns", columns=40)
@case("in 100 columns", columns=100)
def progress_fits_the_terminal(lab, columns):
    target = Target(lab, mib=512)
    ours, theirs = open_terminal(columns)
    text = text_of(ours, theirs, "checkpoint", "--pid", target.pid, "--to",
                   lab.path("layers"))
    lines = [part for part in re.split("[\r\n]+", text.replace("\x1b[K", ""))
             if part.startswith(("copied", "written"))]
    check(lines, f"{text!r}")
    for line in lines:
        check(len(line) < columns, f"{len(line)} columns: {line!r}")
    check("layer-00000001.qcow2: full" in text, f"{text!r}")
    target.check_right()


if __name__ == "__main__":
    main()
