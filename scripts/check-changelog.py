#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No entry of CHANGELOG.md is there twice, in these words or nearly these.

A merge by union keeps the old form of an entry beside the new one. Two entries of one version that
share 7 of 10 words of the shorter one are taken for the same.
"""
import itertools
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = 0.7


def words(entry):
    return set(re.findall(r"\w{4,}", entry.lower()))


def twice(text):
    """The pairs of entries of one version that are nearly the same."""
    for version in re.split(r"^## ", text, flags=re.M)[1:]:
        entries = re.findall(r"^- .*(?:\n  .*)*", version, re.M)
        for one, other in itertools.combinations(entries, 2):
            shorter = min(len(words(one)), len(words(other)))
            if len(words(one) & words(other)) >= SHARED * max(shorter, 1):
                yield one, other


def main():
    pairs = list(twice((ROOT / "CHANGELOG.md").read_text()))
    for one, other in pairs:
        print(f"CHANGELOG.md says twice:\n{one}\n{other}")
    if not pairs:
        print("each change is in CHANGELOG.md once")
    return bool(pairs)


if __name__ == "__main__":
    sys.exit(main())
