#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Size and complexity of the functions, against a baseline kept in the tree.

Prints for each area of the tree: how many functions it has; the median, 90th
percentile and longest of their bodies, in lines between the braces; how many
have a cognitive complexity over 15. Fails if a figure, the number of functions
apart, is larger than in scripts/complexity.json, and names the functions.
"""
import argparse
import collections
import json
import sys

import c_source
import complexity

BASELINE = c_source.ROOT / "scripts/complexity.json"
AREAS = {
    "lib": ("lib", "include"),
    "vm": ("vm",),
    "tools": ("tools", "common", "examples", "guests"),
    "tests": ("tests",),
    "bench": ("bench",),
}
FIGURES = ("median", "p90", "longest", "complex")
MOST_COMPLEX = 15
MOST_LINES = 45

Function = collections.namedtuple("Function", "place name lines complexity")


def measure(folders):
    for name in c_source.files(*folders):
        for f in c_source.read(name).functions():
            try:
                value = complexity.of(f)
            except ValueError as error:
                sys.exit(f"{name}:{f.line}: {error}")
            yield Function(f"{name}:{f.line}", f.name,
                           f.body.count("\n") - 1, value)


def figures(functions):
    lines = sorted(f.lines for f in functions)
    return {"median": lines[len(lines) // 2],
            "p90": lines[len(lines) * 9 // 10],
            "longest": lines[-1],
            "complex": sum(f.complexity > MOST_COMPLEX for f in functions)}


def print_table(found, now):
    print(f"{'':6}functions  median  p90  longest  complexity over {MOST_COMPLEX}")
    for area, row in now.items():
        print(f"{area:6}{len(found[area]):9}{row['median']:8}{row['p90']:5}"
              f"{row['longest']:9}{row['complex']:10}")


def print_large(functions):
    for f in sorted(functions, key=lambda f: (-f.complexity, -f.lines)):
        if f.complexity > MOST_COMPLEX or f.lines > MOST_LINES:
            print(f"  {f.place}: {f.name}: complexity {f.complexity}, "
                  f"{f.lines} lines")


def grown(now, baseline):
    return [(area, figure, baseline.get(area, {}).get(figure, 0), row[figure])
            for area, row in now.items() for figure in FIGURES
            if row[figure] > baseline.get(area, {}).get(figure, 0)]


def update(now, baseline, may_raise):
    """Lowers the baseline to what is; raises it only if asked to, and says so."""
    for area, figure, old, new in grown(now, baseline):
        if may_raise:
            print(f"raised: {area}: {figure} from {old} to {new}")
        else:
            now[area][figure] = old
            print(f"not raised without --raise: {area}: {figure} is {new}, "
                  f"the baseline {old}")
    BASELINE.write_text(json.dumps(now, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true",
                        help=f"name the functions over {MOST_LINES} lines or "
                        f"a complexity of {MOST_COMPLEX}")
    parser.add_argument("--update", action="store_true",
                        help="lower the baseline to what is")
    parser.add_argument("--raise", action="store_true", dest="may_raise",
                        help="with --update: raise it too")
    arguments = parser.parse_args()
    found = {area: list(measure(folders)) for area, folders in AREAS.items()}
    now = {area: figures(functions) for area, functions in found.items()}
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    print_table(found, now)
    if arguments.list:
        print_large([f for functions in found.values() for f in functions])
    if arguments.update:
        update(now, baseline, arguments.may_raise)
        return 0
    wrong = grown(now, baseline)
    for area, figure, old, new in wrong:
        print(f"{area}: {figure} has grown from {old} to {new}")
    for area in sorted({w[0] for w in wrong}):
        print_large(found[area])
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
