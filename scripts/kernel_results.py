# SPDX-License-Identifier: MIT
"""What the tests printed on a kernel: cases, which of them may be skipped, and
the report that the tally reads.
"""
import collections
import fnmatch
import pathlib
import re
import xml.etree.ElementTree as xml

SCRIPTS = pathlib.Path(__file__).resolve().parent
SKIPS = SCRIPTS / "kernel-skips.txt"

Case = collections.namedtuple("Case", "test name outcome reason output")


def read_test(test, lines, status):
    """The cases of a test from its TAP; a status of its own is one, too."""
    cases = []
    output = "\n".join(lines)
    for line in lines:
        match = re.match(r"(not )?ok \d+ - (.*?)(?: # SKIP (.*))?$", line)
        if match:
            outcome = "failed" if match[1] else \
                "passed" if match[3] is None else "skipped"
            cases.append(Case(test, match[2], outcome, match[3] or "", output))
    plan = [int(n) for line in lines for n in re.findall(r"^1\.\.(\d+)$", line)]
    if plan and plan[0] != len(cases) or \
            status and not any(c.outcome == "failed" for c in cases):
        cases.append(Case(test, "all cases", "failed", f"exit status {status}, "
                          f"{len(cases)} of {plan or '?'} cases", output))
    elif not plan:
        cases.append(Case(test, test, "passed", "", output))
    return cases


class Reader:
    """Takes the lines of a machine; has the cases of each test that ended."""

    def __init__(self, say=lambda line: None):
        self.say = say
        self.test = None
        self.lines = []
        self.cases = []
        self.has_booted = self.is_done = False

    def read(self, line):
        words = line.split()
        if words[:2] == ["##", "begin"]:
            self.test, self.lines = words[2], []
        elif words[:2] == ["##", "end"] and words[2] == self.test:
            self.cases += read_test(self.test, self.lines, int(words[3]))
            self.test, self.lines = None, []
        elif words[:2] != ["##", "done"]:
            self.lines.append(line)
        self.has_booted |= words[:2] == ["##", "kernel"]
        self.is_done |= words[:2] == ["##", "done"]
        if words[:1] == ["##"] and words[1] != "begin":
            self.say(line)

    def broken_off(self, why, console):
        """Adds the case of a machine that did not get to its end."""
        test = self.test or ("machine" if self.has_booted else "boot")
        self.cases.append(Case(test, "end", "failed", why, "\n".join(
            [*self.lines[-20:], "console:", console])))


class Skips:
    """The skips that are expected: lines of kernel, tests, reason. They must
    all be there after a whole run."""

    def __init__(self, kernel, is_whole):
        self.is_whole = is_whole
        self.unused = {}
        for line in SKIPS.read_text().splitlines():
            fields = line.split(None, 2)
            if line.strip() and line[0] != "#" and fields[0] == kernel:
                self.unused[tuple(fields[1:])] = True
        self.all = list(self.unused)

    def is_expected(self, case):
        for tests, reason in self.all:
            name = f"{case.test}:{case.name}"
            if fnmatch.fnmatchcase(name, tests) and \
                    fnmatch.fnmatchcase(case.reason, reason):
                self.unused.pop((tests, reason), None)
                return True
        return False

    def judge(self, cases):
        """The same cases; a skip that is not expected failed, as did the
        expectation of one that there is not."""
        for case in cases:
            if case.outcome == "skipped" and not self.is_expected(case):
                yield case._replace(outcome="failed", output=f"skipped, which "
                                    f"{SKIPS.name} does not expect")
            else:
                yield case
        for tests, reason in self.unused if self.is_whole else ():
            yield Case("skips", tests, "failed", f"no skip for: {reason}", "")


def write_report(path, results):
    """JUnit, of {kernel: cases}. Skips of a kernel are told as one."""
    suites = xml.Element("testsuites")
    for kernel, cases in results.items():
        suite = xml.SubElement(suites, "testsuite", name=f"Linux {kernel}")
        for case in cases:
            of = f"smudge:kernels / Linux {kernel}"
            if case.outcome != "skipped":
                of += f": {case.test}"
            entry = xml.SubElement(suite, "testcase", classname=of,
                                   name=f"{case.name} {case.reason}".strip())
            if case.outcome == "failed":
                xml.SubElement(entry, "failure")
            elif case.outcome == "skipped":
                xml.SubElement(entry, "skipped")
            if case.outcome != "passed":
                text = case.reason if case.outcome == "skipped" else case.output
                xml.SubElement(entry, "system-out").text = \
                    re.sub(r"[^\t\n -\ud7ff]", "?", text)
    path.parent.mkdir(parents=True, exist_ok=True)
    xml.ElementTree(suites).write(path, encoding="unicode")
