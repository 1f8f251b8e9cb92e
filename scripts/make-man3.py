#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Section 3 manual pages from the comments of the public headers.

usage: make-man3.py VERSION DATE FOLDER HEADER...

Makes FOLDER anew, with a page per call, per struct or enum that programs fill
or read, and per header; a call that shares its comment with another is a link
to that page. Comments have one form (CONTRIBUTING.md, Public headers); one that
has not is an error with its file and line, so that every call is documented.
"""
import errno
import os
import pathlib
import re
import shutil
import sys

sys.dont_write_bytecode = True
from header_comments import PROTOTYPE, HeaderError, first_sentence, read_header  # noqa

SECTIONS = {"Blocks": "BLOCKING", "Block": "BLOCKING", "Threads": "THREADS",
            "State after failure": "FAILURE", "On failure": "FAILURE",
            "After failure": "FAILURE",
            "Return": "RETURN VALUE"}
ORDER = ["BLOCKING", "THREADS", "FAILURE", "RETURN VALUE"]
CODE = re.compile(r"-(E[A-Z0-9]+)(?:\s+\(((?:[^()]|\([^()]*\))*)\)|\s+(if\s[^(),;]*))?")

# Headers say in short what smudge_memory(3) says of every call.
CHILD = re.compile(r"^in a child(?: of fork: memory\.h)?$")


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


class Page:
    def __init__(self, name, release, links):
        self.name = name
        self.links = links  # names that have a page
        self.lines = ['.\\" Made from the headers by make-man3.py.',
                      f".TH {name.upper()} 3 {release} \"Library Functions\"",
                      ".ad l", ".nh"]

    def section(self, title):
        self.lines.append(f".SH {title}")

    def named(self, names, summary):
        self.section("NAME")
        words = ", ".join(names).split()
        self.lines += words[:-1] + [words[-1] + " \\-"]
        self.wrapped(summary)

    def rich(self, text):
        """Roff for running text: names that have a page, and parameters."""
        text = escape(text)
        text = re.sub(r"@(\w+)", r"\\fI\1\\fR", text)

        def link(match):
            name = match[0]
            if name == self.name:
                return rf"\fB{name}\fR"
            return rf"\fB{name}\fR(3)" if name in self.links else name
        return re.sub(r"\bsmudge_\w+(?!\()", link, text)

    def wrapped(self, text):
        """A sentence per line, or more lines of at most 78 columns."""
        line = ""
        for word in text.split():
            if line and len(self.rich(f"{line} {word}")) > 78:
                self.lines.append(self.rich(line))
                line = ""
            line += (" " if line else "") + word
            if word.endswith(".") and not word.endswith(("..", "e.g.")):
                self.lines.append(self.rich(line))
                line = ""
        if line:
            self.lines.append(self.rich(line))

    def verbatim(self, text):
        self.lines += [".nf"] + [escape(line.expandtabs(8)) or "\\&" for line in text.split("\n")]
        self.lines.append(".fi")

    def listed(self, block):
        """An indented block: an entry begins at its least indentation."""
        lines = block.split("\n")
        least = min(len(line) - len(line.lstrip()) for line in lines)
        entries = []
        for line in lines:
            if len(line) - len(line.lstrip()) == least or not entries:
                entries.append("")
            entries[-1] += " " + line.strip()
        for entry in entries:
            number = re.match(r" (\d\.) ", entry)
            self.lines.append(f".IP {number[1]} 3" if number else ".IP \\(bu 2")
            self.wrapped(entry[number.end():] if number else entry)

    def text(self, text, is_first=True):
        """Paragraphs; indented ones are lists, or code when by a tab."""
        for block in re.split(r"\n\s*\n", text.strip("\n")):
            if not block.strip():
                continue
            if block.startswith(" "):
                self.listed(block)
            elif re.match(r"\d\. ", block):
                self.listed(re.sub(r"^(?=\D)", " ", block, flags=re.M))
            else:
                self.lines += [] if is_first else [".PP"]
                (self.verbatim if block.startswith("\t") else self.wrapped)(block)
            is_first = False

    def write(self, folder):
        (folder / f"{self.name}.3").write_text("\n".join(self.lines) + "\n")


def synopsis(page, header, declarations):
    page.section("SYNOPSIS")
    page.lines += [".nf", f".B #include <smudge/{header}>", ".PP"]
    for found in declarations:
        text = re.sub(r"\s*\n\s*", " ", found.text)
        text = text.replace("( ", "(")
        result, _, arguments = re.sub(r"\s+__attribute__.*", ";", text).partition("(")
        line = result + "("
        indent = " " * 4
        page.lines.append(f"\\fB{escape(line)}\\fR")
        arguments = arguments.rstrip(";").rstrip(")").split(", ")
        for number, argument in enumerate(arguments):
            end = ");" if number == len(arguments) - 1 else ","
            page.lines.append(escape(indent + argument) + end)
    page.lines.append(".fi")


def errors(page, text):
    """The codes of a "Return:" text, each with the words in parentheses."""
    found = {}
    for code, *reasons in CODE.findall(text):
        words = "".join(reasons)
        words = CHILD.sub("in a child of fork(2), see smudge_memory",
                          " ".join(words.split()))
        found.setdefault(code, []).extend([words] if words else [])
    if not found:
        return
    page.section("ERRORS")
    for code, words in found.items():
        page.lines += [".TP", f".B \\-{code}"]
        number = getattr(errno, code, None)
        if number is None:
            raise HeaderError(f"{page.name}: -{code} is no error code")
        page.wrapped("; ".join(words) or os.strerror(number))


def see_also(page, names):
    page.section("SEE ALSO")
    names = sorted(names - {page.name})
    lines = [f".BR {name} (3)," for name in names] + [".BR smudge (7)"]
    page.lines += lines


def parameters(page, comment):
    if not comment.parameters:
        return
    page.section("PARAMETERS")
    for names, text in comment.parameters:
        page.lines += [".TP", ", ".join(f"\\fI{name}\\fR" for name in names)]
        page.wrapped(text)


def describe(page, comment):
    """The parts that have a section of their own, and those that have none."""
    own = {}
    page.section("DESCRIPTION")
    start = len(page.lines)
    for label, text in comment.parts:
        if label in SECTIONS:
            own[SECTIONS[label]] = own.get(SECTIONS[label], "") + text
        elif text.strip():
            page.text((label + ": " if label else "") + text,
                      len(page.lines) == start)
    if len(page.lines) == start:
        for _, summary in comment.names:
            page.wrapped(summary[:1].upper() + summary[1:] + ".")
    parameters(page, comment)
    for title in ORDER:
        if title in own:
            page.section(title)
            page.text(own[title][:1].upper() + own[title][1:])
    errors(page, own.get("RETURN VALUE", ""))


def type_part(page, found, comment):
    page.section("STRUCTURE" if found.text.startswith("struct") else "VALUES")
    if comment.text and not comment.calls():
        page.text(comment.text)
        page.lines.append(".PP")
    page.verbatim(found.text)


class Manual:
    def __init__(self, release, paths):
        self.release = release
        self.headers = {path: read_header(path) for path in paths}
        self.groups = [(path, comment) for path, (_, comments) in
                       self.headers.items() for comment in comments]
        self.types = {d.name: (path, comment, d) for path, comment in self.groups
                      for d in comment.declarations if d.kind == "type"}
        self.calls = {d.name: comment for _, comment in self.groups
                      for d in comment.calls()}
        self.names = set(self.types) | set(self.calls) | {
            self.header_name(path) for path in paths if path.stem != "smudge"}

    @staticmethod
    def header_name(path):
        return "smudge_" + path.stem

    def page(self, name):
        return Page(name, self.release, self.names)

    def used_types(self, text):
        return {name for name in re.findall(r"\b(?:struct|enum) (smudge_\w+)", text)
                if name in self.types}

    def call_page(self, path, comment, folder):
        declarations = comment.calls()
        page = self.page(declarations[0].name)
        names = [name for names, _ in comment.names for name in names]
        page.named(names, "; ".join(summary for _, summary in comment.names))
        synopsis(page, path.name, declarations)
        describe(page, comment)
        related = self.used_types(" ".join(d.text for d in declarations))
        mentioned = set(re.findall(r"\bsmudge_\w+", comment.text)) & self.names
        for name in names:
            if name in self.types:
                _, type_comment, found = self.types[name]
                type_part(page, found, type_comment)
        about = {self.header_name(path)} & self.names
        see_also(page, (related | mentioned | about) - set(names))
        page.write(folder)
        for name in names[1:]:
            (folder / f"{name}.3").write_text(f".so man3/{names[0]}.3\n")

    def type_page(self, name, folder):
        path, comment, found = self.types[name]
        users = {d.name for d in map(self.declared, self.calls)
                 if re.search(rf"\b{name}\b", d.text)}
        page = self.page(name)
        summary = "" if comment.calls() else first_sentence(comment.text)
        if not 0 < len(summary) <= 72:
            summary = f"{found.text.split()[0]} of <smudge/{path.name}>"
        page.named([name], summary)
        page.section("SYNOPSIS")
        page.lines += [".nf", f".B #include <smudge/{path.name}>", ".fi"]
        type_part(page, found, comment)
        see_also(page, users | {self.header_name(path)} |
                 (self.used_types(found.text)))
        page.write(folder)

    def declared(self, name):
        return next(d for d in self.calls[name].calls() if d.name == name)

    def header_page(self, path, folder):
        about, comments = self.headers[path]
        name = self.header_name(path)
        page = self.page(name)
        page.named([name], first_sentence(about))
        page.section("SYNOPSIS")
        page.lines += [".nf", f".B #include <smudge/{path.name}>", ".fi"]
        page.section("DESCRIPTION")
        page.text(about)
        for comment in comments:
            self.header_extras(page, comment)
        self.header_calls(page, comments)
        if name in self.types:
            type_part(page, self.types[name][2], self.types[name][1])
        see_also(page, {d.name for c in comments for d in c.declarations
                        if d.kind == "type" and d.name in self.names})
        page.write(folder)

    def header_extras(self, page, comment):
        """Macros, and comments that are of no declaration of their own."""
        macros = [d for d in comment.declarations if d.kind == "macro"]
        if macros:
            page.text(comment.text, False)
            page.lines.append(".PP")
            page.verbatim("\n".join(d.text for d in macros))
        elif not comment.declarations:
            page.text(comment.text, False)

    def header_calls(self, page, comments):
        if any(comment.calls() for comment in comments):
            page.section("CALLS")
        for comment in comments:
            for names, summary in comment.names:
                for name in names:
                    page.lines += [".TP", f".BR {name} (3)"]
                    page.wrapped(summary)

    def write(self, folder):
        for path, comment in self.groups:
            if comment.calls():
                self.call_page(path, comment, folder)
        headers = {self.header_name(path) for path in self.headers}
        for name in self.types:
            if name not in self.calls and name not in headers:
                self.type_page(name, folder)
        for path in self.headers:
            if self.header_name(path) not in self.calls and path.stem != "smudge":
                self.header_page(path, folder)


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    version, date, target, *headers = sys.argv[1:]
    folder = pathlib.Path(target + ".new")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        Manual(f'{date} "smudge {version}"', [pathlib.Path(h) for h in headers]).write(folder)
    except HeaderError as error:
        shutil.rmtree(folder)
        sys.exit(str(error))
    shutil.rmtree(target, ignore_errors=True)
    folder.rename(target)


if __name__ == "__main__":
    main()
