#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check the models with spin, and that each of their mutants fails. TAP.

run.py [NAME...]          all, or the named ones
run.py --trail NAME       a counterexample of a mutant, access by access

Everything is built and run in a temporary directory. The protocols are
searched exhaustively, up to the sizes their options give, with the memory
orders that the code has (lib/bitmap/mark.c, lib/sys/rcu.[ch]).
"""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MEMORY_MIB = 1800       # a search's limit; two run at once
SECONDS = 300

# function of the code, its call, macro of the model
BITMAP_ORDERS = [
    ("ensure_word", "atomic_load_explicit", "LOOK"),
    ("ensure_line", "atomic_load_explicit", "LOOK"),
    ("ensure_bit", "atomic_load_explicit", "LOOK"),
    ("ensure_word", "atomic_fetch_or_explicit", "OR"),
    ("ensure_line", "atomic_fetch_or_explicit", "OR"),
    ("ensure_bit", "atomic_fetch_or_explicit", "OR"),
    ("store_early", "atomic_store_explicit", "EARLY"),
    ("smi_bitmap_drain", "atomic_load_explicit", "PEEK"),
    ("fetch_and_clear", "atomic_load_explicit", "PEEK"),
    ("fetch_and_clear_line", "atomic_load_explicit", "PEEK"),
    ("fetch_and_clear", "atomic_exchange_explicit", "EXCHANGE"),
    ("fetch_and_clear_line", "atomic_exchange_explicit", "EXCHANGE"),
]

RCU_ORDERS = [
    ("smi_sys_rcu_read_lock", "atomic_store_explicit", "LOCK"),
    ("smi_sys_rcu_read_unlock", "atomic_store_explicit", "UNLOCK"),
    ("smi_sys_rcu_read_unlock", "atomic_fetch_sub_explicit",
     "UNLOCK_SHARED"),
    ("read_word", "atomic_load_explicit", "WAIT"),
]

# function of the code, the steps in it, in the model's order. A return is a
# step: one that the model has not would leave a level out.
BITMAP_STEPS = [
    ("smudge_bitmap_mark", ["signal_fence", "mark_any", "return",
                            "ensure_word", "mark_lines", "mark_groups",
                            "marked"]),
    ("ensure_word", ["mark_words", "return", "store_early", "mark_lines",
                     "mark_words"]),
    ("mark_part", ["ensure_word", "ensure_word", "mark_lines",
                   "mark_groups"]),
    ("mark_any", ["return", "thread_fence", "mark_part", "marked"]),
    ("smudge_bitmap_mark_range", ["signal_fence", "mark_any", "return",
                                  "mark_part", "marked"]),
    ("smi_bitmap_drain", ["marked", "drain_marks"]),
    ("smi_bitmap_drain_marks", ["marked", "barrier", "return", "mark_groups",
                                "drain_group", "barrier"]),
    ("drain_group", ["drain_line"]),
    ("drain_line", ["mark_lines", "return", "mark_words"]),
    ("barrier", ["thread_fence", "smi_sys_barrier", "fast_npages",
                 "smi_sys_barrier_slow"]),
]
BITMAP_STEP = (r"&b(?:itmap)?->(mark_words|mark_lines|mark_groups|marked|fast_npages)\b|"
               r"\b(?:atomic_|smi_bitmap_)?(mark_any|mark_part|ensure_word|store_early|"
               r"drain_marks|drain_group|drain_line|barrier|smi_sys_barrier|"
               r"smi_sys_barrier_slow|signal_fence|thread_fence|return)\b")

RCU_STEPS = [
    ("smi_sys_rcu_light_barrier", ["readers_fence", "thread_fence",
                                   "signal_fence"]),
    ("smi_sys_rcu_read_lock", ["own", "read_lock_slow", "load", "store",
                               "light_barrier"]),
    ("smi_sys_rcu_read_lock_slow", ["claim", "read_lock", "phase",
                                    "fetch_add", "thread_fence"]),
    ("smi_sys_rcu_read_unlock", ["fetch_sub", "load", "store"]),
    ("wait_for_slot", ["pause_for", "read_word"]),
    ("wait_for_slots", ["read_word", "wait_for_slot"]),
    ("wait_for_shared", ["pause_for", "phase", "read_word", "pause_for"]),
    ("heavy_barrier", ["all_fence", "smi_sys_barrier", "readers_fence",
                       "smi_sys_barrier_slow", "all_fence"]),
    ("smi_sys_rcu_synchronize", ["thread_fence", "heavy_barrier",
                                 "wait_for_slots", "read_word",
                                 "wait_for_shared"]),
]
RCU_STEP = (r"&smi_sys_rcu_(own|readers_fence)\b|&(phase|all_fence)\b|"
            r"\batomic_(load|store)_explicit\(&slot->word|"
            r"\batomic_(fetch_add|fetch_sub|thread_fence|signal_fence)|"
            r"\bsmi_sys_rcu_(read_lock_slow|read_lock|light_barrier)\(|"
            r"\b(claim|read_word|pause_for|heavy_barrier|wait_for_slots?|"
            r"wait_for_shared|smi_sys_barrier_slow|smi_sys_barrier)\(")

# name, options: the protocol, which must hold
BITMAP_PROTOCOL = [
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

RCU_PROTOCOL = [
    ("rcu", []),
    ("rcu-with-a-signal-handler",
     ["HANDLER", "SECTIONS1=1", "SECTIONS2=0"]),
    ("rcu-publishes-a-size", ["PUBLISH=RELAXED"]),
    ("rcu-without-slots", ["SHARED", "SECTIONS1=1"]),
    ("rcu-without-membarrier", ["FALLBACK"]),
    ("rcu-without-slots-and-membarrier",
     ["SHARED", "FALLBACK", "SECTIONS1=1"]),
    ("rcu-membarrier-denied-later", ["LATER", "SECTIONS1=1"]),
]

# name, options: one thing wrong, which an assertion must notice
BITMAP_MUTANTS = [
    ("root-cleared-after-the-levels-below", ["ROOT_CLEARED_LATE"]),
    ("summary-cleared-after-the-words", ["LINE_CLEARED_LATE"]),
    ("summary-set-before-the-word",
     ["MARK_PATH=LINE,GROUP,ROOT,WORD0,WORD1"]),
    ("line-set-before-the-word", ["MARK_PATH=LINE,WORD0,WORD1,GROUP,ROOT"]),
    ("line-not-checked-after-the-word",
     ["MARK_PATH=WORD0,WORD1,GROUP,ROOT"]),
    ("line-set-by-a-relaxed-store", ["LINE_STORED"]),
    ("group-set-before-the-line",
     ["MARK_PATH=WORD0,WORD1,GROUP,LINE,ROOT"]),
    ("root-set-before-the-group",
     ["MARK_PATH=WORD0,WORD1,LINE,ROOT,GROUP"]),
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

RCU_MUTANTS = [
    ("rcu-no-membarrier", ["NO_BARRIER"]),
    ("rcu-no-wait", ["NO_WAIT"]),
    ("rcu-freed-before-the-wait", ["FREED_BEFORE_THE_WAIT"]),
    ("rcu-read-before-the-lock", ["POINTER_BEFORE_LOCK"]),
    ("rcu-lock-relaxed", ["LOCK=RELAXED"]),
    ("rcu-unlock-relaxed", ["UNLOCK=RELAXED"]),
    ("rcu-wait-relaxed", ["WAIT=RELAXED"]),
    ("rcu-wait-for-any-change",
     ["WAITS_FOR_ANY_CHANGE", "HANDLER", "SECTIONS1=1", "SECTIONS2=0"]),
    ("rcu-nested-section-ends-the-outer",
     ["ENDS_WHEN_NESTED", "HANDLER", "SECTIONS1=1", "SECTIONS2=0"]),
    ("rcu-no-reader-fence-without-membarrier",
     ["FALLBACK", "NO_READER_FENCE"]),
    ("rcu-no-updater-fence-without-membarrier",
     ["FALLBACK", "NO_UPDATER_FENCE"]),
    ("rcu-no-fence-without-slots",
     ["SHARED", "FALLBACK", "NO_READER_FENCE", "SECTIONS1=1"]),
    ("rcu-one-shared-word-waited-for", ["SHARED", "ONE_SHARED_WORD_ONLY"]),
    ("rcu-shared-unlock-relaxed", ["SHARED", "UNLOCK_SHARED=RELAXED"]),
    ("rcu-denied-later-freed-at-once", ["LATER", "FREED_WHEN_REFUSED"]),
    ("rcu-denied-later-no-barrier-after-it", ["LATER", "NEVER_SETTLED"]),
]


class Model:
    def __init__(self, source, files, orders, steps, step, macros):
        self.source, self.orders = HERE / source, orders
        self.steps, self.step, self.macros = steps, step, macros
        self.files = files
        code = "".join((ROOT / name).read_text() for name in files)
        self.code = re.sub(r"/\*.*?\*/", "", code, flags=re.S)

    def body(self, function):
        """Returns the body of a function, empty if the code has none."""
        body = re.search(rf"\b{function}\([^;{{]*\)\n{{\n(.*?)\n}}", self.code,
                         re.S)
        return body[1] if body else ""

    def wrong_steps(self):
        """Returns the functions that take other steps than the model."""
        return [function for function, steps in self.steps
                if ["".join(found) for found in
                    re.findall(self.step, self.body(function))] != steps]

    def code_orders(self):
        """Returns {macro: order}, as the code has them; None if unreadable."""
        found = {}
        for function, call, macro in self.orders:
            calls = re.findall(call + r"\([^;]*?memory_order_(\w+)\)",
                               self.body(function))
            if len(calls) != 1:
                return None
            order = calls[0].upper()
            if found.setdefault(macro, order) != order:
                return None
        return found

    def macros_of(self, options):
        """The code's orders, then what a case changes."""
        chosen = dict(self.code_orders())
        for option in self.macros + options:
            macro, _, value = option.partition("=")
            chosen[macro] = value or "1"
        return [f"-D{macro}={value}" for macro, value in chosen.items()]


