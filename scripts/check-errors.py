#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The rule of docs/errors.md: a public call that its comment gives two or more
errnos takes a struct smudge_error. Each call that takes one is in the table of
tests/unit/library/errors_begin_afresh.c, which checks that it clears it first.
A sentence has 199 bytes: a path in it is cut so that what follows fits."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEST = ROOT / "tests/unit/library/errors_begin_afresh.c"
# These note a failure and must not clear the error.
NOTES = re.compile(r"smudge_error_\w+")
# An argument may be a callback, "int (*name)(...)", whose own arguments are not
# the call's. Members of a struct do not match: their name is in parentheses.
CALLBACK = re.compile(r"\(\*\w+\)\([^()]*\)")
CALL = re.compile(r"\b(smudge_\w+)\(([^()]*)\)")
# Every call that asks has this one; it needs no sentence to be told apart.
IN_A_CHILD = re.compile(r"-EPERM \(in a[\s*]+child\b")
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
SENTENCE = re.compile(r'smudge_error_set\((?:[^"();]|\([^()]*\))*'
                      r'((?:"(?:[^"\\\n]|\\.)*"\s*)+)')
CUT_BEFORE_MORE = re.compile(r"%\.(\d+)s(?=.)")
LONGEST_NAME = 120  # bytes
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def pieces(text):
    """Each comment with the code up to the next one."""
    comments = list(COMMENT.finditer(text))
    ends = [c.start() for c in comments[1:]] + [len(text)]
    for comment, end in zip(comments, ends):
        yield comment.group(), text[comment.end():end]


def calls_in(text):
    """The calls of a header, whether each takes an error, and its errnos."""
    for comment, code in pieces(text):
        returns = comment.rpartition("Return:")[2] if "Return:" in comment else ""
        for name, arguments in CALL.findall(CALLBACK.sub("", code)):
            if not NOTES.fullmatch(name):
                yield (name, "struct smudge_error *" in arguments,
                       sorted(set(re.findall(r"-E[A-Z0-9]+\b",
                                             IN_A_CHILD.sub("", returns)))))


def too_silent(calls):
    return [f"{name} returns {', '.join(errnos)} and takes no error"
            for name, takes, errnos in calls if len(errnos) > 1 and not takes]


def hiding(text):
    """Formats in which a long name leaves no room for what follows it."""
    for literals in SENTENCE.findall(text):
        sentence = "".join(LITERAL.findall(literals))
        if any(int(width) > LONGEST_NAME
               for width in CUT_BEFORE_MORE.findall(sentence)):
            yield sentence


def too_hidden():
    return [f"{path.relative_to(ROOT)}: the end may be cut off: {sentence}"
            for folder in ("common", "lib", "tools", "vm")
            for path in sorted((ROOT / folder).rglob("*.c"))
            for sentence in hiding(path.read_text())]


def main():
    headers = sorted((ROOT / "include/smudge").glob("*.h"))
    all_calls = [c for header in headers for c in calls_in(header.read_text())]
    calls = {name for name, takes, _ in all_calls if takes}
    table = set(re.findall(r'\{"(smudge_\w+)",', TEST.read_text()))
    wrong = [f"{n} takes an error and is not in the table of {TEST.name}"
             for n in sorted(calls - table)]
    wrong += [f"{n} is in the table of {TEST.name} and takes no error"
              for n in sorted(table - calls)]
    wrong += too_silent(all_calls) + too_hidden()
    if not calls:
        wrong.append("no public call takes an error: this script reads the headers wrong")
    print("\n".join(wrong) if wrong else f"{len(calls)} calls in the table")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
