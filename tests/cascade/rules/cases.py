"""Broken cascades are written here as a body under a short legal header."""

from fusemax.cascade.parse import parse
from fusemax.cascade.rules import broken_rules

HEADER = """cascade C
input Q[e, p], K[e, m], W
output Z[p]
partition M = M1 * M0
alias I = P, J = M
equal N = P
parameter EPS = 0.5
sizes M = 12, M0 = 4, N = 3
"""
"""Eight lines: a body begins at line 9."""


def reports(text: str) -> list[str]:
    """Per broken rule `name line:column message`, and the suggestion in brackets."""
    found = []
    for rule, error in broken_rules(parse(text)):
        suggestion = f" [{error.suggestion}]" if error.suggestion else ""
        found.append(f"{rule.name} {error.line}:{error.column}+{error.length} {error.message}{suggestion}")
    return found


def body(*lines: str) -> list[str]:
    """The reports on a body of these lines; when none writes Z, a last line does."""
    written = any(line.strip().startswith("Z[p] =") for line in lines)
    return reports(HEADER + "\n".join((*lines, *(() if written else ("Z[p] = Q[e, p]",)))) + "\n")


def header(*lines: str, body: str = "Z = A[k]") -> list[str]:
    """The reports on a header of these lines, from line 2, and a one-line body."""
    return reports("\n".join(("cascade C", *lines, body)) + "\n")
