#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check the model with spin, and that each of its mutants fails. TAP.

run.py [NAME...]          all, or the named ones
run.py --trail NAME       a counterexample of a mutant, access by access

Everything is built and run in a temporary directory. The protocol is
searched exhaustively, up to the sizes its options give, with the memory
orders that lib/bitmap/mark.c has.
"""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
MEMORY_MIB = 1800       # a search's limit; two run at once
SECONDS = 300

# function of the code, its call, macro of the model
ORDERS = [
    ("ensure", "atomic_load_explicit", "LOOK"),
    ("ensure_bit", "atomic_load_explicit", "LOOK"),
    ("ensure", "atomic_fetch_or_explicit", "OR"),
    ("ensure_bit", "atomic_fetch_or_explicit", "OR"),
    ("grab", "atomic_load_explicit", "PEEK"),
    ("grab", "atomic_exchange_explicit", "EXCHANGE"),
]

# function of the code, the steps in it, in the model's order. A return is a
# step: one that the model has not would leave a level out.
STEPS = [
    ("smudge_bitmap_mark", ["signal_fence", "mark_any", "return",
                            "mark[0]", "mark[1]", "mark[2]", "marked"]),
    ("mark_part", ["mark[0]", "mark[0]", "mark[1]", "mark[2]"]),
    ("mark_any", ["return", "thread_fence", "mark_part", "marked"]),
    ("smudge_bitmap_mark_range", ["signal_fence", "mark_any", "return",
                                  "mark_part", "marked"]),
    ("smi_bitmap_drain", ["marked", "barrier", "return", "mark[2]",
                          "drain_group", "barrier"]),
    ("drain_group", ["mark[1]", "mark[0]"]),
    ("barrier", ["thread_fence", "smi_sys_barrier", "fast_npages",
                 "smi_sys_barrier_slow"]),
]
STEP = (r"&?b->(mark\[\d\]|marked)|&b->(fast_npages)|\b(?:atomic_)?"
        r"(mark_any|mark_part|drain_group|barrier|smi_sys_barrier|"
        r"smi_sys_barrier_slow|signal_fence|thread_fence|return)\b")

# name, options: the protocol, which must hold
PROTOCOL = [
    ("pages-of-one-word", []),
    ("pages-of-two-words", ["PAGES_B=4"]),
    ("range-over-two-words", ["PAGES_B=6", "DRAINS=1"]),
    ("three-drains", ["MARKS1=1", "DRAINS=3", "PAGES_B=6"]),
    ("merge-under-the-lock", ["MARKS1=1", "MERGE"]),
    ("markers-fence-without-membarrier", ["FALLBACK"]),
    ("membarrier-denied-later", ["LATER", "MARKS1=1"]),
    ("membarrier-denied-later-twice-marked",
     ["LATER", "MARKS1=2", "DRAINS=1"]),
]

# name, options: one thing wrong, which an assertion must notice
MUTANTS = [
    ("root-cleared-after-the-levels-below", ["ROOT_CLEARED_LATE"]),
    ("summary-cleared-after-the-words", ["LEVEL1_CLEARED_LATE"]),
    ("summary-set-before-the-word",
     ["MARK_PATH=LEVEL1,LEVEL2,ROOT,WORD0,WORD1"]),
    ("level-1-set-before-the-word",
     ["MARK_PATH=LEVEL1,WORD0,WORD1,LEVEL2,ROOT"]),
    ("level-2-set-before-level-1",
     ["MARK_PATH=WORD0,WORD1,LEVEL2,LEVEL1,ROOT"]),
    ("root-set-before-level-2",
     ["MARK_PATH=WORD0,WORD1,LEVEL1,ROOT,LEVEL2"]),
    ("summaries-not-rechecked", ["NO_RECHECK"]),
    ("mark-or-without-release", ["OR=ACQUIRE"]),
    ("mark-or-without-acquire", ["OR=RELEASE"]),
    ("mark-load-relaxed", ["LOOK=RELAXED"]),
    ("drain-exchange-without-release", ["EXCHANGE=ACQUIRE"]),
    ("drain-exchange-without-acquire", ["EXCHANGE=RELEASE"]),
    ("drain-peek-relaxed", ["PEEK=RELAXED"]),
    ("mark-or-acq-rel-only", ["OR=ACQ_REL"]),
    ("mark-load-acquire-only", ["LOOK=ACQUIRE"]),
    ("drain-exchange-acq-rel-only", ["EXCHANGE=ACQ_REL"]),
    ("drain-peek-acquire-only", ["PEEK=ACQUIRE"]),
    ("acquire-and-release-only",
     ["LOOK=ACQUIRE", "OR=ACQ_REL", "EXCHANGE=ACQ_REL", "PEEK=ACQUIRE"]),
    ("no-membarrier", ["NO_MEMBARRIER"]),
    ("no-marker-fence-without-membarrier", ["FALLBACK", "NO_MARKER_FENCE"]),
    ("no-owner-fence-without-membarrier", ["FALLBACK", "NO_BARRIER"]),
    ("denied-later-nothing-kept", ["LATER", "NOT_KEPT"]),
    ("denied-later-kept-once", ["LATER", "KEPT_ONCE"]),
    ("denied-later-markers-not-told", ["LATER", "MARKERS_NOT_TOLD"]),
    ("denied-later-told-after-the-barrier",
     ["LATER", "TOLD_AFTER_THE_BARRIER"]),
    ("content-stored-after-the-mark", ["CONTENT_AFTER_MARK"]),
    ("returned-batch-dropped", ["NO_RETURN"]),
    ("merge-without-the-lock", ["NO_LOCK", "MERGE", "MARKS1=1", "DRAINS=1"]),
]


def code_body(function):
    """Returns the body of a function of mark.c, empty if it has none."""
    code = (HERE.parent.parent / "lib/bitmap/mark.c").read_text()
    code = re.sub(r"/\*.*?\*/", "", code, flags=re.S)
    body = re.search(rf"\b{function}\([^;{{]*\)\n{{\n(.*?)\n}}", code, re.S)
    return body[1] if body else ""


def wrong_steps():
    """Returns the functions of mark.c that take other steps than the model."""
    return [function for function, steps in STEPS
            if ["".join(found) for found in
                re.findall(STEP, code_body(function))] != steps]


def code_orders():
    """Returns {macro: order}, as mark.c has them; None if it is unreadable."""
    found = {}
    for function, call, macro in ORDERS:
        calls = re.findall(call + r"\([^;]*?memory_order_(\w+)\)",
                           code_body(function))
        if len(calls) != 1:
            return None
        order = calls[0].upper()
        if found.setdefault(macro, order) != order:
            return None
    return found


def macros_of(options):
    """The code's orders, then what a case changes."""
    chosen = dict(code_orders())
    for option in options:
        macro, _, value = option.partition("=")
        chosen[macro] = value or "1"
    return [f"-D{macro}={value}" for macro, value in chosen.items()]


