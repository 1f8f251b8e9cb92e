# SPDX-License-Identifier: MIT
"""The tests of one benchmark's results, in TAP."""
import sys


def run_tests(tests):
    """Call each. Return: the exit status."""
    print(f"1..{len(tests)}")
    failed = 0
    for number, test in enumerate(tests, 1):
        name = test.__name__.replace("_", " ")
        try:
            test()
            print(f"ok {number} {name}")
        except (AssertionError, ValueError, KeyError) as failure:
            print(f"# {failure!r}", file=sys.stderr)
            print(f"not ok {number} {name}")
            failed += 1
    return bool(failed)
