#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Calls point downwards only, as includes do, in lib/, vm/ and common/.

usage: check-calls.py BUILD

From the symbols of a build's objects: which file uses functions or data of
which other one. A room may use those named for it here, and vm/ only what
the library exports. Within a room no files use each other in a circle.
"""
import collections
import importlib
import json
import pathlib
import subprocess
import sys

from circles import arrows, circles

includes = importlib.import_module("check-includes")

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIBRARY = {
    "lib/sys": set(),
    "lib/bitmap": {"sys"},
    "lib/memory": {"bitmap", "sys"},
    "lib/source": {"memory", "bitmap", "sys"},
    "lib/process": {"source", "memory", "bitmap", "sys"},
    "lib/wire": {"sys"},
    "lib/stream": {"wire", "sys"},
    "lib/migrate": {"stream", "wire", "memory", "bitmap", "sys"},
    "lib/code": {"memory", "bitmap", "sys"},
    "lib/display": {"memory", "bitmap", "sys"},
    "lib/qcow2": {"sys"},
    "lib/checkpoint": {"qcow2", "sys"},
    "lib": set(),
}
DEFINED = "TDBRWVC"  # nm's letters for what an object gives to others


def room_of(file):
    return file.rsplit("/", 1)[0].removesuffix("/kernels")


def may_use(room, other, symbol):
    if room == "lib/checkpoint" and symbol.startswith("smudge_"):
        return True  # it is a library of its own, over libsmudge
    if room in LIBRARY:
        return other.split("/")[-1] in LIBRARY[room]
    if other in LIBRARY:
        return symbol.startswith("smudge_")
    return other.split("/")[-1] in includes.ALLOWED[room] or \
        other == "vm" == room


def objects(build):
    """The file that each object was compiled from; of a file's, the last."""
    commands = json.loads((build / "compile_commands.json").read_text())
    found = {}
    for c in commands:
        path = (pathlib.Path(c["directory"]) / c["file"]).resolve()
        name = path.relative_to(ROOT).as_posix() if ROOT in path.parents else ""
        if name.startswith(("lib/", "vm/", "common/")):
            found[name] = c["output"]
    return {output: name for name, output in found.items()}


def read_symbols(build):
    """Who defines each symbol, and which symbols each file uses."""
    files = objects(build)
    text = subprocess.run(["nm", "-A", "-P", *files], cwd=build, check=True,
                          capture_output=True, text=True).stdout
    defined, used = {}, collections.defaultdict(set)
    for line in text.splitlines():
        output, symbol, kind = line.split()[:3]
        file = files[output.removesuffix(":")]
        if kind in DEFINED:
            defined[symbol] = file
        elif kind == "U":
            used[file].add(symbol)
    return defined, used


def check(defined, used):
    graph = collections.defaultdict(set)
    for file in sorted(used):
        for symbol in sorted(used[file] & defined.keys()):
            other = defined[symbol]
            if room_of(file) == room_of(other):
                graph[file].add(other)
            elif not may_use(room_of(file), room_of(other), symbol):
                yield f"{file} may not use {symbol} of {other}"
    for circle in circles(graph):
        for a, b in arrows(graph, circle):
            names = sorted(s for s in used[a] if defined.get(s) == b)
            yield f"in a circle: {a} uses {', '.join(names)} of {b}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    defined, used = read_symbols(build)
    wrong = list(check(defined, used))
    print("\n".join(wrong) if wrong else f"{len(used)} objects in order")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