def build(folder, options, flags):
    """Returns what failed, or None."""
    macros = macros_of(options)
    steps = [
        ["spin", "-a", *macros, str(HERE / "bitmap.pml")],
        ["gcc", "-w", "-DSAFETY", f"-DMEMLIM={MEMORY_MIB}", *flags,
         *macros, f"-I{HERE}", "-o", "pan", "pan.c"],
    ]
    for command in steps:
        done = subprocess.run(command, cwd=folder, text=True,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode or not (folder / "pan.c").exists():
            return f"{command[0]}: {done.stdout.strip()[-300:]}"
    return None


def search(options, flags):
    """Returns (assertion violated or None, states, what went wrong)."""
    with tempfile.TemporaryDirectory(prefix="smudge-model-") as name:
        folder = pathlib.Path(name)
        wrong = build(folder, options, flags)
        if wrong:
            return None, 0, wrong
        try:
            out = subprocess.run(["./pan", "-m10000", "-n"], cwd=folder,
                                 text=True, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, timeout=SECONDS,
                                 stderr=subprocess.STDOUT).stdout
        except subprocess.TimeoutExpired:
            return None, 0, f"not finished after {SECONDS} s"
    violated = re.search(r"assertion violated (.*?) \(at depth", out)
    errors = re.search(r"errors: (\d+)", out)
    states = re.search(r"(\d+) states, stored", out)
    if violated:
        return violated[1].strip(), int(states[1]), None
    if not errors or errors[1] != "0" or re.search(
            r"invalid end state \(|out of memory|memory limit|too small|"
            r"not completed", out):
        return None, 0, out.strip()[-600:]
    return None, int(states[1]), None


def check(case):
    """Returns one TAP line without its number, and notes."""
    name, options, is_mutant = case
    # A counterexample is found soon in reversed order: most of the time is
    # the compiler's then.
    flags = ["-O0", "-DREVERSE"] if is_mutant else ["-O2"]
    violated, states, wrong = search(options, flags)
    if wrong:
        return False, f"{name} could not be searched", wrong
    if is_mutant and violated:
        return True, f"mutant {name} fails as it should ({violated})", ""
    if is_mutant:
        return False, f"mutant {name} holds", f"{states} states searched"
    if violated:
        return False, f"protocol {name} violates {violated}", ""
    return True, f"protocol {name} holds ({states} states)", ""


def show_trail(options):
    with tempfile.TemporaryDirectory(prefix="smudge-model-") as name:
        folder = pathlib.Path(name)
        wrong = build(folder, options, ["-DREVERSE", "-DTRACE"])
        if wrong:
            sys.exit(wrong)
        # The search prints each access as well: only the replay is shown.
        subprocess.run(["./pan", "-m10000", "-n"], cwd=folder,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        out = subprocess.run(["./pan", "-S", "-r", "bitmap.pml.trail"],
                             cwd=folder, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE).stdout.decode()
    for line in out.splitlines():
        if re.match(r" *(owner|marker \d): |.*assertion violated", line):
            print(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trail", action="store_true")
    parser.add_argument("name", nargs="*")
    args = parser.parse_args()
    cases = [(*case, False) for case in PROTOCOL]
    cases += [(*case, True) for case in MUTANTS]
    if args.name:
        cases = [case for case in cases if case[0] in args.name]
    if not code_orders():
        print("Bail out! lib/bitmap/mark.c has no such orders as the model's")
        return 1
    if wrong_steps():
        print("Bail out! lib/bitmap/mark.c takes other steps than the model "
              f"in {', '.join(wrong_steps())}")
        return 1
    if args.trail:
        for case in cases:
            show_trail(case[1])
        return 0
    print(f"1..{len(cases)}", flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for number, (is_ok, text, notes) in enumerate(
                pool.map(check, cases), 1):
            print(f"{'ok' if is_ok else 'not ok'} {number} - {text}")
            for line in notes.splitlines():
                print(f"# {line}")
            sys.stdout.flush()
            failed += not is_ok
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
