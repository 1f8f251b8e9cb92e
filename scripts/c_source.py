# SPDX-License-Identifier: MIT
"""C files as the checks of the tree read them: comments, strings, functions.

This is no compiler. It relies on clang-format, which another check runs: a
brace at the start of a line begins a function, the next one ends it.
"""
import collections
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Frozen copies of what was released, which no check of the tree reads.
BUT_FROZEN = ":(exclude)tests/abi/[0-9]*"
PART = re.compile(
    r'(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<string>"(?:\\.|[^"\\])*")'
    r"|(?P<char>'(?:\\.|[^'\\])*')", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.)*", re.S | re.M)
ATTRIBUTE = re.compile(r"__attribute__\(\(.*?\)\)\)?", re.S)
BODY = re.compile(r"^\{$(.*?)^\}", re.S | re.M)
TOKEN = re.compile(r"\w+|&&|\|\||->|[=!<>]=|[^\s\w]")

Piece = collections.namedtuple("Piece", "line text")
Function = collections.namedtuple("Function", "name line head body body_line")


def blank(text):
    """Spaces of the same length, with the same line breaks."""
    return re.sub(r"[^\n]", " ", text)


class Source:
    """One file: .code has its comments, the inside of its strings, and (in
    .plain) its preprocessor lines blanked, at the same offsets."""

    def __init__(self, text):
        self.text = text
        self.comments = []
        self.strings = []
        self.code = PART.sub(self._part, text)
        self.plain = DIRECTIVE.sub(lambda m: blank(m.group()), self.code)

    def _part(self, match):
        part = match.group()
        if match["comment"]:
            self.comments.append(Piece(self.line_at(match.start()), part))
            return blank(part)
        if match["string"]:
            self.strings.append((match.start(), part))
        return part[0] + blank(part[1:-1]) + part[0]

    def line_at(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def functions(self):
        for match in BODY.finditer(self.plain):
            before = self.plain[:match.start()].rstrip()
            start = max(before.rfind(c) for c in ";}") + 1
            head = before[start:]
            start += len(head) - len(head.lstrip())
            name = re.search(r"(\w+)\s*\(", ATTRIBUTE.sub(" ", head))
            if name:
                yield Function(name[1], self.line_at(start), head.strip(),
                               match[1], self.line_at(match.start(1)))


def tokens(code):
    return TOKEN.findall(code)


def files(*folders):
    """The C files of folders of the tree that git knows, or would."""
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", BUT_FROZEN,
         *folders],
        cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return sorted({n for n in names
                   if n.endswith((".c", ".h")) and (ROOT / n).exists()})


def read(name):
    return Source((ROOT / name).read_text())
