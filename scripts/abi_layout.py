# SPDX-License-Identifier: MIT
"""Compares the structs and enumerations of two descriptions (abi.py) by the
rules of docs/abi.md: those that grow grow at their end, the others stay.
"""
import xml.etree.ElementTree as ElementTree


class Types:
    """The named structs and enumerations of a description."""

    def __init__(self, text):
        corpus = ElementTree.fromstring(text)
        self.by_id = {e.get("id"): e for e in corpus.iter()
                      if "id" in e.attrib}
        self.structs = {e.get("name"): e for e in corpus.iter("class-decl")
                        if "size-in-bits" in e.attrib}
        self.enums = {e.get("name"): [(v.get("name"), v.get("value"))
                                      for v in e.findall("enumerator")]
                      for e in corpus.iter("enum-decl")}

    def name(self, type_id):
        """A type as text: what it is made of, down to names."""
        element = self.by_id[type_id]
        inner = element.get("type-id")
        if element.tag == "pointer-type-def":
            return f"{self.name(inner)} *"
        if element.tag == "qualified-type-def":
            words = [q for q in ("const", "volatile", "restrict")
                     if element.get(q) == "yes"]
            return f"{self.name(inner)} {' '.join(words)}"
        if element.tag == "array-type-def":
            lengths = [s.get("length") for s in element.findall("subrange")]
            return f"{self.name(inner)}[{']['.join(lengths)}]"
        if element.tag == "function-type":
            parts = [self.name(p.get("type-id")) if "type-id" in p.attrib
                     else "..." for p in element.findall("parameter")]
            return f"{self.name(element.find('return').get('type-id'))}" \
                   f"({', '.join(parts)})"
        return element.get("name")

    def members(self, struct):
        """(offset in bits, name, type) of each."""
        found = []
        for member in self.structs[struct].findall("data-member"):
            variable = member.find("var-decl")
            found.append((int(member.get("layout-offset-in-bits")),
                          variable.get("name"),
                          self.name(variable.get("type-id"))))
        return found

    def bits(self, struct):
        return int(self.structs[struct].get("size-in-bits"))


def struct_faults(name, old, new):
    before, after = old.members(name), new.members(name)
    for i, member in enumerate(before):
        if i >= len(after) or after[i] != member:
            found = f"{after[i][1]}, {after[i][2]}, at {after[i][0] // 8}" \
                if i < len(after) else "nothing"
            yield (f"struct {name}: {member[1]}, {member[2]}, was at byte "
                   f"{member[0] // 8}, where now is {found}")
            return
    added = after[len(before):]
    if old.bits(name) != new.bits(name) and not added:
        yield f"struct {name}: has another size, and no new member"
    if added and before[0][1] != "size":
        yield f"struct {name}: has no size, and {added[0][1]} was added"
    for offset, member, _ in added:
        if offset < old.bits(name):
            yield f"struct {name}: {member} was added in its padding"


def enum_faults(name, before, after):
    if after[:len(before)] != before:
        yield f"enum {name}: was {before}, is {after}"


def compare(old_text, new_text):
    """What is wrong; and the types that grew as they may."""
    old, new = Types(old_text), Types(new_text)
    faults, grown = [], []
    for name in old.structs:
        if name not in new.structs:
            faults.append(f"struct {name}: is not there any more")
            continue
        faults += struct_faults(name, old, new)
        if len(old.members(name)) != len(new.members(name)):
            grown.append(("struct", name))
    for name, values in old.enums.items():
        if name not in new.enums:
            faults.append(f"enum {name}: is not there any more")
            continue
        faults += enum_faults(name, values, new.enums[name])
        if values != new.enums[name]:
            grown.append(("enum", name))
    return faults, grown
