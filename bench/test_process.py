#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench-process: the shape of its results.

usage: test_process.py BENCH-PROCESS

It judges no figure.
"""
import json
import subprocess
import sys

from rows import run_tests

COMMAND = sys.argv[1]
LIMITS = {"idle process": ("median", 200),
          "smudge-vm on KVM, guest writes": ("max", 30000)}
TIMES = "attach_us", "stood_us", "detach_us"


def rows(samples, statuses):
    done = subprocess.run([COMMAND, "--json", "--samples", str(samples)],
                          text=True, stdin=subprocess.DEVNULL,
                          capture_output=True)
    assert done.returncode in statuses, (done.returncode, done.stderr)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["case"] for row in found] == list(LIMITS), found
    return [row for row in found if not row.get("skipped")], done.returncode


def check_times(row, samples):
    assert row["samples"] == samples, row
    for name in TIMES:
        low, middle, high = (row[name][k] for k in ("min", "median", "max"))
        assert 0 < low <= middle <= high, (name, row)
    assert row["stood_us"]["max"] <= row["attach_us"]["max"], row


def one_sample():
    found, _ = rows(1, (0,))
    for row in found:
        check_times(row, 1)
        assert "is_met" not in row, row


def judged():
    found, status = rows(3, (0, 3))
    for row in found:
        check_times(row, 3)
        of, limit = LIMITS[row["case"]]
        assert (row["must_of"], row["must_us"]) == (of, limit), row
        if abs(row["stood_us"][of] - limit) > 0.1:  # a figure is rounded
            assert row["is_met"] == (row["stood_us"][of] < limit), row
    missed = [row for row in found if not row["is_met"]]
    assert (status == 3) == bool(missed), (status, found)


if __name__ == "__main__":
    sys.exit(run_tests([one_sample, judged]))
