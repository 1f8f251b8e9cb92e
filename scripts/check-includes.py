#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Includes point downwards only.

A folder may include its own headers, the public ones, and those of the
folders named for it here. vm/, tools/ and examples/ use the library through
its public headers only; clients (migrate, display, code) never include each
other.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOWED = {
    "include/smudge": set(),
    "lib/sys": set(),
    "lib/bitmap": {"sys"},
    "lib/memory": {"bitmap", "sys"},
    "lib/source": {"sys"},
    "lib/wire": {"sys"},
    "lib/migrate": {"wire", "sys"},
    "lib/code": {"sys"},
    "lib/display": {"sys"},
    "common": {"common"},
    "vm": {"common"},
    "tools": {"common"},
    "examples": set(),
    "bench": {"bitmap", "sys"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
LIBRARY = {"sys", "bitmap", "memory", "source", "wire", "migrate",
           "display", "code", "common"}


def folder_of(path):
    name = path.relative_to(ROOT).parent.as_posix()
    while name not in ALLOWED and "/" in name:
        name = name.rsplit("/", 1)[0]
    return name if name in ALLOWED else None


def check(path):
    folder = folder_of(path)
    if folder is None:
        return
    own = folder.split("/")[-1]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = INCLUDE.match(line)
        if not found or "/" not in found.group(1):
            continue
        target = found.group(1).split("/")[0]
        if target not in LIBRARY or (target == own and "lib" in folder):
            continue
        if target not in ALLOWED[folder]:
            yield f"{path.relative_to(ROOT)}:{number}: {folder} may not include {found.group(1)}"


def main():
    files = [p for d in ("include", "lib", "common", "vm", "tools", "examples", "bench")
             for p in sorted((ROOT / d).rglob("*.[ch]"))]
    wrong = [w for p in files for w in check(p)]
    print("\n".join(wrong) if wrong else f"{len(files)} files in order")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
