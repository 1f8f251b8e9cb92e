#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge rate on machine monitors: smudge-vm, and a QEMU that is none of ours.

The guests check what they read from their memory, all the time.

usage: test_rate_guests.py [--latency]

--latency: prints how many passes over its memory a guest of QEMU makes per
second, without smudge and measured by two methods. They take turns; medians.
"""
import os
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import time

from ratetest import lines_of, need_method, rate, start
from smudgetest import Lab, Skip, case, check, check_equal, \
    check_sentence, main, need_engine, wait_until
from stock_qemu import QEMU

# pages that the boot sector writes
SECTOR_PAGES = 128


@case("a guest of smudge-vm on KVM", engine="kvm")
@case("a guest of smudge-vm on Unicorn", engine="unicorn")
def guest_of_smudge_vm(lab, engine):
    machine = lab.source(engine=engine, append="working-set=2M rate=50000")
    need_method(machine.process.pid, "uffd")
    passes = len(machine.passes())
    *intervals, summary = lines_of("--qmp", machine.qmp_path, "--count", 2,
                                   "--interval", "5")
    check(len(machine.passes()) > passes + 1, "the guest was too slow")
    process = summary["processes"][0]
    check_equal((process["pid"], process["name"]),
                (machine.process.pid, "smudge-vm"), "process")
    for line in intervals:
        pages = line["sum"]["pages"]
        # its stack and counters beside the working set
        check(512 <= pages < 512 + 64, f"{pages} pages of a working set of 512")
    machine.check_runs_on()


@case
def socket_is_busy(lab):
    """A monitor with one client does not greet a second one."""
    listener = socket.socket(socket.AF_UNIX)
    lab.closers.append(listener.close)
    listener.bind(str(lab.path("busy")))
    listener.listen()
    done = rate("--qmp", lab.path("busy"), "--count", 1)
    check_equal((done.returncode, done.stdout), (1, ""), f"{done}")
    check_sentence(done.stderr.strip(), "another client",
                   f"smudge rate {os.getpid()} --guest")


@case
def process_without_guest(lab):
    target = subprocess.Popen(["sleep", "1000"])
    lab.closers.append(lambda: (target.kill(), target.wait()))
    done = rate(target.pid, "--guest", "--count", 1)
    check_equal((done.returncode, done.stdout), (1, ""), f"{done}")
    check_sentence(done.stderr.strip(), "no mapping that looks like")


def boot_sector():
    """Real mode: increments a number in each of its pages, pass after pass.

    Before it does it compares the number with the pass before. Each 64th pass
    a '.' goes to the port 0xe9, an 'X' if a number is wrong.
    """
    code = bytes.fromhex(
        "fa"              # cli
        "6631ed"          # xor ebp, ebp
        "bb0010"          # mov bx, 0x1000
        "8ec3"            # zero: mov es, bx
        "2666892e0000"   # mov [es:0], ebp
        "81c30001"        # add bx, 0x100
        "81fb0090"        # cmp bx, 0x9000
        "72ee"            # jb zero
        "6645"            # pass: inc ebp
        "bb0010"          # mov bx, 0x1000
        "8ec3"            # page: mov es, bx
        "2666a10000"      # mov eax, [es:0]
        "6640"            # inc eax
        "6639e8"          # cmp eax, ebp
        "751e"            # jne bad
        "2666a30000"      # mov [es:0], eax
        "81c30001"        # add bx, 0x100
        "81fb0090"        # cmp bx, 0x9000
        "72e3"            # jb page
        "66f7c53f000000"  # test ebp, 63
        "75d5"            # jnz pass
        "b02ee6e9"        # mov al, '.'; out 0xe9, al
        "ebcf"            # jmp pass
        "b058e6e9"        # bad: mov al, 'X'; out 0xe9, al
        "f4ebfd"          # hlt; jmp back to it
        )
    return code.ljust(510, b"\0") + struct.pack("<H", 0xaa55)


class Qemu:
    def __init__(self, lab, accelerator, memory):
        if not shutil.which(QEMU):
            raise Skip(f"no {QEMU}")
        if accelerator == "kvm":
            need_engine("kvm")
        lab.path("disk").write_bytes(boot_sector())
        self.port = lab.path("port")
        self.qmp = lab.path("qmp")
        self.process = subprocess.Popen(
            [QEMU, "-accel", accelerator, "-name", "sector <1>", "-nodefaults",
             "-display", "none", *memory,
             "-drive", f"file={lab.path('disk')},format=raw,snapshot=on",
             "-debugcon", f"file:{self.port}",
             "-qmp", f"unix:{self.qmp},server=on,wait=off"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        lab.closers.append(self.end)
        self.goes_on()

    def end(self):
        self.process.kill()
        self.process.communicate()

    def passes(self):
        check(self.process.poll() is None, "QEMU ended")
        text = self.port.read_bytes() if self.port.exists() else b""
        check(b"X" not in text, "the guest found a wrong number")
        # the firmware prints, too
        return text.count(b".")

    def goes_on(self):
        before = self.passes()
        wait_until(lambda: self.passes() > before + 3, "the guest's passes")


MEMORY = {
    "anonymous": ["-m", "64M"],
    "memfd": ["-m", "64M", "-machine", "memory-backend=ram", "-object",
              "memory-backend-memfd,id=ram,size=64M,share=on"],
}


@case("QEMU on KVM, anonymous memory", accelerator="kvm", kind="anonymous")
@case("QEMU on KVM, a shared memfd", accelerator="kvm", kind="memfd")
@case("QEMU on TCG, anonymous memory", accelerator="tcg", kind="anonymous")
@case("QEMU on TCG, a shared memfd", accelerator="tcg", kind="memfd")
def stock_qemu(lab, accelerator, kind):
    qemu = Qemu(lab, accelerator, MEMORY[kind])
    need_method(qemu.process.pid, "uffd")
    line, summary = lines_of("--qmp", qemu.qmp, "--count", 1, "--interval", 2)
    process = summary["processes"][0]
    check_equal((process["pid"], process["name"]),
                (qemu.process.pid, "sector <1>"), "process")
    check_equal(line["sum"]["pages"], SECTOR_PAGES, "pages")
    for window in line["sum"]["windows"][:3]:
        check_equal(window["max-pages"], SECTOR_PAGES, f"{window}")
    sampled, _ = lines_of(qemu.process.pid, "--guest", "--method", "sample",
                          "--samples", 1 << 20, "--count", 1)
    check_equal(sampled["sum"]["pages"], SECTOR_PAGES, "pages of a sample")
    qemu.goes_on()


def passes_ps(qemu, method):
    """For two seconds, with or without smudge."""
    process = start("--qmp", qemu.qmp, "--method", method, "--interval",
                    "0.1") if method else None
    if process:
        process.stdout.readline()
    before, began = qemu.passes(), time.monotonic()
    time.sleep(2)
    speed = (qemu.passes() - before) / (time.monotonic() - began)
    if process:
        process.terminate()
        process.communicate()
    return speed


def latency():
    methods = [None, "uffd", "sample"]
    print("| machine | alone | uffd | sample |\n|---|---|---|---|")
    for accelerator in "kvm", "tcg":
        with Lab() as lab:
            qemu = Qemu(lab, accelerator, MEMORY["memfd"])
            found = {method: [] for method in methods}
            for _ in range(5):
                for method in methods:
                    found[method].append(passes_ps(qemu, method))
        print(f"| QEMU, {accelerator} |", " | ".join(
            f"{64 * statistics.median(found[m]):.4g}" for m in methods), "|",
            flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--latency"]:
        latency()
    else:
        main()
