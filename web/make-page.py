#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the one file that smudge-vm serves to browsers: page.html with noVNC in it.

noVNC has some fifty modules that import each other. One file needs one request,
so each module becomes an entry of the page's import map: a data: address under
the name novnc/PATH. Its relative imports become such names; the modules are not
changed otherwise. The page's policy allows these addresses and, by their hashes,
the scripts in the page.
"""
import base64
import hashlib
import json
import pathlib
import posixpath
import re
import sys

SCRIPT = re.compile(r"<script[^>]*>(.*?)</script>", re.S)
IMPORT = re.compile(r"""^((?:import|export)\b[^'";]*?|\}\s*from\s*)(['"])(\.{1,2}/[^'"]+)\2""", re.M)


def absolute(module, match):
    name = posixpath.normpath(posixpath.join(posixpath.dirname(module), match[3]))
    return f"{match[1]}{match[2]}novnc/{name}{match[2]}"


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: make-page.py NOVNC-FOLDER PAGE-HTML OUTPUT")
    novnc, page, output = map(pathlib.Path, sys.argv[1:])
    imports = {}
    for path in sorted(p for d in ("core", "vendor") for p in (novnc / d).rglob("*.js")):
        module = path.relative_to(novnc).as_posix()
        text = IMPORT.sub(lambda m: absolute(module, m), path.read_text())
        code = base64.b64encode(text.encode()).decode()
        imports[f"novnc/{module}"] = "data:text/javascript;base64," + code
    if "novnc/core/rfb.js" not in imports:
        sys.exit(f"{novnc} has no core/rfb.js: it is not the noVNC of package.json")
    text = page.read_text().replace("@IMPORTMAP@", json.dumps({"imports": imports}))
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
              for script in SCRIPT.findall(text)]
    text = text.replace("@POLICY@", "script-src data: " + " ".join(
        f"'sha256-{h}'" for h in hashes))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text)


if __name__ == "__main__":
    main()
