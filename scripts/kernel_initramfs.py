# SPDX-License-Identifier: MIT
"""An initramfs: a build's tests and programs with their libraries, busybox as
the shell, a kernel's modules, and kernel-init.sh as the first process.
"""
import json
import pathlib
import re
import shutil
import stat
import subprocess

import stopping

SCRIPTS = pathlib.Path(__file__).resolve().parent
PLACE = "smudge"  # where the build is there, with its own folders
# Beside the tests: what they and the demonstration start and read.
PROGRAMS = ("vm/smudge-vm", "tools/smudge", "tests/process/target_exec")
FILES = ("guests/*.elf", "tests/kernel/*.md")
MODULES = ("kvm", "kvm_amd")


class Archive:
    """A cpio archive of the kind "newc", which is what the kernel unpacks."""

    def __init__(self, file):
        self.file = file
        self.known = {""}

    def pad(self):
        self.file.write(b"\0" * (-self.file.tell() % 4))

    def entry(self, name, mode, content=b""):
        fields = [len(self.known), mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0,
                  len(name) + 1, 0]
        self.file.write(b"070701" + b"".join(b"%08X" % f for f in fields) +
                        name.encode() + b"\0")
        self.pad()
        self.file.write(content)
        self.pad()

    def add(self, name, mode, content=b""):
        """With the folders above it; once."""
        name = str(name).lstrip("/")
        if name in self.known:
            return
        self.add_folder(pathlib.PurePath(name).parent)
        self.known.add(name)
        self.entry(name, mode, content)

    def add_folder(self, path):
        if str(path) not in ("", "."):
            self.add(path, stat.S_IFDIR | 0o755)

    def add_file(self, name, content):
        self.add(name, stat.S_IFREG | 0o755, content)

    def add_link(self, name, target):
        self.add(name, stat.S_IFLNK | 0o777, target.encode())

    def end(self):
        self.entry("TRAILER!!!", 0)
        self.file.write(b"\0" * (-self.file.tell() % 512))


def introspect(build, what):
    done = stopping.run(["meson", "introspect", build, f"--{what}"],
                        stdout=subprocess.PIPE)
    if done.returncode:
        raise RuntimeError(f"meson cannot read the build {build}")
    return json.loads(done.stdout)


def libraries(programs):
    """The paths by which the programs' loader finds them, and its own."""
    done = stopping.run(["ldd", *programs], stdout=subprocess.PIPE)
    return sorted(set(re.findall(r"^\t(?:\S+ => )?(/\S+)", done.stdout, re.M)))


def place(build, path):
    """Where a file of the build or of the machine is in there."""
    path = pathlib.Path(path)
    for name in (path, pathlib.Path(*path.parts[:-1]).resolve() / path.name):
        if name.is_relative_to(build):
            return f"/{PLACE}/{name.relative_to(build)}"
    return str(path)


def busybox():
    path = shutil.which("busybox")
    if not path:
        raise RuntimeError("there is no busybox")
    return pathlib.Path(path).read_bytes()


class Payload:
    """What all kernels run: the programs of a build, and the list of tests."""

    def __init__(self, build):
        tests = [t for t in introspect(build, "tests")
                 if "smudge:kernel" in t["suite"]]
        self.tests = "".join(
            " ".join([t["name"], *(place(build, word) for word in t["cmd"])]) +
            "\n" for t in tests)
        programs = [t["cmd"][0] for t in tests]
        programs += [build / name for name in PROGRAMS]
        others = [p for pattern in FILES for p in sorted(build.glob(pattern))]
        self.files = {place(build, path): pathlib.Path(path).read_bytes()
                      for path in [*programs, *libraries(programs), *others]}


def make(path, payload, kernel):
    """Write the kernel's initramfs to path."""
    with open(path, "wb") as file:
        archive = Archive(file)
        for name in ("proc", "sys", "dev", "tmp", "disk"):
            archive.add_folder(name)
        archive.add_file("init", (SCRIPTS / "kernel-init.sh").read_bytes())
        archive.add_file("bin/busybox", busybox())
        archive.add_link("bin/sh", "busybox")
        archive.add_file("etc/passwd", b"root:x:0:0::/:/bin/sh\n"
                         b"nobody:x:65534:65534::/:/bin/sh\n")
        archive.add_file("tests", payload.tests.encode())
        modules = kernel.with_dependencies(MODULES)
        for name, content in modules:
            archive.add_file(f"modules/{name}.ko", content)
        archive.add_file("modules/order", "".join(
            f"{name}\n" for name, _ in modules).encode())
        for name, content in payload.files.items():
            archive.add_file(name, content)
        archive.end()
