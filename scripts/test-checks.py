#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The checks of the tree find what they look for, and nothing else."""
import sys

import c_source
import complexity

# a function's body, its cognitive complexity
COMPLEXITY = [
    ("\treturn a;\n", 0),
    ("\tif (a)\n\t\treturn b;\n\telse if (c)\n\t\treturn d;\n"
     "\telse\n\t\treturn e;\n", 3),
    ("\tfor (int i = 0; i < a; i++)\n\t\tfor (int j = 0; j < b; j++)\n"
     "\t\t\tif (i == j)\n\t\t\t\twhile (a--)\n\t\t\t\t\tb++;\n", 10),
    ("\tif (a)\n\t\tif (b)\n\t\t\tc();\n", 3),
    ("\tdo {\n\t\tif (a)\n\t\t\tbreak;\n\t} while (b && c);\n", 4),
    ("\tswitch (a) {\n\tcase 1:\n\t\tb();\n\t\tbreak;\n\tdefault:\n"
     "\t\tif (c)\n\t\t\tgoto out;\n\t}\nout:\n\treturn d;\n", 4),
    ("\treturn a == 1 || b == 2 || c >= 3;\n", 1),
    ("\treturn (a && b) || (c && d);\n", 3),
    ("\treturn a && (b && c);\n", 1),
    ("\treturn a ? b : c ? d : e;\n", 3),
    ("\tif (a) /* if (b) */\n\t\tputs(\"if (c)\");\n", 1),
    ("\treturn a ? function(a - 1) : 0;\n", 2),
    ("\tlist_for_each(a, b)\n\t{\n\t\tif (a)\n\t\t\tc();\n\t}\n", 3),
    ("\tconst struct {\n\t\tint a;\n\t\tint b;\n\t} x[] = {{1, 2}, {3, 4}};\n"
     "\n\tif (x[0].a)\n\t\ta();\n", 1),
]


def functions(text):
    return list(c_source.Source(text).functions())


def test_complexity():
    for body, expected in COMPLEXITY:
        text = f"static int function(int a)\n{{\n{body}}}\n"
        found = functions(text)
        assert [f.name for f in found] == ["function"], text
        assert complexity.of(found[0]) == expected, \
            (text, expected, complexity.of(found[0]))


def test_functions():
    text = ("#define X(a) \\\n\tif (a)\nstruct s {\n\tint a;\n};\n\n"
            "/* f(x)\n{\n} */\n"
            "static __attribute__((format(printf, 1, 2))) void\nf(char *a, ...)\n"
            "{\n\ta = \"}\";\n}\n\nint g(void)\n{\n\treturn 1;\n}\n")
    assert [(f.name, f.line, f.body.count("\n") - 1)
            for f in functions(text)] == [("f", 10, 1), ("g", 16, 1)], \
        functions(text)


def main():
    tests = [t for name, t in globals().items() if name.startswith("test_")]
    for test in tests:
        test()
    print(f"{len(tests)} tests of the checks passed")


if __name__ == "__main__":
    sys.exit(main())
