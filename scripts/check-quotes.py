#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The C code in docs/integration.md is part of the examples, line by line, and
the links of all documents lead to files that exist."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs/integration.md"


def main():
    text = GUIDE.read_text()
    sources = [path.read_text() for path in sorted((ROOT / "examples").glob("*.c"))]
    blocks = re.findall(r"^```c\n(.*?)^```$", text, re.M | re.S)
    wrong = [f"{GUIDE.name}: not in examples/*.c:\n{block}" for block in blocks
             if not any("\n" + block in source for source in sources)]
    if not blocks:
        wrong.append(f"{GUIDE.name}: no C code found")
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text()):
            if not (page.parent / link).exists():
                wrong.append(f"{page.relative_to(ROOT)}: there is no {link}")
    print("\n".join(wrong) if wrong else f"{len(blocks)} pieces of code are the examples'")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
