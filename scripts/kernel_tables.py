# SPDX-License-Identifier: MIT
"""The tables of docs/kernel-support.md that test-kernels.py compares with what
it found: what the tests of each mechanism came to, and what smudge features
said. A table is {heading: {row: cell}}; a kernel has headings of its own.
"""
import fnmatch
import json
import pathlib
import re

from kernel_results import Case

DOCUMENT = pathlib.Path(__file__).resolve().parent.parent / \
    "docs/kernel-support.md"
BEGIN, END = "<!-- make test-kernels, {}: begin -->", "<!-- end -->"
NOT_TESTED = "not tested"

# row of the table: the tests that show it; a test is in the first that fits
MECHANISMS = {
    "another process": ["*process*"],
    "userfaultfd": ["*uffd*", "test_discard"],
    "KVM's rings": ["test_kvm_ring_*"],
    "KVM's log": ["test_kvm_*", "errors_kvm_*"],
    "vhost's log": ["test_vhost_log_*"],
    "soft-dirty": ["*soft_dirty*"],
    "mprotect": ["*mprotect*"],
    "several, in each kind of memory": ["test_guest_kinds", "test_pinned_io"],
    "what was never touched": ["test_populated*"],
    "sources agree": ["*agree*", "test_interrupted"],
    "smudge-vm on KVM and Unicorn": ["*_vm_*", "test_unicorn_facts"],
    "`smudge demo --engine kvm`": ["demo"],
    "`smudge features`": ["features-*"],
    "`smudge rate`": ["rate-*"],
}
# name in kernel-init.sh: its number, its name in the table
USERS = {"root": (0, "root"), "nobody": (65534, "user nobody")}


def row_of(test):
    for row, patterns in MECHANISMS.items():
        if any(fnmatch.fnmatchcase(test, p) for p in patterns):
            return row
    return None


def outcome(cases):
    """What a mechanism's tests came to on a kernel."""
    outcomes = {c.outcome for c in cases}
    skips = sorted({re.sub("^without [^:]*: ", "", c.reason)
                    for c in cases if c.outcome == "skipped"})
    if "failed" in outcomes:
        return "**fails**"
    words = ["passes"] if "passed" in outcomes else []
    return "; ".join(words + [f'"{s}"' for s in skips])


def mechanisms(kernel, cases):
    rows = {row: [c for c in cases if row_of(c.test) == row]
            for row in MECHANISMS}
    return {f"Linux {kernel}": {row: outcome(of) for row, of in rows.items()
                                if of}}


def report(cases, user):
    """What smudge features said to the user as JSON."""
    text = [c.output for c in cases if c.test == f"features-{user}-json"]
    try:
        return json.loads(text[0])
    except (IndexError, ValueError):
        return {"features": [], "process": {}}


def features(kernel, cases):
    return {f"Linux {kernel}, {name}": {
        f["kind"]: "works" if f["works"] else f'"{f["why"]}"'
        for f in report(cases, user)["features"]}
        for user, (_, name) in USERS.items()}


# name in the document: what makes it
TABLES = {"mechanisms": mechanisms, "features": features}


def lines(table):
    """As they are in the document."""
    yield "| | " + " | ".join(table) + " |"
    yield "|---|" + "---|" * len(table)
    for row in dict.fromkeys(row for column in table.values() for row in column):
        yield f"| {row} | " + " | ".join(
            column.get(row, NOT_TESTED) for column in table.values()) + " |"


def read(text):
    """The table of such lines."""
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")]
            for line in text.splitlines() if not line.startswith("|---")]
    headings = rows[0][1:] if rows else []
    return {heading: {row[0]: row[i + 1] for row in rows[1:]
                      if row[i + 1] != NOT_TESTED}
            for i, heading in enumerate(headings)}


def parts(name):
    """(what is before the table, its text, what is after)"""
    before, begin, rest = DOCUMENT.read_text().partition(
        BEGIN.format(name) + "\n")
    inside, _, after = rest.partition(END + "\n")
    return before + begin, inside, END + "\n" + after


def document(results):
    """Write the tables of {kernel: cases}; what was not run stays."""
    for name, make in TABLES.items():
        before, inside, after = parts(name)
        table = read(inside)
        for kernel, cases in results.items():
            table.update(make(kernel, cases))
        DOCUMENT.write_text(before + "".join(
            line + "\n" for line in lines(table)) + after)


def differences(found, documented):
    for heading, column in found.items():
        known = documented.get(heading, {})
        for row in {**column, **known}:
            a, b = column.get(row, NOT_TESTED), known.get(row, NOT_TESTED)
            if a != b:
                yield f"{heading}, {row}: found {a}, documented {b}"


def check_tables(kernel, cases):
    """A case for each table."""
    for name, make in TABLES.items():
        wrong = list(differences(make(kernel, cases), read(parts(name)[1])))
        wrong += [f"{test} is in no row (kernel_tables.py)" for test in
                  sorted({c.test for c in cases if not row_of(c.test)})]
        yield Case("tables", f"{DOCUMENT.name}, {name}",
                   "failed" if wrong else "passed", "", "\n".join(
                       [*wrong, "make test-kernels UPDATE=1 writes the tables"]))


def said_in_table(text):
    """{kind: whether it works} of smudge features for people."""
    found = re.findall(r"^(\S+) +(yes|no) +\S+", text, re.M)
    return {kind: works == "yes" for kind, works in found}


def check_features(release, cases):
    """A case for each user: both forms say the same, of that user and kernel."""
    for user, (uid, _) in USERS.items():
        told = report(cases, user)
        text = [c.output for c in cases if c.test == f"features-{user}"]
        works = {f["kind"]: f["works"] for f in told["features"]}
        process = told["process"]
        is_right = bool(works) and text and \
            said_in_table(text[0]) == works and \
            (process.get("uid"), process.get("release")) == (uid, release)
        yield Case(f"features-{user}", "both forms",
                   "passed" if is_right else "failed", "",
                   "\n".join([*text, json.dumps(told, indent=1)]))
