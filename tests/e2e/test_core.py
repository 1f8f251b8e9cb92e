#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Core files of checkpoints of a process: gdb and the bytes agree on what the
process was at each moment."""
import os
import re
import struct
import subprocess

from cores import NT_PRSTATUS, NT_X86_XSTATE, PAGE, Target, export, \
    series, without_hidden_processes
from layers import answer, said, tool, verify
from programs import Postgres, Python, Redis, need_program
from smudgetest import Over, Skip, check, check_equal, check_sentence, case, \
    main, wait_until

NSLOTS = 64


def number_of(text):
    return int(re.search(r"= (?:\(.*\) )?(0x[0-9a-f]+|\d+)", text)[1], 0)


def ask(core, expression):
    return number_of(core.gdb(Target.path, f"print {expression}")
                     .splitlines()[-1])


def check_slots(core, address):
    """They are of one moment."""
    first = core.words(address, 1)[0]
    values = [core.words(address + i * PAGE, 1)[0] for i in range(NSLOTS)]
    check(all(a >= b for a, b in zip(values, values[1:])) and
          values[-1] >= first - 1, f"not of one moment: {values}")
    return first


def check_heap(core):
    """Each page was written as a whole, with the number that belongs to it."""
    heap, npages, last = (ask(core, name) for name in
                          ("heap", "nheap_pages", "nwritten"))
    for number in range(max(1, last - npages + 2), last + 1):
        page = number % npages
        word = (number * 0x9e3779b97f4a7c15 + page) & (1 << 64) - 1
        check_equal(set(core.words(heap + page * PAGE, PAGE // 8)), {word},
                    f"page {page} of {number}")
    return last


def check_later(before, now):
    """Counts that grow while the process runs."""
    check(all(a <= b for a, b in zip(before, now)), f"{now} after {before}")
    if any(a == b for a, b in zip(before, now)):
        raise Over(f"a thread did not run between two moments: {now}")


@case
def a_series(lab):
    target = Target(lab)
    folder = lab.path("layers")
    layers = series(target.pid, folder, 0.3, 4)
    check_equal([layer["full"] for layer in layers],
                [True, False, False, False], "full")
    target.check_right()
    before = (0, 0, 0, 0)
    for number in range(1, 5):
        verify(folder, number)
        core = export(f"{folder}@{number}", lab.path(f"core.{number}"))
        now = (check_slots(core, ask(core, "&slots")), check_heap(core),
               ask(core, "nsleeps"), ask(core, "nspins"))
        check_later(before[:3], now[:3])
        before = now


@case
def threads_and_backtraces(lab):
    target = Target(lab)
    answer("checkpoint", "--pid", target.pid, "--to", lab.path("layers"))
    core = export(lab.path("layers"), lab.path("core"))
    text = core.gdb(target.path, "thread apply all bt")
    check_equal(core.warnings, [], "warnings")
    threads = re.split(r"^Thread ", text, flags=re.M)[1:]
    check_equal(len(threads), 4, text)
    by_body = {body: [t for t in threads if f" {body} (" in t]
               for body in ("main", "count_slots", "wait_for_ever")}
    check(all(len(found) == 1 for found in by_body.values()), text)
    main_thread, = by_body["main"]
    check_equal(len(re.findall(r"sleep_deep \(depth=", main_thread)), 6,
                main_thread)
    check(re.search(r"pthread_cond_wait.*\n.*wait_for_ever",
                    by_body["wait_for_ever"][0]), text)
    text = core.gdb(target.path, "info sharedlibrary", "print greeting",
                    "info threads")
    check("libc.so.6" in text and "ld-linux" in text, text)
    check('"a string in memory that is not written"' in text, text)
    check(f"LWP {target.pid}" in text, text)
    target.check_right()


@case
def registers(lab):
    target = Target(lab)
    if "avx2" not in open("/proc/cpuinfo", encoding="ascii").read():
        raise Skip("this processor has no AVX2")
    answer("checkpoint", "--pid", target.pid, "--to", lab.path("layers"))
    core = export(lab.path("layers"), lab.path("core"))
    # r12 is the first of what the loop sets; NT_PRSTATUS has it as third word
    spinning = [i for i, status in enumerate(core.of_kind(NT_PRSTATUS))
                if struct.unpack_from("<Q", status, 112 + 3 * 8)[0] == 0x5eed]
    check_equal(len(spinning), 1, "threads that spin")
    state = core.of_kind(NT_X86_XSTATE)[spinning[0]]
    for number in (0, 1, 7, 15):
        pattern = bytes(number * 16 + k + 1 & 0xff for k in range(32))
        low = state[160 + 16 * number:176 + 16 * number]
        high = state[576 + 16 * number:592 + 16 * number]
        check_equal(low + high, pattern, f"ymm{number}")
    text = core.gdb(target.path, f"thread {spinning[0] + 1}",
                    "print/x $r12", "print/x $xmm7.uint128")
    check("= 0x5eed" in text, text)
    low = int.from_bytes(bytes(7 * 16 + k + 1 for k in range(16)), "little")
    check(f"= {low:#x}" in text, text)
    target.check_right()


@case
def a_vdso_and_the_program(lab):
    """Whatever is not in the core comes from the files; the vdso has none."""
    target = Target(lab)
    answer("checkpoint", "--pid", target.pid, "--to", lab.path("layers"))
    core = export(lab.path("layers"), lab.path("core"))
    text = core.gdb(target.path, "info auxv", "info files")
    vdso = int(re.search(r"AT_SYSINFO_EHDR.*?(0x[0-9a-f]+)", text)[1], 16)
    check_equal(core.read(vdso, 4), b"\x7fELF", "vdso")
    check(re.search(r"AT_EXECFN.*core_target", text), text)
    text = core.gdb(target.path, "x/i write_page", "x/i nanosleep")
    check(text.count("<") >= 2, text)
    target.check_right()


@case
def what_is_refused(lab):
    target = Target(lab)
    folder, path = lab.path("layers"), lab.path("core")
    answer("checkpoint", "--pid", target.pid, "--to", folder)
    export(folder, path)
    command = ["layers", "export", "--core", folder, "--output"]
    check_sentence(said(*command, path, status=1).strip(), "there already")
    size = path.stat().st_size
    said(*command, path, "--force")
    check_equal(path.stat().st_size, size, "size")
    check_sentence(said(*command, lab.folder, "--force", status=1).strip(),
                   "directory")
    check_sentence(said(*command, "/nonexistent/core", status=1).strip(),
                   "/nonexistent/core")
    check_sentence(said("layers", "export", "--core", lab.path("none"),
                        "--output", "x", status=1).strip(), "none")
    for arguments, says in (((folder,), "--core or --layout LAYOUT is missing"),
                            ((folder, "--core"), "--output FILE is missing"),
                            (("--core", "--output", "x"), "FOLDER is missing"),
                            ((folder, "--core", "--output", "x", "--all"),
                             "--all")):
        check_sentence(said("layers", "export", *arguments,
                            status=2).strip(), says)
    check_sentence(said("layers", "verify", folder, "--force",
                        status=2).strip(), "--force")
    target.check_right()


@case
def a_damaged_layer(lab):
    """A page that is not what was written: no core."""
    target = Target(lab)
    folder = lab.path("layers")
    answer("checkpoint", "--pid", target.pid, "--to", folder,
           "--uncompressed")
    file = folder / "layer-00000001.qcow2"
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    for at in range(middle - 200000, middle, 64):
        data[at] ^= 1
    file.write_bytes(data)
    said("layers", "export", "--core", folder, "--output", lab.path("core"),
         status=1)
    check_equal(sorted(p.name for p in lab.folder.iterdir()), ["layers"],
                "files")


PYTHON = """
import ctypes, sys, time
block = (ctypes.c_uint64 * 4096)()
n = 0
while True:
    n += 1
    for i in range(0, 4096, 512):
        block[i] = n
    text = "MOMENT-%d-END" % n
    if n == 1:
        print(ctypes.addressof(block), flush=True)
    time.sleep(0.0002)
