#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A library keeps what the releases in tests/abi promised (docs/abi.md): its
calls, their types and symbol nodes, the layout of structs, enumerations.

usage: check-abi.py LIBRARY [--freeze FOLDER]
The library is one of this tree with debug information. The comparison is first
tried on small libraries. --freeze writes the library's description and symbols
instead.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import abi
import abi_layout
import test_abi

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ROOT / "include/smudge"


def freeze(library, folder):
    (folder / "libsmudge.abi").write_text(abi.describe(library, HEADERS))
    (folder / "symbols").write_text("".join(f"{s}\n"
                                            for s in abi.symbols(library)))


def abidiff(old, new, grown):
    """Its words, "" if all is as it was; @grown types may have changed."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "old.abi").write_text(old)
        (folder / "new.abi").write_text(new)
        (folder / "grown.ini").write_text("".join(
            f"[suppress_type]\ntype_kind = {kind}\nname = {name}\n\n"
            for kind, name in grown))
        done = subprocess.run(
            ["abidiff", "--no-added-syms", "--suppressions",
             folder / "grown.ini", folder / "old.abi", folder / "new.abi"],
            capture_output=True, text=True)
    if done.returncode == 0:
        return ""
    return (done.stdout + done.stderr).strip() or f"status {done.returncode}"


def faults(old, old_symbols, new, new_symbols):
    """What a description and a list of symbols do not have of the old ones."""
    found = [f"symbol {s} is not there any more"
             for s in old_symbols if s not in new_symbols]
    wrong, grown = abi_layout.compare(old, new)
    words = abidiff(old, new, [] if wrong else grown)
    return found + wrong + ([words] if words else [])


def check(library):
    status = 0
    new, new_symbols = abi.describe(library, HEADERS), abi.symbols(library)
    for folder in sorted((ROOT / "tests/abi").glob("[0-9]*")):
        found = faults((folder / "libsmudge.abi").read_text(),
                       (folder / "symbols").read_text().split(), new,
                       new_symbols)
        for what in found:
            print(f"{folder.name}: {what}")
        if found:
            print(f"{folder.name}: programs that were built against it do not "
                  "run any more. If it is not released yet and the change is "
                  f"meant: scripts/freeze-abi.sh {folder.name}")
        status |= bool(found)
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("--freeze", type=pathlib.Path, metavar="FOLDER")
    arguments = parser.parse_args()
    if arguments.freeze:
        return freeze(arguments.library, arguments.freeze)
    test_abi.main(faults)
    return check(arguments.library)


if __name__ == "__main__":
    sys.exit(main())
