# SPDX-License-Identifier: MIT
"""Cognitive complexity of a C function (the measure of SonarSource, 2017).

A branch, a loop or a ?: counts 1, and 1 more per level it is nested in. An
else, a goto, a call of the function by itself, and each run of equal && or ||
count 1. What a macro expands to is not counted; name(...) { ... } is a loop.

clang-tidy 14 measures the same, but skips an if or a loop that is the body of
an if without braces, which this tree has everywhere.
"""
from c_source import tokens

LOOPS = ("for", "while", "switch")
TYPES = ("struct", "union")
TYPES_BEFORE_NAME = [["struct"], ["union"]]


class Counter:
    def __init__(self, name, body):
        self.name = name
        self.tokens = tokens(body)
        self.at = 0
        self.total = 0

    def count(self):
        while self.at < len(self.tokens):
            if self.next() == "}":
                raise ValueError(f"{self.name}: a brace too many")
            self.statement(0)
        return self.total

    def next(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def step(self):
        token = self.next()
        if not token:
            raise ValueError(f"{self.name} ends too early")
        self.at += 1
        return token

    def block(self, nesting):
        while self.next() not in ("}", ""):
            self.statement(nesting)
        self.step()

    def statement(self, nesting):
        token = self.next()
        if token == "{":
            self.step()
            self.block(nesting)
        elif token == "if":
            self.branch(nesting, 1 + nesting)
        elif token in LOOPS:
            self.loop(nesting)
        elif token == "do":
            self.step()
            self.total += 1 + nesting
            self.statement(nesting + 1)
            self.step()  # while
            self.expression(nesting)
        elif token in ("case", "default"):
            while self.step() != ":":
                pass
        elif token == "goto":
            self.total += 1
            self.expression(nesting)
        elif self.is_macro_loop():
            self.loop(nesting)
        else:
            self.expression(nesting)

    def is_macro_loop(self):
        """Whether a statement is name(...) { ... }."""
        if not self.next().isidentifier() or \
                self.tokens[self.at + 1:self.at + 2] != ["("]:
            return False
        depth = 0
        for at in range(self.at + 1, len(self.tokens)):
            depth += (self.tokens[at] == "(") - (self.tokens[at] == ")")
            if not depth:
                return self.tokens[at + 1:at + 2] == ["{"]
        return False

    def has_statements(self, before):
        """Whether a brace in an expression begins ({ ... }) or a struct."""
        return before == "(" or before in TYPES or \
            self.tokens[self.at - 3:self.at - 2] in TYPES_BEFORE_NAME

    def condition(self, nesting):
        self.step()
        self.step()  # (
        self.operators(nesting, "")
        self.step()

    def loop(self, nesting):
        self.total += 1 + nesting
        self.condition(nesting)
        self.statement(nesting + 1)

    def branch(self, nesting, cost):
        self.total += cost
        self.condition(nesting)
        self.statement(nesting + 1)
        if self.next() != "else":
            return
        self.step()
        if self.next() == "if":
            self.branch(nesting, 1)
        else:
            self.total += 1
            self.statement(nesting + 1)

    def expression(self, nesting):
        """Up to and including a semicolon, or up to the end of the block."""
        while self.next() not in (";", "}", ""):
            self.operators(nesting, "")
            if self.next() in (")", "]"):
                self.step()
        if self.next() == ";":
            self.step()

    def operators(self, nesting, last):
        """Up to what closes this level of parentheses, or ends a statement."""
        within = nesting
        before = ""
        for_header = self.tokens[self.at - 2:self.at - 1] == ["for"]
        while self.next() not in (")", "]", "}", "") and \
                (self.next() != ";" or for_header):
            token = self.step()
            if token in ("&&", "||"):
                self.total += token != last
                last = token
            elif token == "?":
                self.total += 1 + within
                within += 1
                last = ""
            elif token in (",", ";", ":", "="):
                last = ""
                within = nesting if token in (",", ";") else within
            elif token in "([{":
                is_call = before.isidentifier() and before != "return"
                if before == self.name:
                    self.total += 1
                if token == "{" and self.has_statements(before):
                    self.block(nesting)
                else:
                    self.operators(within, "" if is_call else last)
                    self.step()
            before = token


def of(function):
    return Counter(function.name, function.body).count()