"""


@case
def a_python_program(lab):
    program = subprocess.Popen(["/usr/bin/python3", "-c", PYTHON],
                               stdout=subprocess.PIPE, text=True)
    lab.closers.append(lambda: (program.kill(), program.communicate()))
    address = int(program.stdout.readline())
    folder = lab.path("layers")
    series(program.pid, folder, 0.2, 5)
    check_equal(program.poll(), None, "it runs")
    last = 0
    for number in range(1, 6):
        core = export(f"{folder}@{number}", lab.path(f"core.{number}"))
        text = core.gdb("/usr/bin/python3", f"x/8gd {address}",
                        *(f"x/gd {address + 4096 * i}" for i in range(8)))
        values = [int(line.split()[1])
                  for line in text.splitlines()[-8:]]
        check(values == sorted(values, reverse=True) and
              values[0] - values[-1] <= 1, f"{values}")
        check_later([last], values[:1])
        last = values[0]
        check(core.find(b"MOMENT-%d-END" % values[0]) or
              core.find(b"MOMENT-%d-END" % (values[0] - 1)), "the text")


def value_of_each_moment(lab, program, put):
    """A value that is put before each checkpoint is in its core, and not the
    next one."""
    folder = lab.path("layers")
    for number in range(1, 4):
        put(f"MOMENT-{number}-END")
        done = tool("checkpoint", "--pid", program.pid, "--to", folder)
        check_equal(done.returncode, 0, done.stderr)
    for number in range(1, 4):
        core = export(f"{folder}@{number}", lab.path(f"core.{number}"))
        found = core.find(b"MOMENT-%d-END" % number)
        check(found, f"the value of moment {number}")
        check(not core.find(b"MOMENT-%d-END" % (number + 1)), "a later value")
        text = core.gdb(f"/proc/{program.pid}/exe", f"x/s {found[0]}")
        check(f"MOMENT-{number}-END" in text, text)
    return without_hidden_processes(done.stderr)


@case
def redis_under_load(lab):
    need_program("gdb")
    program = Redis(lab)
    program.start()
    err = value_of_each_moment(lab, program,
                               lambda text: program.ask("SET", "moment", text))
    check_equal(err, "", "stderr")
    program.finish()


@case
def postgresql_under_load(lab):
    need_program("gdb")
    program = Postgres(lab)
    program.ask("create table moments (value text)")
    program.start()
    err = value_of_each_moment(
        lab, program,
        lambda text: program.ask(f"insert into moments values ('{text}')"))
    check_sentence(err.strip(), "may be written by others too", "copies all")
    program.finish()


@case
def python_with_threads(lab):
    program = Python(lab, 12)
    program.start()
    wait_until(lambda: len(os.listdir(f"/proc/{program.pid}/task")) > 1,
               "Python's threads run")
    folder = lab.path("layers")
    try:
        series(program.pid, folder, 0.1, 5)
        core = export(folder, lab.path("core"))
        check(len(core.of_kind(NT_PRSTATUS)) >= 2, "threads")
    except AssertionError as error:
        if program.load.poll() == 0:
            raise Over(f"Python had ended: {error}") from None
        raise
    program.finish()


if __name__ == "__main__":
    main()
