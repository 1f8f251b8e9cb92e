# SPDX-License-Identifier: MIT
"""A machine that qemu emulates: it boots a kernel with an initramfs, and what
its tests print comes from its second serial port.
"""
import os
import selectors
import subprocess
import time

MEMORY = "2G"
DISK_BYTES, SWAP_BYTES = 512 << 20, 256 << 20
# A thread for each processor crashes Linux 6.12 while it patches its own code
# (QEMU 7.2); without la57=off it looks for five levels of page tables.
QEMU = ["qemu-system-x86_64", "-accel", "tcg,thread=single", "-smp", "1",
        "-cpu", "max,la57=off,erms=off", "-m", MEMORY, "-nodefaults", "-no-user-config",
        "-display", "none", "-no-reboot"]
APPEND = "console=ttyS0 panic=-1 mitigations=off"


class Hung(Exception):
    """The machine said nothing for too long, or did not end."""


def make_drives(folder):
    """A file system for files and O_DIRECT, and a place for swap."""
    disk, swap = folder / "disk", folder / "swap"
    for path, size in ((disk, DISK_BYTES), (swap, SWAP_BYTES)):
        with open(path, "wb") as file:
            file.truncate(size)
    subprocess.run(["mkfs.ext4", "-q", "-F", disk], check=True,
                   env=dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin"))
    return disk, swap


def command(kernel, initramfs, drives, console, words):
    arguments = ["-kernel", kernel.image, "-initrd", initramfs,
                 "-append", " ".join([APPEND, *words]),
                 "-serial", f"file:{console}", "-serial", "stdio"]
    for name, path in zip(("disk", "swap"), drives):
        arguments += ["-drive", f"if=none,id={name},file={path},format=raw,"
                      f"cache=unsafe", "-device",
                      f"nvme,drive={name},serial={name}"]
    # ends with us, however we end
    return ["setpriv", "--pdeathsig", "KILL", *QEMU, *arguments]


def read_lines(pipe, silence_s, end):
    """Its lines as they come; Hung after a silence, or at the end's moment."""
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            wait = min(silence_s, end - time.monotonic())
            if wait <= 0 or not selector.select(wait):
                raise Hung("the time limit" if wait < silence_s else
                           f"{silence_s} s without a word")
            data = os.read(pipe.fileno(), 65536)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace").rstrip("\r")


def run(kernel, initramfs, folder, words, limits):
    """Lines that its tests print. Limits: (of silence, in all), in seconds."""
    silence_s, all_s = limits
    console = folder / "console"
    process = subprocess.Popen(
        command(kernel, initramfs, make_drives(folder), console, words),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    try:
        yield from read_lines(process.stdout, silence_s,
                              time.monotonic() + all_s)
    finally:
        process.kill()
        process.wait()


def console_tail(folder, nlines=30):
    console = folder / "console"
    text = console.read_text(errors="replace") if console.exists() else ""
    return "\n".join(text.splitlines()[-nlines:])
