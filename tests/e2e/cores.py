# SPDX-License-Identifier: MIT
"""Checkpoints of processes, and core files as a debugger and as their bytes
show them."""
import json
import os
import re
import signal
import struct
import subprocess

from layers import said
from programs import need_program
from smudgetest import PATIENCE, TOOL, check, check_equal, wait_until

PAGE = 4096
PT_LOAD, PT_NOTE = 1, 4
NT_PRSTATUS, NT_X86_XSTATE = 1, 0x202


def start(*arguments, **kwargs):
    """smudge checkpoint, to be waited for."""
    return subprocess.Popen([TOOL, "checkpoint", *map(str, arguments)],
                            text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            **kwargs)


def series(pid, folder, every, count, *arguments):
    """The objects of a series of layers; nothing may be on stderr."""
    text = said("checkpoint", "--pid", pid, "--to", folder, "--json",
                "--every", every, "--count", count, *arguments)
    layers = [json.loads(line) for line in text.splitlines()]
    check_equal(len(layers), count, "layers")
    return layers


def without_hidden_processes(err):
    """stderr without what depends on who else is there."""
    return "".join(line for line in err.splitlines(True)
                   if "may not be looked at" not in line)


def export(layer, path):
    said("layers", "export", "--core", layer, "--output", path)
    check_equal(path.stat().st_mode & 0o7777, 0o600, "mode")
    return Core(path)


class Target:
    """tests/e2e/core_target.c"""
    path = os.environ["SMUDGE_CORE_TARGET"]

    def __init__(self, lab, mib=2, **kwargs):
        self.process = subprocess.Popen(
            [self.path, str(mib)], text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, **kwargs)
        lab.closers.append(self.end)
        self.pid = int(self.process.stdout.readline())

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def check_right(self):
        """It ends, and has not been hurt."""
        check_equal(self.process.poll(), None, "it runs")
        self.process.send_signal(signal.SIGTERM)
        check_equal(self.process.stdout.read(), "right\n", "what it says")
        check_equal(self.process.wait(PATIENCE), 0, "its status")


class Core:
    """A core file, read from its bytes alone."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            head = file.read(64)
            check_equal(head[:7], b"\x7fELF\2\1\1", "magic")
            check_equal(struct.unpack_from("<H", head, 16)[0], 4, "ET_CORE")
            offset, = struct.unpack_from("<Q", head, 32)
            count, = struct.unpack_from("<H", head, 56)
            file.seek(offset)
            self.headers = [struct.unpack("<IIQQQQQQ", file.read(56))
                            for _ in range(count)]
            note, = [h for h in self.headers if h[0] == PT_NOTE]
            file.seek(note[2])
            self.notes = list(self.parse_notes(file.read(note[5])))

    @staticmethod
    def parse_notes(data):
        at = 0
        while at < len(data):
            name_bytes, length, kind = struct.unpack_from("<III", data, at)
            at += 12 + (name_bytes + 3) // 4 * 4
            yield kind, data[at:at + length]
            at += (length + 3) // 4 * 4

    def of_kind(self, kind):
        return [content for note, content in self.notes if note == kind]

    def read(self, address, length):
        for header in self.headers:
            kind, _, offset, first, _, file_bytes, *_ = header
            if kind == PT_LOAD and first <= address and \
                    address + length <= first + file_bytes:
                with open(self.path, "rb") as file:
                    file.seek(offset + address - first)
                    return file.read(length)
        raise AssertionError(f"{address:#x} is not in {self.path}")

    def words(self, address, n):
        return struct.unpack(f"<{n}Q", self.read(address, 8 * n))

    def find(self, text):
        """The addresses of some bytes."""
        found = []
        with open(self.path, "rb") as file:
            for kind, _, offset, first, _, file_bytes, *_ in self.headers:
                if kind != PT_LOAD or not file_bytes:
                    continue
                file.seek(offset)
                data = file.read(file_bytes)
                found += [first + m.start()
                          for m in re.finditer(re.escape(text), data)]
        return found

    def gdb(self, program, *commands):
        """What it says, without what it does not know of the processor."""
        done = subprocess.run(
            [need_program("gdb"), "-nx", "-q", "-batch", "-iex",
             "set debuginfod enabled off", "-iex", "set width 0",
             *(word for command in commands for word in ("-ex", command)),
             str(program), str(self.path)], text=True, capture_output=True,
            stdin=subprocess.DEVNULL, timeout=PATIENCE)
        check_equal(done.returncode, 0, f"gdb: {done.stderr}")
        self.warnings = [line for line in done.stderr.splitlines()
                         if line.startswith("warning: ")
                         and "reg-xstate" not in line]
        return done.stdout


def layers_in(out):
    """How many layers a text names: lines of progress may be between them."""
    return len([line for line in out.splitlines()
                if line.startswith("layer-")])


def ended(process):
    """Status, stdout and stderr of a command that ends by itself."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def wait_for_line(process, part):
    """Until stdout says that."""
    lines = []
    for line in iter(process.stdout.readline, ""):
        if part in line:
            return
        lines.append(line)
    raise AssertionError(f"no line says {part!r}, but {lines}, and stderr: "
                         f"{process.stderr.read()!r}")


def wait_beside(process, condition, what):
    """Until so; with what the command said where it never is."""
    try:
        wait_until(lambda: condition() or process.poll() is not None, what)
        check(condition(), f"it ended before: {what}")
    except AssertionError as error:
        process.kill()
        raise AssertionError(f"{error}: {process.communicate()}") from None


def wait_for_layers(folder, n):
    def has_them():
        names = os.listdir(folder) if folder.exists() else []
        return len([x for x in names if x.startswith("layer-")]) >= n
    wait_until(has_them, f"{n} layers in {folder}")
