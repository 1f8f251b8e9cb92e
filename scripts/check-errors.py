#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every public call that takes a struct smudge_error is in the table of
tests/unit/library/errors_begin_afresh.c, which checks that the call clears it
first."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEST = ROOT / "tests/unit/library/errors_begin_afresh.c"
# These note a failure and must not clear the error.
NOTES = re.compile(r"smudge_error_\w+")
# Callbacks do not match: they are members of a struct, "(*name)(...)".
CALL = re.compile(r"\b(smudge_\w+)\(([^()]*)\)")


def declared():
    for header in sorted((ROOT / "include/smudge").glob("*.h")):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        for name, arguments in CALL.findall(text):
            if "struct smudge_error *" in arguments and not NOTES.fullmatch(name):
                yield name


def main():
    calls = set(declared())
    table = set(re.findall(r'\{"(smudge_\w+)",', TEST.read_text()))
    wrong = [f"{n} takes an error and is not in the table of {TEST.name}"
             for n in sorted(calls - table)]
    wrong += [f"{n} is in the table of {TEST.name} and takes no error"
              for n in sorted(table - calls)]
    if not calls:
        wrong.append("no public call takes an error: this script reads the headers wrong")
    print("\n".join(wrong) if wrong else f"{len(calls)} calls in the table")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
