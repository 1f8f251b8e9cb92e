# SPDX-License-Identifier: MIT
"""Circles in a graph: {from: {to, ...}, ...}."""


def circles(graph):
    """The sets of two or more nodes that all reach each other (Tarjan)."""
    number, low, stack = {}, {}, []

    def visit(node):
        number[node] = low[node] = len(number)
        stack.append(node)
        for to in sorted(graph.get(node, ())):
            if to not in number:
                yield from visit(to)
                low[node] = min(low[node], low[to])
            elif to in stack:
                low[node] = min(low[node], number[to])
        if low[node] == number[node]:
            at = stack.index(node)
            found = set(stack[at:])
            del stack[at:]
            if len(found) > 1:
                yield found

    for node in sorted(graph):
        if node not in number:
            yield from visit(node)


def arrows(graph, circle):
    return [(a, b) for a in sorted(circle)
            for b in sorted(graph.get(a, ())) if b in circle]
