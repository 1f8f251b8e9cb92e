#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each program of a released version was built against that version's headers,
all of them and no others; and each of its programs was built.

usage: used_headers.py BUILD
"""
import json
import pathlib
import shlex
import subprocess
import sys

SKIPPED = 77
HERE = pathlib.Path(__file__).resolve().parent


def headers_used(entry):
    """The public headers that a compilation reads, as paths."""
    command = shlex.split(entry["command"])
    command = command[:command.index("-MD")] + ["-M", entry["file"]] \
        if "-MD" in command else command
    text = subprocess.run(command, cwd=entry["directory"], check=True,
                          capture_output=True, text=True).stdout
    paths = text.replace("\\\n", " ").split(":", 1)[1].split()
    resolved = (pathlib.Path(entry["directory"], p).resolve() for p in paths)
    return {p for p in resolved if p.parent.name == "smudge"}


def check(folder, entries):
    """What is wrong with the programs of a released version."""
    own = set((folder / "include/smudge").glob("*.h"))
    built = {}
    for entry in entries:
        file = pathlib.Path(entry["directory"], entry["file"]).resolve()
        if folder in file.parents:
            built[file] = headers_used(entry)
    for file in sorted([*folder.glob("programs/*.c"), *folder.glob("sized/*.c")]):
        if file not in built:
            yield f"{file} is not built"
    for file, used in sorted(built.items()):
        if used - own:
            yield f"{file} was built with {sorted(map(str, used - own))}"
        # sized.c has them in one varied header
        elif used != own and file.parent.name == "programs":
            yield f"{file} was built without {sorted(map(str, own - used))}"


def main(build):
    entries = json.loads(pathlib.Path(build, "compile_commands.json").read_text())
    folders = sorted(f.resolve() for f in HERE.glob("[0-9]*"))
    faults = [what for folder in folders for what in check(folder, entries)]
    if not folders:
        print(f"{HERE} has no released version yet")
        return SKIPPED
    print("\n".join(faults))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
