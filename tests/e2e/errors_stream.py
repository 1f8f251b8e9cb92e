#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Streams that are cut, damaged or too large are refused with a sentence.

The destination ends with status 1; the guest goes on at the source.
"""
import struct

from smudgetest import case, check, check_equal, check_sentence, main
from stream import (END, GO, HEADER, PAGES, ROUND_BEGIN, ROUND_END, STATE,
                    Proxy, record)


def first(kind, edit):
    """A change that edits the first record of @kind and no other."""
    done = []

    def change(found, payload, data):
        if found != kind or done:
            return data
        done.append(True)
        return edit(payload, data)
    return change


def flip(data, offset):
    return data[:offset] + bytes([data[offset] ^ 0x10]) + data[offset + 1:]


def patch_u64(payload, offset, value):
    return payload[:offset] + struct.pack("<Q", value) + payload[offset + 8:]


CHANGES = [
    # a title, the change, what the destination's sentence says, its code
    ("a bit of a page", first(PAGES, lambda p, d: flip(d, len(d) // 2)),
     "checksum|damaged", 2),
    ("a bit of a checksum", first(PAGES, lambda p, d: flip(d, 20)),
     "checksum|damaged", 2),
    ("a bit of a record's type", first(STATE, lambda p, d: flip(d, 1)),
     "unknown|type|checksum", 3),
    ("a bit of the machine's state", first(STATE, lambda p, d: flip(d, 60)),
     "checksum|damaged", 2),
    ("a length beyond the cap",
     first(PAGES, lambda p, d: record(PAGES, b"", length=1 << 40)),
     "length|bytes", 2),
    ("a state beyond the cap",
     first(STATE, lambda p, d: record(STATE, b"", length=(64 << 20) + 1)),
     "length|bytes", 2),
    ("pages outside the region",
     first(PAGES, lambda p, d: record(PAGES, patch_u64(p, 8, 1 << 40))),
     "page|region|run", 2),
    ("a page number that wraps around",
     first(PAGES, lambda p, d: record(PAGES, patch_u64(p, 8, (1 << 64) - 1))),
     "page|region|run", 2),
    ("a region that is not there",
     first(PAGES, lambda p, d: record(PAGES, b"\x07" + p[1:])), "region", 2),
    ("wrong totals of a round",
     first(ROUND_END, lambda p, d: record(ROUND_END, patch_u64(p, 8, 1))),
     "round", 3),
    ("wrong totals at the end",
     first(END, lambda p, d: record(END, patch_u64(p, 0, 1))),
     "total|count|record", 3),
    ("a round left out",
     first(ROUND_BEGIN, lambda p, d: record(ROUND_BEGIN, b"\x05" + p[1:])),
     "round", 3),
    ("the end before the state",
     first(STATE, lambda p, d: record(END, bytes(40))), "order|END|expected|due", 3),
    ("a state that is none",
     first(STATE, lambda p, d: record(STATE, struct.pack("<I", 7) +
                                      b"machine" + bytes(50))), "state", 5),
    ("a state of length 0",
     first(STATE, lambda p, d: record(STATE, struct.pack("<I", 7) +
                                      b"machine")), "state", 5),
    ("a state of another version",
     first(STATE, lambda p, d: record(STATE, p[:11] + struct.pack("<I", 2) +
                                      p[15:])), "version 2; .*version 1", 5),
    ("a state with an unknown flag",
     first(STATE, lambda p, d: record(STATE, p[:15] + struct.pack("<I", 3) +
                                      p[19:])), "unknown flags 0x3", 5),
]

CUTS = [
    ("cut in the pages", first(PAGES, lambda p, d: None)),
    ("cut in the final records", first(STATE, lambda p, d: None)),
    ("cut before the go", first(GO, lambda p, d: None)),
]


def check_refused(destination, *parts):
    check_equal(destination.wait(), 1, "exit status of the destination")
    sentences = destination.sentences()
    check_equal(len(sentences), 1, f"lines of stderr {sentences}")
    check_sentence(sentences[0], "incoming migration failed", *parts)
    check_equal(destination.serial(), "", "what ran at the destination")


def changed(lab, change, says, code):
    source = lab.source()
    destination = lab.destination()
    proxy = Proxy(lab, lab.path("migration.sock"), change)
    source.qmp.run("migrate", uri=proxy.uri)
    check_refused(destination, says)
    report = source.qmp.wait_migration("completed", "failed")
    check_equal(report["status"], "failed", f"{report}")
    # the source tells the destination's own reason
    check_sentence(report["error-desc"], "destination refused", says)
    check_equal(proxy.failure, None, "the proxy's own failure")
    check_equal(proxy.refuse_code(), code, "code of the REFUSE")
    source.check_runs_on()


def cut(lab, change):
    source = lab.source()
    destination = lab.destination()
    proxy = Proxy(lab, lab.path("migration.sock"), change)
    source.qmp.run("migrate", uri=proxy.uri)
    check_refused(destination, "closed|connection")
    report = source.qmp.wait_migration("completed", "failed")
    check_equal(report["status"], "failed", f"{report}")
    check_sentence(report["error-desc"])


for title, edit, says, code in CHANGES:
    case(title, change=edit, says=says, code=code)(changed)
for title, edit in CUTS:
    case(title, change=edit)(cut)


@case
def an_unknown_record_that_may_be_skipped_is(lab):
    source = lab.source()
    destination = lab.destination("-S")

    def add(_, data):
        return record(0x777, b"from the future", flags=1) + data
    # END counts the records of the stream; one more came
    changes = [first(ROUND_END, add), first(END, lambda p, d: record(
        END, patch_u64(p, 0, struct.unpack_from("<Q", p)[0] + 1)))]

    def change(kind, payload, data):
        for one in changes:
            data = one(kind, payload, data)
        return data
    proxy = Proxy(lab, lab.path("migration.sock"), change)
    source.qmp.run("migrate", uri=proxy.uri)
    report = source.qmp.wait_migration("completed", "failed")
    check_equal(report["status"], "completed", f"{report}")
    destination.qmp.wait_migration("completed")
    check(HEADER.size == 24, "header of a record")


main()
