#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draw bench-bitmap's cycle rows: ratio over density, one line per baseline.

usage: bench-bitmap --json | plot-bench.py > performance.svg
"""
import json
import math
import sys

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 30, 70
COLOURS = ["#0b62a4", "#d1495b", "#2e8b57", "#8f6bb3", "#b8860b"]
# Random densities and the other patterns, side by side, dense to the right.
COLUMNS = [(0.0, "random", "0"), (0.001, "random", ".001"),
           (0.01, "random", ".01"), (0.1, "random", ".1"),
           (1, "random", "1"), (3, "random", "3"), (10, "random", "10"),
           (50, "random", "50"), (50, "alternating", "altern."),
           (10, "clusters", "2 MiB"), (100, "random", "100")]


def read_rows(lines):
    rows = [json.loads(line) for line in lines if line.startswith("{")]
    rows = [r for r in rows if r.get("case") == "cycle"]
    if not rows:
        sys.exit("plot-bench: no cycle rows on standard input")
    pages = max(r["pages"] for r in rows)
    best = rows[0]["variant"]
    return pages, best, [r for r in rows if r["pages"] == pages
                         and r["variant"] == best]


def column_of(row):
    for i, (percent, pattern, _) in enumerate(COLUMNS):
        if row["pattern"] == pattern and abs(row["dirty"] - percent) < 1e-9:
            return i
    return None


def x_of(column):
    return LEFT + column * (WIDTH - LEFT - RIGHT) / (len(COLUMNS) - 1)


def y_of(ratio, low, high):
    part = (math.log10(ratio) - low) / (high - low)
    return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)


def text(x, y, words, extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {extra}>{words}</text>'


def grid(low, high):
    for power in range(low, high + 1):
        y = y_of(10 ** power, low, high)
        yield (f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" '
               f'y2="{y:.1f}" stroke="{"#444" if power == 0 else "#ddd"}"/>')
        yield text(LEFT - 8, y + 4, f"{10.0 ** power:g}x",
                   'text-anchor="end"')
    for i, (_, _, label) in enumerate(COLUMNS):
        yield text(x_of(i), HEIGHT - BOTTOM + 18, label,
                   'text-anchor="middle"')


def line(name, colour, points, low, high):
    path = " ".join(f"{x_of(c):.1f},{y_of(r, low, high):.1f}"
                    for c, r in sorted(points))
    yield (f'<polyline points="{path}" fill="none" stroke="{colour}" '
           f'stroke-width="2"/>')
    for c, r in points:
        yield (f'<circle cx="{x_of(c):.1f}" cy="{y_of(r, low, high):.1f}" '
               f'r="3" fill="{colour}"/>')


def main():
    pages, variant, rows = read_rows(sys.stdin)
    lines = {}
    for row in rows:
        if column_of(row) is not None:
            lines.setdefault(row["baseline"], []).append(
                (column_of(row), row["ratio"]))
    ratios = [r for points in lines.values() for _, r in points]
    low = math.floor(math.log10(min(ratios + [1])))
    high = math.ceil(math.log10(max(ratios)))
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
           f'height="{HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           text(LEFT, 18, f"merge into two clients, take one: time of the "
                f"baseline / time of smudge ({variant}), {pages} pages"),
           text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 22,
                "dirty pages, per cent (random; alternating pages; 10 % in "
                "2 MiB clusters)", 'text-anchor="middle"'), *grid(low, high)]
    for i, (name, points) in enumerate(sorted(lines.items())):
        colour = COLOURS[i % len(COLOURS)]
        out += line(name, colour, points, low, high)
        y = TOP + 20 + 20 * i
        out.append(text(WIDTH - RIGHT + 20, y, name, f'fill="{colour}"'))
    print("\n".join(out + ["</svg>"]))


if __name__ == "__main__":
    main()
