#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Public headers of another version: every struct that has a size has one field
less, or one more, which is large.

usage: vary.py less|more FOLDER OUT DEPFILE [checkpoint]
Writes the headers of the folder as one header, and the lists SIZED_STRUCTS and
SIZED_CALLS of what has such a struct as its argument. With checkpoint: those of
libsmudge-checkpoint; the structs of libsmudge stay as they are.
"""
import pathlib
import re
import sys

SIZED = re.compile(r"^struct (\w+) \{\n\tsize_t size;(.*?)^\};", re.M | re.S)
INCLUDE = re.compile(r'^#include "(\w+\.h)"\n', re.M)
COMMENT = re.compile(r"/\*.*?\*/", re.S)
CALL = re.compile(r"^(?!struct \w+ \{|#)[\w *\n]+?\b(smudge_\w+)\(([^{;]*)\)", re.M)
# The last of several members in one declaration; or the last declaration.
LAST = [re.compile(r",\s*\w+;\s*\Z"), re.compile(r"\n\t[^;{}]*;\s*\Z")]
MORE = "\tunsigned long long from_the_future[64];\n"


def inlined(folder, name, done):
    """The header with all that it includes of its own, once each."""
    if name in done:
        return ""
    done.add(name)
    text = COMMENT.sub("", (folder / name).read_text())
    return INCLUDE.sub(lambda m: inlined(folder, m[1], done), text)


def without_last(body):
    for last, end in zip(LAST, (";\n", "\n")):
        found = last.search(body)
        if found:
            return body[:found.start()] + end
    raise ValueError(f"no member in {body}")


def varied(variant, match):
    body = match[2]
    body = without_last(body) if variant == "less" else body + MORE
    return f"struct {match[1]} {{\n\tsize_t size;{body}}};"


def calls(text, structs):
    """(call, struct) of each argument that is a pointer to such a struct."""
    for call in CALL.finditer(text):
        for name in re.findall(r"struct (\w+) \*(?!\*|const)", call[2]):
            if name in structs:
                yield call[1], name


def listed(name, rows):
    lines = "".join(f" \\\n\tX({', '.join(row)})" for row in rows)
    return f"#define {name}(X){lines}\n"


OF_CHECKPOINT = {"checkpoint.h", "layers.h", "lazy.h", "prune.h", "restore.h"}
# Its struct is only within another: errors_live_options.c has other sizes of it.
WITHIN = {"disk.h"}


def main(variant, folder, out, depfile, library=""):
    folder = pathlib.Path(folder)
    done = set()
    text = "".join(inlined(folder, name, done)
                   for name in (sorted(OF_CHECKPOINT) if library else ["smudge.h"])
                   if name not in done)
    pathlib.Path(depfile).write_text(
        f"{out}: {' '.join(str(folder / name) for name in sorted(done))}\n")
    of_smudge = {h.name for h in folder.glob("*.h")} - OF_CHECKPOINT - WITHIN
    own = OF_CHECKPOINT if library else of_smudge
    assert own <= done and (library or done == own), done
    own_text = "".join(COMMENT.sub("", (folder / name).read_text())
                       for name in sorted(own))
    structs = [m[1] for m in SIZED.finditer(own_text)]
    assert len(structs) == own_text.count("\tsize_t size;")
    pathlib.Path(out).write_text(
        SIZED.sub(lambda m: varied(variant, m) if m[1] in structs else m[0],
                  text) +
        listed("SIZED_STRUCTS", [(s,) for s in structs]) +
        listed("SIZED_CALLS", calls(text, structs)))


if __name__ == "__main__":
    main(*sys.argv[1:])
