"""The four written forms of a cascade or of one Einsum."""

from __future__ import annotations

from fusemax.base.errors import UnknownName
from fusemax.cascade.edge import print_edge, print_edge_einsum
from fusemax.cascade.ir import Cascade, Einsum
from fusemax.cascade.latex import LATEX, print_latex
from fusemax.cascade.print import print_cascade, print_einsum
from fusemax.cascade.reference import cascade_or_einsum
from fusemax.cascade.unicode import UNICODE, print_unicode

FORMS = {"text": print_cascade, "unicode": print_unicode, "latex": print_latex, "edge": print_edge}
_EINSUM_FORMS = {"text": print_einsum, "unicode": UNICODE.einsum, "latex": LATEX.einsum, "edge": print_edge_einsum}


def notation(subject: Cascade | Einsum | str, form: str = "text") -> str:
    """`subject` as `text` (canonical: it reads back), `unicode`, `latex` or `edge` (for reading only).

    A text is a cascade's file, `-`, catalogue name, or a bare Einsum. Raises `UnknownName` for any other form.

    >>> notation("Z[m,n] = A[k,m]*B[k,n]", "unicode")
    'Z[m, n] = A[k, m] × B[k, n] :: ⋁k +'
    """
    if form not in FORMS:
        raise UnknownName("form", form, FORMS)
    if isinstance(subject, str):
        subject = cascade_or_einsum(subject)
    return FORMS[form](subject) if isinstance(subject, Cascade) else _EINSUM_FORMS[form](subject)
