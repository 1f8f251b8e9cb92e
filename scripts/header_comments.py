# SPDX-License-Identifier: MIT
"""Reads the comments of the public headers, for the manual pages.

Comments have one form (CONTRIBUTING.md, Public headers). One that has not is a
HeaderError, which names its file and line.
"""
import re
from dataclasses import dataclass, field

NAMES = re.compile(r"(smudge_\w+(?:, _?\w+)*) - (.*)")
PARAMETER = re.compile(r"(@\w+(?:, @\w+)*): (.*)")
LABELS = ["Blocks?", "Threads", "Return", "State after failure", "On failure",
          "State after success", "After failure", "Guarantee", "Cost", "Memory",
          "Start", "Harvest", "Harvest and look", "Re-arm", "The socket"]
LABEL = re.compile(r"(?:(?<=^)|(?<=[.)] )|(?<=\n))(" + "|".join(LABELS) + r"):\s")
ATTRIBUTE = re.compile(r"\s+SMUDGE_(?:MUST_CHECK|NONNULL\([\d, ]*\))")
PROTOTYPE = re.compile(r"\b(smudge_\w+)\((.*)\)", re.S)
TYPE = re.compile(r"(struct|enum) (smudge_\w+)\s*{")


class HeaderError(Exception):
    pass


@dataclass
class Declaration:
    line: int
    text: str
    kind: str  # call, type, macro or other
    name: str


@dataclass
class Comment:
    """One comment, and the declarations below it without an empty line."""
    where: str
    text: str
    declarations: list = field(default_factory=list)
    names: list = field(default_factory=list)  # (name, summary)
    parameters: list = field(default_factory=list)  # (names, text)
    parts: list = field(default_factory=list)  # (label or "", text)

    def calls(self):
        return [d for d in self.declarations if d.kind == "call"]


def fail(where, text):
    raise HeaderError(f"{where}: {text}")


def strip_comment(text):
    lines = text[2:-2].strip("\n").split("\n")
    lines = [re.sub(r"^\s*\* ?", "", line).rstrip() for line in lines]
    lines[0] = lines[0].strip()
    return "\n".join(lines).strip("\n")


def end_of_declaration(text, start):
    """After the first ; that is in no braces, parentheses or comments."""
    depth, at = 0, start
    while at < len(text):
        if text.startswith("/*", at):
            at = text.index("*/", at) + 2
            continue
        depth += (text[at] in "{(") - (text[at] in "})")
        if text[at] == ";" and depth == 0:
            return at + 1
        at += 1
    return len(text)


def declaration(text, line):
    text = ATTRIBUTE.sub("", text)
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    if bare.startswith("#define"):
        return Declaration(line, text, "macro", bare.split()[1].split("(")[0])
    match = TYPE.match(bare)
    if match:
        return Declaration(line, text, "type", match[2])
    match = PROTOTYPE.search(bare)
    if match:
        return Declaration(line, text, "call", match[1])
    return Declaration(line, text, "other", "")


def items(text):
    """(line, blank line before it?, text) of comments and declarations."""
    begin = text.index("#pragma GCC visibility push")
    begin = text.index("\n", begin) + 1
    end = text.index("#pragma GCC visibility pop")
    at, body = begin, text[:end]
    while True:
        space = re.compile(r"\s*").match(body, at)
        at = space.end()
        if at >= end:
            return
        if body.startswith("/*", at):
            stop = body.index("*/", at) + 2
        elif body[at] == "#":
            stop = re.compile(r"(?:[^\n]*\\\n)*[^\n]*").match(body, at).end()
        else:
            stop = end_of_declaration(body, at)
        yield body.count("\n", 0, at) + 1, "\n\n" in space[0], body[at:stop]
        at = stop


def read_header(path):
    """The comment on the whole header, and one per group of declarations."""
    text = path.read_text()
    parts = re.findall(r"/\*.*?\*/", text[:text.index("#ifndef")], flags=re.S)
    about = strip_comment(parts[-1])
    comments, comment = [], None
    for line, is_apart, item in items(text):
        where = f"{path}:{line}"
        if item.startswith("/*"):
            comment = Comment(where, strip_comment(item))
            if not re.fullmatch(r"-{3,}.*-{3,}", comment.text):
                comments.append(comment)
            continue
        found = declaration(item, line)
        if is_apart or comment is None:
            comment = Comment(where, "")
            comments.append(comment)
        comment.declarations.append(found)
        if found.kind == "call" and not comment.text:
            fail(where, f"{found.name} has no comment")
    problems = []
    for comment in comments:
        try:
            parse(comment)
        except HeaderError as problem:
            problems.append(str(problem))
    if problems:
        raise HeaderError("\n".join(problems))
    return about, comments


def whole_names(text):
    """"smudge_client_any, _all": the second stands for smudge_client_all."""
    first, *rest = text.split(", ")
    stem = first.rpartition("_")[0]
    return [first] + [stem + name if name.startswith("_") else name for name in rest]


def parse_head(comment):
    """The lines "name - summary" and "@name: text"; returns the others."""
    lines = comment.text.split("\n")
    entry = None
    while lines and lines[0]:
        match = NAMES.fullmatch(lines[0]) if not comment.parameters else None
        if match:
            entry = [whole_names(match[1]), match[2]]
            comment.names.append(entry)
        elif PARAMETER.fullmatch(lines[0]):
            match = PARAMETER.fullmatch(lines[0])
            entry = [match[1].replace("@", "").split(", "), match[2]]
            comment.parameters.append(entry)
        elif entry and lines[0].startswith(" "):
            entry[1] += " " + lines[0].strip()
        else:
            break
        lines.pop(0)
    return "\n".join(lines).strip("\n")


def first_sentence(text):
    """Without its full stop, and beginning with a small letter."""
    sentence = re.split(r"[.:?](?:\s|$)", text)[0].replace("\n", " ")
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]


def parse_first_sentence(comment, body):
    """For groups without "name - summary": their first sentence is it."""
    comment.names.append([[d.name for d in comment.calls()], first_sentence(body)])


def parse(comment):
    calls = comment.calls()
    if not calls:
        return
    body = parse_head(comment)
    if not comment.names:
        parse_first_sentence(comment, body)
    documented = {name for names, _ in comment.names for name in names}
    declared = {d.name for d in calls}
    if documented != declared:
        fail(comment.where, "the comment is of " + ", ".join(sorted(documented)) +
             "; declared below it: " + ", ".join(sorted(declared)))
    arguments = " ".join(PROTOTYPE.search(d.text)[2] for d in calls)
    for names, _ in comment.parameters:
        for name in names:
            if not re.search(rf"\b{name}\b", arguments):
                fail(comment.where, f"@{name} is no parameter")
    pieces = LABEL.split(body)
    comment.parts = [("", pieces[0])] + list(zip(pieces[1::2], pieces[2::2]))
    check_labels(comment, calls)


def check_labels(comment, calls):
    labels = {label.replace("Block", "Blocks").replace("ss", "s")
              for label, _ in comment.parts}
    for label in "Blocks", "Threads", "Return":
        lack = [c.name for c in calls if label not in labels and
                (label != "Return" or c.text.startswith("int "))]
        if lack:
            fail(comment.where, f'{", ".join(lack)}: the comment has no "{label}:"')
