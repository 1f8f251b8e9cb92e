# SPDX-License-Identifier: MIT
"""What test-kernels.py must not overlook: it is shown tests that fail, end
early, are skipped, or are not skipped any more.
"""
import io
import json

import kernel_initramfs
import kernel_results
import kernel_tables as tables

OUTPUT = """
## begin test_one
1..3
ok 1 - a
{second}
ok 3 - c # SKIP without kvm: no /dev/kvm
## end test_one {status} 1.0 2.0
{last}
"""
SECOND, LAST = "ok 2 - b", "## done up 9.0"
EXPECTED = {("test_one:*", "without kvm: *"): True}


def read(status=0, second=SECOND, last=LAST):
    reader = kernel_results.Reader()
    for line in OUTPUT.format(status=status, second=second,
                              last=last).splitlines():
        reader.read(line)
    return reader, list(reader.cases)


def outcomes(cases):
    return [c.outcome for c in cases]


def test_cases():
    assert outcomes(read()[1]) == ["passed", "passed", "skipped"]
    skipped = read(0, "ok 2 - b in memory # SKIP without uffd: none")[1][1]
    assert skipped[1:4] == ("b in memory", "skipped", "without uffd: none")
    assert outcomes(read(1, "not ok 2 - b")[1]) == ["passed", "failed", "skipped"]
    # a case that is not there, and a status that no case explains
    assert outcomes(read(139, "")[1]) == ["passed", "skipped", "failed"]
    assert outcomes(read(0, "")[1]) == ["passed", "skipped", "failed"]
    assert outcomes(read(1)[1])[-1] == "failed"


def test_ends():
    assert read()[0].is_done and not read(last="## begin test_two")[0].is_done
    reader = read(last="## begin test_two\nhello")[0]
    reader.broken_off("hung", "oops")
    case = reader.cases[-1]
    assert case.test == "test_two" and case.outcome == "failed"
    assert "hello" in case.output and "oops" in case.output


def judged(expected, cases, is_whole=True):
    skips = kernel_results.Skips("none", is_whole)
    skips.unused, skips.all = dict(expected), list(expected)
    return outcomes(skips.judge(cases))


def test_skips():
    cases = read()[1]
    assert judged(EXPECTED, cases) == ["passed", "passed", "skipped"]
    assert judged({}, cases) == ["passed", "passed", "failed"]
    assert judged({("test_one:a", "*"): True}, cases)[-2:] == ["failed"] * 2
    assert judged(EXPECTED, cases[:2]) == ["passed", "passed", "failed"]
    assert judged(EXPECTED, cases[:2], False) == ["passed", "passed"]


def test_table():
    def cell(cases):
        return tables.mechanisms("6.1", [c._replace(test="demo") for c in cases])
    cases = read()[1]
    row = "`smudge demo --engine kvm`"
    both = {"Linux 6.1": {row: 'passes; "no /dev/kvm"'}}
    assert cell(cases) == both
    assert cell(cases[2:]) == {"Linux 6.1": {row: '"no /dev/kvm"'}}
    assert cell(read(1)[1]) == {"Linux 6.1": {row: "**fails**"}}
    table = {**both, "Linux 6.12": {"KVM's log": "passes"}}
    assert tables.read("\n".join(tables.lines(table))) == table
    assert not list(tables.differences(both, table))
    assert len(list(tables.differences(table, both))) == 1
    assert len(list(tables.differences(both, {}))) == 1
    assert len(list(tables.differences({"Linux 6.1": {}}, both))) == 1


FEATURES = """KIND        WORKS SINCE  INSTEAD
uffd        no    6.7     soft-dirty, mprotect
    this kernel has none
mprotect    yes   any
Tried on Linux 6.1.0 as
    user {uid}, capabilities all, seccomp none, user namespace the first
"""
FEATURES_JSON = {"features": [{"kind": "uffd", "works": False,
                               "why": "this kernel has none"},
                              {"kind": "mprotect", "works": True}]}


def feature_cases(is_wrong):
    for user, (uid, _) in tables.USERS.items():
        told = {**FEATURES_JSON, "process": {"uid": uid, "release": "6.1.0"}}
        text = FEATURES.format(uid=uid)
        if is_wrong:
            text = text.replace("yes", "no ")
        for test, output in ((f"features-{user}", text),
                             (f"features-{user}-json", json.dumps(told))):
            yield kernel_results.Case(test, test, "passed", "", output)


def test_features():
    cases = list(feature_cases(False))
    column = {"uffd": '"this kernel has none"', "mprotect": "works"}
    assert tables.features("6.1", cases) == {
        "Linux 6.1, root": column, "Linux 6.1, user nobody": column}
    assert tables.features("6.1", cases[:2])["Linux 6.1, user nobody"] == {}
    for wrong in (cases[:1], cases[1:2], list(feature_cases(True))):
        assert outcomes(tables.check_features("6.1.0", wrong)) == ["failed"] * 2
    assert outcomes(tables.check_features("6.12", cases)) == ["failed"] * 2
    assert outcomes(tables.check_features("6.1.0", cases)) == ["passed"] * 2


def test_archive():
    file = io.BytesIO()
    archive = kernel_initramfs.Archive(file)
    archive.add_file("a/b", b"12345")
    archive.add_file("a/b", b"again")
    archive.end()
    names = [file.getvalue().count(name) for name in (b"a\0", b"a/b\0")]
    assert names == [1, 1] and len(file.getvalue()) % 512 == 0


def main():
    for test in (test_cases, test_ends, test_skips, test_table,
                 test_features, test_archive):
        test()
