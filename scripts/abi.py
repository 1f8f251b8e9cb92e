# SPDX-License-Identifier: MIT
"""The binary interface of a library: what programs that were built against its
public headers rely on, as XML of abidw (Debian's abigail-tools).

Private types, their members, and everything that no exported call reaches are
left out, and so are paths: the same interface gives the same bytes.
"""
import pathlib
import re
import subprocess
import xml.etree.ElementTree as ElementTree

ABIDW = ["abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs",
         "--no-elf-needed", "--no-parameter-names", "--type-id-style", "hash"]
STRUCT = re.compile(r"^struct (\w+) \{(.*?)^\};", re.M | re.S)


def public_structs(headers):
    """name: body, of each struct that the headers in the folder define."""
    return {name: body for header in sorted(pathlib.Path(headers).glob("*.h"))
            for name, body in STRUCT.findall(header.read_text())}


def symbols(library):
    """The exported symbols with their nodes, sorted."""
    text = subprocess.run(
        ["nm", "-D", "--defined-only", "--with-symbol-versions", library],
        check=True, capture_output=True, text=True).stdout
    lines = (line.split() for line in text.splitlines())
    return sorted(name for _, kind, name in lines if kind != "A")


def hide_private(corpus, public):
    """Structs that the headers only name lose their members."""
    for struct in corpus.iter("class-decl"):
        if struct.get("name") not in public:
            for member in list(struct):
                struct.remove(member)
            struct.attrib.pop("size-in-bits", None)
            struct.set("is-declaration-only", "yes")


def reached(corpus):
    """Ids of the types that exported calls need."""
    types = {}
    for element in corpus.iter():
        if "id" in element.attrib:
            types.setdefault(element.get("id"), []).append(element)
    todo = [f for f in corpus.iter("function-decl") if "elf-symbol-id" in f.attrib]
    ids = set()
    while todo:
        for element in todo.pop().iter():
            for key in ("type-id", "naming-typedef-id"):
                wanted = element.get(key)
                if wanted and wanted not in ids:
                    ids.add(wanted)
                    todo += types.get(wanted, [])
    return ids


def prune(corpus, public):
    hide_private(corpus, public)
    ids = reached(corpus)
    for unit in corpus.findall("abi-instr"):
        unit.set("path", re.sub(r"^.*?(?=lib/|[^/]*$)", "", unit.get("path")))
        for element in list(unit):
            is_call = element.tag == "function-decl" and \
                "elf-symbol-id" in element.attrib
            if not is_call and element.get("id") not in ids:
                unit.remove(element)
        if not len(unit):
            corpus.remove(unit)


def describe(library, headers):
    """The XML of a library that has debug information, as text."""
    text = subprocess.run([*ABIDW, library], check=True, capture_output=True,
                          text=True).stdout
    corpus = ElementTree.fromstring(text)
    prune(corpus, public_structs(headers))
    ElementTree.indent(corpus, " ")
    return ElementTree.tostring(corpus, encoding="unicode") + "\n"
