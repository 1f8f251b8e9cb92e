# SPDX-License-Identifier: MIT
"""Words that this tree has given up, and what it says instead.

Each row: where the word is looked for, the pattern, what to write. Prose is
comments, documents and manual pages; names are identifiers, in which a word
ends at an underscore.
"""
import re

PROSE, NAMES = "prose", "names"
BOTH = (PROSE, NAMES)
RATE = (r"(?:(?:bits?|bytes?|words|calls?|ns|times|once|bitmaps?) an? "
        r"(?:page|region|group|word|byte|line|block|frame|slot|client|source|"
        r"tile|row|second|minute|round|batch|run|call)|pages an? (?:second|round))")

ROWS = [
    (BOTH, r"hears?|heard", "receives"),
    (BOTH, r"learnt|learns", "detected, detects"),
    (BOTH, r"heeds?", "interruptible"),
    (BOTH, r"speech", "reason"),
    (BOTH, r"spoilt", "failed, or overrun"),
    (BOTH, r"hurry", "refresh_now"),
    (BOTH, r"grabs?", "fetch and clear"),
    (BOTH, r"eras?", "generation"),
    (NAMES, r"came_ns", "connected_at_ns"),
    (NAMES, r"may_see", "is_authenticated"),
    (NAMES, r"look_again(?:_ns)?", "retry_at_ns"),
    (NAMES, r"end_ns", "deadline_ns"),
    (NAMES, r"date", "deadline"),
    (PROSE, r"dates? (?:at which|that ends)", "deadline"),
    (PROSE, r"foreign record", "unknown record"),
    (PROSE, r"(?:gives?|gave|given) away", "hands over"),
    (PROSE, r"(?:gives?|gave|given) back", "returns"),
    (PROSE, r"(?<!user )(?<!as )(?<!become )(?<!\")nobody(?!\")",
     "nothing, no client, no viewer: the thing by its name"),
    (PROSE, r"(?:some|any|every)body|whoever",
     "a client, a viewer, a peer: the thing by its name"),
    (PROSE, r"be (?:had|told)", "a verb that says what happens"),
    (PROSE, r"(?:go|goes|going|went) on(?! to\b)", "continues, stays"),
    (PROSE, r"stands? in(?! (?:for|(?:ascending |the |its )?(?:order|way))\b)",
     "is in, is described in"),
    (PROSE, r"till", "until"),
    (PROSE, RATE, "per"),
]


def compiled(kind):
    for kinds, pattern, instead in ROWS:
        if kind in kinds:
            edges = (r"(?:(?<=_)|\b)", r"(?=_|\b)") if kind == NAMES else \
                (r"\b", r"\b")
            yield re.compile(f"{edges[0]}(?:{pattern}){edges[1]}",
                             re.I if kind == PROSE else 0), instead


IN_PROSE = list(compiled(PROSE))
IN_NAMES = list(compiled(NAMES))
