# SPDX-License-Identifier: MIT
"""What test-kernels.py must not overlook: it is shown tests that fail, end
early, are skipped, or are not skipped any more.
"""
import io

import kernel_initramfs
import kernel_results

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
    text = OUTPUT.format(status=status, second=second, last=last)
    return reader, [c for line in text.splitlines() for c in reader.read(line)]


def outcomes(cases):
    return [c.outcome for c in cases]


def test_cases():
    assert outcomes(read()[1]) == ["passed", "passed", "skipped"]
    assert outcomes(read(1, "not ok 2 - b")[1]) == ["passed", "failed", "skipped"]
    # a case that is not there, and a status that no case explains
    assert outcomes(read(139, "")[1]) == ["passed", "skipped", "failed"]
    assert outcomes(read(0, "")[1]) == ["passed", "skipped", "failed"]
    assert outcomes(read(1)[1])[-1] == "failed"


def test_ends():
    assert read()[0].is_done and not read(last="## begin test_two")[0].is_done
    case = read(last="## begin test_two\nhello")[0].broken_off("hung", "oops")
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
        return list(kernel_results.table({"6.1": [
            c._replace(test="demo") for c in cases]}))[-1].split(" | ")[-1]
    cases = read()[1]
    assert cell(cases) == 'passes; "no /dev/kvm" |'
    assert cell(cases[2:]) == '"no /dev/kvm" |'
    assert cell(read(1)[1]) == "**fails** |"


def test_archive():
    file = io.BytesIO()
    archive = kernel_initramfs.Archive(file)
    archive.add_file("a/b", b"12345")
    archive.add_file("a/b", b"again")
    archive.end()
    names = [file.getvalue().count(name) for name in (b"a\0", b"a/b\0")]
    assert names == [1, 1] and len(file.getvalue()) % 512 == 0


def main():
    for test in (test_cases, test_ends, test_skips, test_table, test_archive):
        test()
