# SPDX-License-Identifier: MIT
"""The comparison of check-abi.py finds what it is for: small libraries that
differ in one thing each, built and compared like the real one.
"""
import pathlib
import subprocess
import tempfile

import abi

HEADER = """
#include <stddef.h>
enum sheep_kind { SHEEP_WHITE = 0, SHEEP_BLACK = 1 };
struct sheep_options {
	size_t size;
	const char *name;
	int age;
};
struct sheep_place {
	int x;
	long y;
};
struct sheep;
int sheep_count(struct sheep *sheep, const struct sheep_options *options);
void sheep_move(struct sheep *sheep, struct sheep_place to);
enum sheep_kind sheep_kind(const struct sheep *sheep);
"""
SOURCE = """
#include "sheep.h"
struct sheep { struct sheep_place place; enum sheep_kind kind; };
int sheep_count(struct sheep *sheep, const struct sheep_options *options)
{ return sheep && options; }
void sheep_move(struct sheep *sheep, struct sheep_place to)
{ sheep->place = to; }
enum sheep_kind sheep_kind(const struct sheep *sheep) { return sheep->kind; }
"""
MAP = "SHEEP_1 { global: sheep_count; sheep_kind; sheep_move; local: *; };\n"

COUNT = "int sheep_count(struct sheep *sheep, const struct"
# what is done to all three files; what is said of it, None: it is allowed
CHANGES = [
    ("nothing", {}, None),
    ("private member added", {"struct sheep { ": "struct sheep { int a; "}, None),
    ("call added", {
        "{ return sheep && options; }": "{ return sheep && options; }\n"
        "int sheep_sum(int a); int sheep_sum(int a) { return a; }",
        "sheep_move; ": "sheep_move; sheep_sum; "}, None),
    ("enumerator added", {"BLACK = 1": "BLACK = 1, SHEEP_DOLLY = 2"}, None),
    ("field added", {"\tint age;\n": "\tint age;\n\tlong more;\n"}, None),
    ("call removed", {"sheep_kind; ": ""}, "sheep_kind@@SHEEP_1"),
    ("type of an argument", {COUNT: COUNT.replace("int", "long")},
     "return type changed"),
    ("type of a field", {"\tint age;": "\tunsigned int age;"}, "age"),
    ("type of a field, and one added",
     {"\tint age;": "\tunsigned int age;\n\tlong more;"}, "age"),
    ("field in the middle", {"\tint age;": "\tlong more;\n\tint age;"}, "age"),
    ("field in padding", {"\tint age;": "\tint age;\n\tint more;"}, "padding"),
    ("field renamed", {"*name;": "*title;"}, "name"),
    ("field of a struct without a size", {"\tlong y;": "\tlong y;\n\tlong z;"},
     "has no size"),
    ("field removed", {"\tint age;\n": ""}, "where now is nothing"),
    ("value of an enumerator", {"BLACK = 1": "BLACK = 2"}, "sheep_kind"),
    ("enumerator in the middle",
     {"SHEEP_BLACK = 1": "SHEEP_GREY = 1, SHEEP_BLACK = 2"}, "sheep_kind"),
    ("node", {"SHEEP_1": "SHEEP_2"}, "sheep_count@@SHEEP_1"),
    ("node of one call", {"sheep_move; local: *; };":
                          "local: *; };\nSHEEP_2 { global: sheep_move; };"},
     "sheep_move@@SHEEP_1"),
]


def described(folder, changes):
    """The description and the symbols of the small library, changed."""
    texts = {"sheep.h": HEADER, "sheep.c": SOURCE, "sheep.map": MAP}
    done = set()
    for name, text in texts.items():
        for old, new in changes.items():
            if old in text:
                done.add(old)
                text = text.replace(old, new)
        (folder / name).write_text(text)
    assert done == set(changes), f"nothing to change: {set(changes) - done}"
    library = folder / "libsheep.so"
    subprocess.run(["gcc", "-g", "-shared", "-fPIC", "-w", "-o", library,
                    folder / "sheep.c", "-Wl,-soname,libsheep.so.0",
                    f"-Wl,--version-script,{folder / 'sheep.map'}"], check=True)
    return abi.describe(library, folder), abi.symbols(library)


def main(faults):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        old = described(folder, {})
        assert described(folder, {}) == old
        for name, changes, expected in CHANGES:
            found = faults(*old, *described(folder, changes))
            assert bool(found) == bool(expected), (name, found)
            assert not expected or expected in "\n".join(found), (name, found)
