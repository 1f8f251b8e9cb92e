#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Includes point downwards only.

A folder may include its own headers, the public ones, and those of the
folders named for it here. vm/, tools/ and examples/ use the library through
its public headers only; clients (migrate, display, code, checkpoint) never include each
other. Each room of vm/ sees the rooms named for it; a header called
internal.h is seen in its own room only. lib/ may include the headers of common/
that have no .c file, since it does not link to common's library.

Within a room no headers include each other in a circle; check-calls.py sees to
the .c files.
"""
import collections
import pathlib
import re
import sys

from circles import arrows, circles

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOWED = {
    "include/smudge": set(),
    "lib/sys": {"common"},
    "lib/bitmap": {"sys", "common"},
    "lib/memory": {"bitmap", "sys", "common"},
    "lib/source": {"sys", "common"},
    "lib/process": {"source", "sys", "common"},
    "lib/wire": {"sys", "common"},
    "lib/stream": {"wire", "sys", "common"},
    "lib/migrate": {"stream", "wire", "sys", "common"},
    "lib/code": {"sys", "common"},
    "lib/display": {"sys", "common"},
    "lib/qcow2": {"sys", "common"},
    "lib/checkpoint": {"qcow2", "sys", "common"},
    "common": {"common"},
    "vm/base": {"common"},
    "vm/devices": {"base", "common"},
    "vm/engine": {"base", "common"},
    "vm/qmp": {"base", "common"},
    "vm/machine": {"engine", "devices", "base", "common"},
    "vm/vnc": {"machine", "devices", "base", "common"},
    "vm/migration": {"machine", "base", "common"},
    "vm/rate": {"machine", "base", "common"},
    "vm/checkpoint": {"machine", "base", "common"},
    "vm/control": {"qmp", "migration", "rate", "checkpoint", "vnc", "machine", "devices",
                   "base", "common"},
    "vm": {"control", "machine", "devices", "base", "common"},
    "tools": {"common"},
    "examples": set(),
    "bench": {"bitmap", "sys", "common"},
}
FOLDERS = ("include", "lib", "common", "vm", "tools", "examples", "bench", "tests",
           "guests")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
LIBRARY = {"sys", "bitmap", "memory", "source", "process", "wire", "stream",
           "migrate", "display", "code", "qcow2", "checkpoint", "common"}
ROOMS = {name.split("/")[1] for name in ALLOWED if name.startswith("vm/")}
CONFIG = "config.h"  # made by the build, and of no room


def folder_of(path):
    name = path.relative_to(ROOT).parent.as_posix()
    while name not in ALLOWED and "/" in name:
        name = name.rsplit("/", 1)[0]
    return name if name in ALLOWED else None


def is_allowed(folder, header):
    in_vm = folder.split("/")[0] == "vm"
    own = folder.split("/")[-1]
    if "/" not in header:  # a room's headers are named with their room
        return not in_vm or folder == "vm" or header == CONFIG
    target, name = header.split("/", 1)
    if folder == "tools" and (ROOT / "tools" / header).exists():
        return True
    if target not in (LIBRARY | ROOMS if in_vm else LIBRARY):
        return True
    if target == own and folder != own:
        return True
    if target == "common" and folder.startswith("lib/") and \
            (ROOT / header).with_suffix(".c").exists():
        return False
    return target in ALLOWED[folder] and not (in_vm and name == "internal.h")


def check(path):
    folder = folder_of(path)
    if folder is None:
        return
    name = path.relative_to(ROOT).as_posix()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = INCLUDE.match(line)
        if found and not is_allowed(folder, found.group(1)):
            yield f"{name}:{number}: {folder} may not include {found.group(1)}"


def check_circles(files):
    """Headers of one folder, which include each other with or without it."""
    graph = collections.defaultdict(set)
    for path in (f for f in files if f.suffix == ".h"):
        for line in path.read_text().splitlines():
            found = INCLUDE.match(line)
            folder, _, name = found[1].rpartition("/") if found else ("", "", "")
            if (path.parent / name) in files and \
                    folder.split("/")[-1] in ("", path.parent.name):
                graph[path.relative_to(ROOT).as_posix()].add(
                    (path.parent / name).relative_to(ROOT).as_posix())
    for circle in circles(graph):
        for a, b in arrows(graph, circle):
            yield f"in a circle: {a} includes {b}"


def main():
    files = [p for d in FOLDERS for p in sorted((ROOT / d).rglob("*.[ch]"))]
    wrong = [w for p in files for w in check(p)] + list(check_circles(set(files)))
    print("\n".join(wrong) if wrong else f"{len(files)} files in order")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
