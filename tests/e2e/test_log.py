#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the library says is on stderr: twice -v shows what comes and goes, none
shows warnings only."""
from smudgetest import case, check, check_equal, main


@case
def verbose_and_silent(lab):
    there = lab.destination()
    here = lab.source("-v", "--verbose")
    here.qmp.run("migrate", uri=lab.uri)
    check_equal(here.qmp.wait_migration("completed", "failed")["status"],
                "completed", "the migration's end")
    for sentence in ("pages is added", "client: client migration is open",
                     "client: client migration is closed"):
        check(sentence in here.log(), f"{sentence!r} is not in {here.log()!r}")
    check("region: " not in there.log(), f"not asked for: {there.log()!r}")


if __name__ == "__main__":
    main()
