#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The library has exactly the trace points that docs/tracing.md lists, each
with as many arguments.

usage: check-probes.py libsmudge.so
"""
import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = "docs/tracing.md"
PROVIDER = "smudge"
ROW = re.compile(r"^\| `(\w+)` \| (.*?) \| .* \|$", re.M)
NOTE = re.compile(r"Provider: (\S+)\s+Name: (\S+)\s+Location:[^\n]*\s+"
                  r"Arguments:([^\n]*)")


def documented(text):
    """{name: number of arguments}; an argument is a word in backquotes."""
    return {name: len(re.findall(r"`\w+`", arguments))
            for name, arguments in ROW.findall(text)}


def present(notes):
    """{name: numbers of arguments}, from the text of readelf -n."""
    found = collections.defaultdict(set)
    for provider, name, arguments in NOTE.findall(notes):
        if provider == PROVIDER:
            # one begins with its size; an address may be "8(%rdi, %rax, 8)"
            found[name].add(len(re.findall(r"(?:^|\s)-?[1248]f?@", arguments)))
    return found


def compare(page, notes):
    for name in sorted(page.keys() | notes.keys()):
        if name not in notes:
            yield f"{PAGE} lists {name}, which the library has not"
        elif name not in page:
            yield f"{PAGE} does not list {name}, which the library has"
        elif notes[name] != {page[name]}:
            counts = " or ".join(map(str, sorted(notes[name])))
            yield (f"{PAGE} lists {name} with {page[name]} arguments, the "
                   f"library has {counts}")


def main():
    library = sys.argv[1]
    notes = subprocess.run(["readelf", "-nW", library], check=True,
                           stdout=subprocess.PIPE, text=True).stdout
    page = documented((ROOT / PAGE).read_text())
    wrong = list(compare(page, present(notes)))
    if not page:
        wrong.append(f"{PAGE} lists no probe: this script reads it wrong")
    print("\n".join(wrong) if wrong else f"{len(page)} probes as documented")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
