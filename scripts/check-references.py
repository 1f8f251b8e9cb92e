#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What documents, manual pages and comments name exists in the tree.

Prints file:line and the name for
- a file (path/name.c, or name.c alone): some path of the tree ends with it;
- smudge_*, smi_*, SMUDGE_* or SMI_*: a word of the code; "smudge_client_*" and
  "smudge_client_" stand for all that begin so;
- name(), in C's comments: a word of the code;
- decisions/0012 or "decision 12": a page in docs/decisions.
"""
import fnmatch
import re
import subprocess
import sys

import c_source

ROOT = c_source.ROOT
DOCUMENT = re.compile(r".*\.(?:md|[1-7])$")
CODE = re.compile(r"(?!scripts/.*\.py).*\.(?:build|ld|map|pml|py|S|sh)$|Makefile$")
FILE = re.compile(
    r"(?<![\w./<$-])(?:man/[\w-]+\.[1-7]|(?:[\w.*-]+/)*[\w.*-]*[A-Za-z*][\w.*-]*"
    r"\.(?:build|c|h|json|ld|map|md|pml|py|sh|txt|\[ch\]))(?![\w(])")
NAME = re.compile(r"(?<!-)\b(?:smudge|smi|SMUDGE|SMI)_\w+")
CALL = re.compile(r"\b([a-z_]\w+)\(\)")
DECISION = re.compile(r"decisions?[/ ]0*(\d+)\b")
# What stands for any name, as NAME does; and files that a build makes.
EXAMPLES = {"errors_what.c", "tests/unit/bitmap/what.c", "vmm.c",
            "smudge_thing_do", "smi_transport_x", "transport_x.[ch]",
            "b/compile_commands.json"}


class Tree:
    def __init__(self, paths, words):
        self.paths = paths
        self.words = words
        self.ends = {p[i:] for p in paths for i in
                     [0, *(m.end() for m in re.finditer("/", p))]}

    def has_file(self, name):
        name = re.sub(r"^(?:\.\.?/)+", "", name)
        if "*" in name or "[" in name:
            return any(fnmatch.fnmatch(end, name) for end in self.ends)
        return name in self.ends

    def has_word(self, name, what_follows=""):
        if name.endswith("_") or what_follows == "*":
            return any(word.startswith(name) for word in self.words)
        return name in self.words

    def has_decision(self, number):
        start = f"docs/decisions/{int(number):04}-"
        return any(path.startswith(start) for path in self.paths)


def is_example(name):
    return "NAME" in name or not EXAMPLES.isdisjoint([name, name.split("/")[-1]])


def missing(tree, text, in_code):
    """The offset of each name that is not in the tree, and the name."""
    for match in FILE.finditer(text):
        if not is_example(match[0]) and not tree.has_file(match[0]):
            yield match.start(), f"there is no file {match[0]}"
    for match in NAME.finditer(text):
        if not is_example(match[0]) and \
                not tree.has_word(match[0], text[match.end():][:1]):
            yield match.start(), f"there is no {match[0]}"
    for match in CALL.finditer(text) if in_code else ():
        if not tree.has_word(match[1]):
            yield match.start(), f"there is no {match[0]}"
    for match in DECISION.finditer(text):
        if not tree.has_decision(match[1]):
            yield match.start(), f"there is no {match[0]}"


def words_of(name):
    """The words of a file's code, comments left out where it is C."""
    if not name.endswith((".c", ".h")):
        return set(re.findall(r"\w+", (ROOT / name).read_text()))
    source = c_source.read(name)
    words = set(re.findall(r"\w+", source.code))
    return words.union(*(re.findall(r"\w+", text)
                         for _, text in source.strings))


def read_tree():
    paths = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--",
         c_source.BUT_FROZEN], cwd=ROOT,
        capture_output=True, text=True, check=True).stdout.splitlines()
    paths = [p for p in paths if (ROOT / p).exists()]
    words = set()
    for path in paths:
        if path.endswith((".c", ".h")) or CODE.match(path):
            words |= words_of(path)
        header = re.fullmatch(r"include/smudge/(\w+)\.h", path)
        if header:  # it has a manual page
            words.add(f"smudge_{header[1]}")
    return Tree(paths, words)


def prose(path):
    """The text of a document, or each comment of a C file, with its line."""
    if DOCUMENT.match(path):
        yield 1, (ROOT / path).read_text(), False
    elif path.endswith((".c", ".h")):
        for comment in c_source.read(path).comments:
            yield comment.line, comment.text, True


def main():
    tree = read_tree()
    wrong = [f"{path}:{line + text.count(chr(10), 0, at)}: {what}"
             for path in tree.paths for line, text, in_code in prose(path)
             for at, what in sorted(missing(tree, text, in_code))]
    print("\n".join(wrong) if wrong else "all that is named is in the tree")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