BITMAP = Model("bitmap.pml", ["lib/bitmap/mark.h", "lib/bitmap/mark.c"], BITMAP_ORDERS,
               BITMAP_STEPS, BITMAP_STEP, [])
RCU = Model("rcu.pml", ["lib/sys/rcu.h", "lib/sys/rcu.c"], RCU_ORDERS,
            RCU_STEPS, RCU_STEP, ["RCU"])
# model, name, options, is it a mutant
CASES = [(model, *case, is_mutant) for model, cases, is_mutant in [
    (BITMAP, BITMAP_PROTOCOL, False), (RCU, RCU_PROTOCOL, False),
    (BITMAP, BITMAP_MUTANTS, True), (RCU, RCU_MUTANTS, True)]
    for case in cases]


def build(model, folder, options, flags):
    """Returns what failed, or None."""
    macros = model.macros_of(options)
    steps = [
        ["spin", "-a", *macros, str(model.source)],
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


def search(model, options, flags):
    """Returns (assertion violated or None, states, what went wrong)."""
    with tempfile.TemporaryDirectory(prefix="smudge-model-") as name:
        folder = pathlib.Path(name)
        wrong = build(model, folder, options, flags)
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
    model, name, options, is_mutant = case
    # A counterexample is found soon in reversed order: most of the time is
    # the compiler's then.
    flags = ["-O0", "-DREVERSE"] if is_mutant else ["-O2", "-DCOLLAPSE"]
    violated, states, wrong = search(model, options, flags)
    if wrong:
        return False, f"{name} could not be searched", wrong
    if is_mutant and violated:
        return True, f"mutant {name} fails as it should ({violated})", ""
    if is_mutant:
        return False, f"mutant {name} holds", f"{states} states searched"
    if violated:
        return False, f"protocol {name} violates {violated}", ""
    return True, f"protocol {name} holds ({states} states)", ""


def show_trail(model, options):
    with tempfile.TemporaryDirectory(prefix="smudge-model-") as name:
        folder = pathlib.Path(name)
        wrong = build(model, folder, options, ["-DREVERSE", "-DTRACE"])
        if wrong:
            sys.exit(wrong)
        # The search prints each access as well: only the replay is shown.
        subprocess.run(["./pan", "-m10000", "-n"], cwd=folder,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        out = subprocess.run(["./pan", "-S", "-r", f"{model.source.name}.trail"],
                             cwd=folder, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE).stdout.decode()
    for line in out.splitlines():
        if re.match(r" *(owner|marker \d|updater|reader \d): |.*assertion violated", line):
            print(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trail", action="store_true")
    parser.add_argument("name", nargs="*")
    args = parser.parse_args()
    cases = [case for case in CASES
             if not args.name or case[1] in args.name]
    for model in (BITMAP, RCU):
        files = ", ".join(model.files)
        if not model.code_orders():
            print(f"Bail out! {files}: no such orders as the model's")
            return 1
        if model.wrong_steps():
            print(f"Bail out! {files}: other steps than the model in "
                  f"{', '.join(model.wrong_steps())}")
            return 1
    if args.trail:
        for model, _, options, _ in cases:
            show_trail(model, options)
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
