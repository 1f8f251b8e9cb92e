# SPDX-License-Identifier: MIT
"""Counts the cases of all rows, and says at the end what a reader needs.

Only the end of a long log may be kept, so it has what matters: skips first,
then each failed test with what failed in it and the end of its own output,
then the numbers.
"""
import json
import re
import threading
import xml.etree.ElementTree

# Together they fill less than a screen; a single failure has all it needs.
EXCERPT_LINES = 15
ALL_EXCERPT_LINES = 45
LINE_CHARACTERS = 200


def failed_cases(lines):
    """Numbers of the lines with which TAP says what failed, and where."""
    is_failed = False
    for number, line in enumerate(lines):
        if re.match(r"(not )?ok \d", line):
            is_failed = line.startswith("not ")
        elif not line.startswith("#"):
            is_failed = False
        if is_failed:
            yield number


def excerpt(text, nlines):
    """The end of an output, and what failed in it if that is further up."""
    lines = [line[:LINE_CHARACTERS].rstrip() for line in text.splitlines()
             if line.strip()]
    first = list(failed_cases(lines))[:nlines // 2]
    start = max(0, len(lines) - nlines + len(first))
    return [lines[i] for i in first if i < start] + lines[start:]


def plain(name):
    """bitmap/loss, of smudge.smudge:unit+alone / bitmap/loss."""
    return re.sub(r"^smudge[.:][^ ]* / ", "", name)


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.skips = {}     # (test, reason): {row: cases}
        self.failures = {}  # (row, test): [why, output]
        self.lock = threading.Lock()

    def case(self, row, test, outcome, reason="", output=""):
        """One case; a failed test's later cases keep its first output."""
        with self.lock:
            setattr(self, outcome, getattr(self, outcome) + 1)
            if outcome == "skipped":
                rows = self.skips.setdefault((test, reason), {})
                rows[row] = rows.get(row, 0) + 1
            elif outcome == "failed":
                entry = self.failures.setdefault((row, test), [[], output])
                entry[0] += [reason] if reason else []

    def summary(self):
        """The lines with which a run ends."""
        for (test, reason), rows in self.skips.items():
            ncases = max(rows.values())
            cases = f" ({ncases} cases)" if ncases > 1 else ""
            yield f"skipped: {', '.join(rows)}: {test}{cases}: {reason}"
        each = ALL_EXCERPT_LINES // max(1, len(self.failures)) - 1
        each = max(0, min(EXCERPT_LINES, each))
        for (row, test), (why, output) in self.failures.items():
            cases = why and ": " + ", ".join(why)
            yield f"failed: {row}: {test}{cases or ''}"[:LINE_CHARACTERS]
            yield from ("    " + line for line in excerpt(output, each))
        yield (f"{self.passed} passed, {self.failed} failed, "
               f"{self.skipped} skipped")


def outcome_of(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed", ""
    if case.find("skipped") is None:
        return "passed", ""
    # meson's report has the reason, or all the output of a file that skipped
    reason = case.findtext("system-out") or ""
    return "skipped", reason.partition("# SKIP")[2].strip() or reason.strip()


def read_ends(report):
    """(result, output) of each test, from meson's log beside its report."""
    log = report.with_name(report.name.replace(".junit.xml", ".json"))
    ends = {}
    for line in log.read_text().splitlines() if log.exists() else ():
        test = json.loads(line)
        output = f"{test.get('stdout') or ''}\n{test.get('stderr') or ''}"
        ends[plain(test["name"])] = test["result"], output
    return ends


def count_report(tally, row, report):
    """All cases of a row; a test that broke off is one that failed."""
    ends = read_ends(report)
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        classname, name = case.get("classname") or "", case.get("name")
        test = plain(classname if " / " in classname else name)
        outcome, reason = outcome_of(case)
        if outcome == "failed" and test != plain(name):
            reason = name
        output = ends[test][1] if test in ends else \
            case.findtext("system-out") or ""
        tally.case(row, test, outcome, reason, output)
    for test, (result, output) in ends.items():
        if result not in ("OK", "SKIP", "EXPECTEDFAIL") and \
                (row, test) not in tally.failures:
            tally.case(row, test, "failed", result.lower(), output)
