#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bash completes every option and word that --help has, and no others.

usage: test_completions.py SMUDGE SMUDGE-VM
"""
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
OPTION = re.compile(r"(?<![\w-])--?[a-zA-Z][\w-]*")
ASK = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
function=$(complete -p "$1" | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
"$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words):
    done = subprocess.run(["bash", "-uc", ASK, "bash", HERE / words[0], *words],
                          check=True, capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return set(done.stdout.split())


def help_of(*command):
    return subprocess.run([*command, "--help"], check=True, text=True,
                          capture_output=True).stdout


def options_of(text):
    """The options that begin lines, and those after a comma of one that does."""
    return {option for line in text.splitlines()
            if re.match(r"  -", line) and not line.startswith(" " * 6)
            for option in OPTION.findall(re.split(r"  +|[ ][A-Z]", line.strip())[0])}


def commands_of(text):
    return re.findall(r"^  ([a-z]+) ", text, re.M)


def commands_with_help(tool):
    """All but help itself."""
    return [name for name in commands_of(help_of(tool)) if name != "help"]


def equal(what, got, wanted):
    assert got == wanted, (f"{what}: completed and not in --help: {got - wanted}; "
                           f"in --help and not completed: {wanted - got}")


def smudge_vm(tool, vm):
    text = help_of(vm)
    equal("smudge-vm", completed("smudge-vm", "-"), options_of(text))
    for option, words in re.findall(r"^  (--[\w-]+) ([a-z-]+(?:\|[a-z:PATH-]+)+)",
                                    text, re.M):
        wanted = set(words.replace("PATH", "").split("|"))
        equal(option, completed("smudge-vm", option, ""), wanted)
        equal(option, completed("smudge-vm", option, "=", ""), wanted)
        equal(option, completed("smudge-vm", option, "="), wanted)


def smudge_commands(tool, vm):
    text = help_of(tool)
    equal("smudge", completed("smudge", ""),
          set(commands_of(text)) | options_of(text))


    commands = commands_with_help(tool)
    equal("smudge help", completed("smudge", "help", ""), set(commands))


def smudge_options(tool, vm):
    for command in commands_with_help(tool):
        equal(command, completed("smudge", command, "-"),
              options_of(help_of(tool, command)))


def smudge_values(tool, vm):
    for command in commands_with_help(tool):
        for line in help_of(tool, command).splitlines():
            match = re.match(r"  (--[\w-]+) ([A-Z\[])", line)
            if match:
                got = completed("smudge", command, match[1], "-")
                assert not got, f"{command} {match[1]} takes a value, not {got}"
    kinds = re.findall(r"^  ([a-z-]+)  ", help_of(tool, "features"), re.M)
    equal("features", completed("smudge", "features", ""),
          {kind for kind in kinds if not kind.startswith("-")})
    equal("rate --method", completed("smudge", "rate", "--method", ""),
          {"auto", "uffd", "soft-dirty", "beside", "sample"})
    assert not completed("smudge", "rate", "--guest", "x"), "--guest has no value"
    equal("layers", completed("smudge", "layers", ""),
          set(commands_of(help_of(tool, "layers"))))
    equal("demo --engine", completed("smudge", "demo", "--engine", ""),
          {"auto", "kvm", "unicorn"})


def paths(tool, vm):
    """After "unix:" as bash splits it, with the : alone and with more."""
    for words in ["smudge-vm", "--qmp", "unix"], ["smudge", "migrate", "unix"]:
        equal(" ".join(words), completed(*words, ":", "/us"), {"/usr"})
        assert completed(*words, ":"), f"{words} completes no files"


def main():
    tests = [smudge_vm, smudge_commands, smudge_options, smudge_values, paths]
    print(f"1..{len(tests)}")
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            test(*sys.argv[1:])
            print(f"ok {number} {test.__name__}")
        except AssertionError as failure:
            print(f"# {failure}\nnot ok {number} {test.__name__}")
            failed += 1
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
