#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One dialect in all C files, and one vocabulary in them and the documents.

usage: check-dialect.py [FILE or FOLDER...]

Prints file:line, what is wrong and what to write instead:
- an include guard is the file's path;
- a return value is kept in "ret";
- a loop's counter is declared in its for, unless it is used after it;
- atomics are those of <stdatomic.h>;
- KVM's machines are made by kvm_vm_create, which nothing interrupts;
- an error's sentence begins in lower case and has no full stop: the program
  that prints it adds both; what it quotes is in single quotes;
- a file begins with what it is for;
- no word of scripts/dialect_words.py.
"""
import bisect
import re
import subprocess
import sys

import c_source
import dialect_words

FOLDERS = ("bench", "common", "examples", "guests", "include", "lib", "tests",
           "tools", "vm")
DOCUMENT = re.compile(r".*\.md$|man/|web/.*\.html$")
# Builtins that must work on memory of others which is not _Atomic: path, why.
PLAIN_ATOMICS = {"vm/engine/kvm.c": "a byte that KVM reads"}
# Those that make KVM's machines themselves: they stand alone.
MAKE_VM = ("common/kvm_vm.h", "examples/", "tests/abi/")
# Calls that take an error's sentence.
SAYS_ERROR = re.compile(
    r"\w*(?:error_set|callback_check|malformed|refuse\w*|bad_\w+|tool_usage)"
    r"|fail|broken|usage")
# Words with a capital that may begin an error's sentence.
PROPER = ("Linux", "Unicorn", "Host", "Origin", "Sec-WebSocket")
# How sentences begin that QEMU has too: QMP's clients may compare them.
QEMUS = ("Capabilities negotiation", "Expecting capabilities", "Guest is waiting",
         "Invalid parameter type", "Parameter '", "The command %",
         "The incoming migration has", "There's a migration process")
RETURNED = r"^\t+(?:int|ssize_t|long|int64_t) (?:\w+(?: = [^;,(]+)?, )*"
ALWAYS_RETURNED = ("r", "rc", "rv", "res", "retval")
PERHAPS_RETURNED = ("error", "err", "status", "result")
# Programs of several files, in which a status is that of the process.
HAVE_EXIT_STATUS = ("bench/", "examples/", "tests/", "tools/", "vm/main.c")


def check_guard(name, source):
    guard = re.search(r"^#ifndef (\w+)", source.code, re.M)
    path = name.removeprefix("include/")
    wanted = re.sub(r"\W", "_", path).upper()
    if name.endswith(".h") and (not guard or guard[1] != wanted):
        yield 1, f"the include guard must be {wanted}"


def is_returned(variable, body):
    if f"&{variable}" in body:
        return False
    return re.search(rf"\breturn {variable}\b|"
                     rf"\b{variable} = (?!errno\b)[a-z]\w*\(", body)


def check_return(name, source):
    for f in source.functions():
        for variable in ALWAYS_RETURNED + PERHAPS_RETURNED:
            if variable == "status" and name.startswith(HAVE_EXIT_STATUS):
                continue
            found = re.search(rf"{RETURNED}{variable}\b", f.body, re.M)
            if found and (variable in ALWAYS_RETURNED or
                          is_returned(variable, f.body)):
                line = f.body_line + f.body.count("\n", 0, found.end())
                yield line, f"a return value is kept in ret, not {variable}"


def statement_end(code, at):
    """The offset behind the statement that begins at an offset."""
    at += len(code[at:]) - len(code[at:].lstrip())
    head = re.match(r"(?:if|for|while|switch)\b\s*(?=\()", code[at:])
    if head:
        at = statement_end(code, closing(code, at + head.end()))
        other = re.match(r"\s*else\b", code[at:])
        return statement_end(code, at + other.end()) if other else at
    if code[at:at + 1] == "{":
        return closing(code, at)
    if re.match(r"do\b", code[at:]):
        at = statement_end(code, at + 2)
    while at < len(code) and code[at] != ";":
        at = closing(code, at) if code[at] in "({[" else at + 1
    return at + 1


def closing(code, at):
    """The offset behind the bracket that closes the one at an offset."""
    depth = 0
    for i in range(at, len(code)):
        depth += (code[i] in "({[") - (code[i] in ")}]")
        if not depth:
            return i + 1
    return len(code)


def loops(body):
    """The counter, the beginning and the end of each for (counter = ..."""
    for match in re.finditer(r"\bfor \((\w+) = ", body):
        header = body.index("(", match.start())
        yield match[1], match.start(), \
            statement_end(body, closing(body, header))


def check_counter(name, source):
    for f in source.functions():
        spans = list(loops(f.body))
        for counter in {s[0] for s in spans}:
            declared = re.search(
                rf"^\t+(?:const )?\w[\w ]*\s\**(?:\w+(?: = [^;,(]+)?, )*"
                rf"{counter}(?: = [^;,]+)?(?:;|, \w)", f.body, re.M)
            if not declared or declared.group().split()[0] in \
                    ("return", "else", "case", "goto"):
                continue
            outside = [m for m in re.finditer(rf"\b{counter}\b", f.body)
                       if not declared.start() <= m.start() < declared.end() and
                       not any(s[0] == counter and s[1] <= m.start() < s[2]
                               for s in spans)]
            if not outside:
                line = f.body_line + f.body.count("\n", 0, spans[0][1])
                yield line, f"declare {counter} in the for"


def check_atomics(name, source):
    for match in re.finditer(r"\b__(?:atomic|sync)_\w+", source.code):
        if name not in PLAIN_ATOMICS:
            yield source.line_at(match.start()), \
                f"{match.group()}: use <stdatomic.h>"


def check_vm(name, source):
    for match in re.finditer(r"\bioctl\([^;]*?\bKVM_CREATE_VM\b", source.code):
        if not name.startswith(MAKE_VM):
            yield source.line_at(match.start()), \
                "KVM_CREATE_VM may be interrupted: use kvm_vm_create"


def called(code, at):
    """The name of the call whose argument is at an offset, and its offset."""
    depth = 0
    for i in range(at - 1, -1, -1):
        if code[i] in ";{}":
            break
        depth += (code[i] == ")") - (code[i] == "(")
        if depth < 0:
            name = re.search(r"\w+$", code[:i])
            return (name[0], i) if name else ("", i)
    return "", 0


def sentences(source):
    """The strings that say an error, those that C joins in one piece."""
    at, text, end, kind = 0, "", 0, ""
    for start, string in source.strings + [(len(source.code), '""')]:
        if text and re.fullmatch(r"\s*(?:PRI\w+\s*)?", source.code[end:start]):
            text += string[1:-1]
        else:
            if SAYS_ERROR.fullmatch(kind):
                yield source.line_at(at), text
            at, text = start, string[1:-1]
            kind = called(source.code, start)[0]
        end = start + len(string)


def check_error(name, source):
    if name.startswith("tests/"):
        return
    for line, text in sentences(source):
        if re.match(r"[A-Z][a-z]", text) and \
                not text.startswith(PROPER + QEMUS):
            yield line, f'"{text[:24]}...": begin it in lower case'
        if re.search(r"[^.]\.(?:\\n)?$", text):
            yield line, f'"...{text[-24:]}": no full stop'
        if '\\"' in text:
            yield line, f'"{text[:24]}...": quote with \'\''


def check_purpose(name, source):
    comments = [c for c in source.comments if "SPDX" not in c.text]
    if not comments or comments[0].line > 3:
        yield 2, "say here what the file is for"
        return
    words = re.sub(r"[/*\s]+", " ", comments[0].text.replace("/", "\0"))
    words = words.replace("\0", "/").strip(" /*").strip()
    if re.fullmatch(r"(?:See )?\S+\.h\.?", words):
        yield comments[0].line, "say what the file is for, not its header"


def check_words(name, source):
    for comment in source.comments:
        yield from words_of(comment.line, comment.text)
    for pattern, instead in dialect_words.IN_NAMES:
        for match in re.finditer(pattern, source.plain):
            yield source.line_at(match.start()), \
                f'"{match.group()}": {instead}'


def words_of(line, text):
    """The given-up words of prose, also those that a line break parts."""
    flat, starts, lines = "", [], []
    for at, row in enumerate(text.split("\n")):
        row = " ".join(re.sub(r"^[ \t]*\*(?!\*)", "", row).split())
        starts.append(len(flat))
        lines.append(line + at)
        flat += row + " "
    for pattern, instead in dialect_words.IN_PROSE:
        for match in re.finditer(pattern, flat):
            at = bisect.bisect_right(starts, match.start()) - 1
            yield lines[at], f'"{match.group()}": {instead}'


CHECKS = [check_guard, check_return, check_counter, check_atomics, check_vm,
          check_error, check_purpose, check_words]


def documents(*places):
    names = subprocess.run(["git", "ls-files", "--", *places],
                           cwd=c_source.ROOT, capture_output=True, text=True,
                           check=True).stdout.split()
    return [n for n in names if DOCUMENT.match(n) and
            (c_source.ROOT / n).exists()]


def wrong_in(name):
    if not name.endswith((".c", ".h")):
        return words_of(1, (c_source.ROOT / name).read_text())
    source = c_source.read(name)
    return [w for check in CHECKS for w in check(name, source)]


def main():
    names = c_source.files(*(sys.argv[1:] or FOLDERS)) + \
        documents(*(sys.argv[1:] or ["."]))
    wrong = [f"{name}:{line}: {what}" for name in names
             for line, what in sorted(wrong_in(name))]
    print("\n".join(wrong) if wrong else f"{len(names)} files in one dialect")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
