import pytest

from fusemax.cascade import catalogue, load, parse
from fusemax.cascade.latex import LATEX, print_latex
from fusemax.cascade.parse import parse_einsum
from tests.cascade.texts import ONE_PASS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("B[e, m1, m0] = BK[e, m1*M0+m0]",
         r"\mathit{B}_{e,m_{1},m_{0}} = \mathit{BK}_{e,m_{1} \times M_{0}+m_{0}}"),
        ("Z = (A + B) / (C * 2) * D",
         r"\mathit{Z} = \frac{\mathit{A} + \mathit{B}}{\mathit{C} \times 2} \times \mathit{D}"),
        ("Z = (A + B) * C", r"\mathit{Z} = \left(\mathit{A} + \mathit{B}\right) \times \mathit{C}"),
        ("Z = -(A / B)", r"\mathit{Z} = -\frac{\mathit{A}}{\mathit{B}}"),
        ("Z[m, i] = A[i//M, i%M]",
         r"\mathit{Z}_{m,i} = \mathit{A}_{\left\lfloor \frac{i}{M} \right\rfloor,i \bmod M}"),
        ("Z[m] = exp(A[m] - B)", r"\mathit{Z}_{m} = e^{\mathit{A}_{m} - \mathit{B}}"),
        ("Z[m] = where(m <= 2 and not m != 3 or m == 4, -inf, pi)",
         r"\mathit{Z}_{m} = \operatorname{where}\left(m \leq 2 \land \lnot m \neq 3 \lor m = 4, -\infty, \pi\right)"),
        ("Z = sqrt(A) + exp2(B)", r"\mathit{Z} = \sqrt{\mathit{A}} + 2^{\mathit{B}}"),
        ("Z = abs(A) + floor(B)",
         r"\mathit{Z} = \left| \mathit{A} \right| + \left\lfloor \mathit{B} \right\rfloor"),
        ("Z[p] = A[m, p] :: max(m)", r"\mathit{Z}_{p} = \mathit{A}_{m,p} :: \bigvee_{m} \max"),
        ("Z = A[e, m] :: *(m)", r"\mathit{Z} = \mathit{A}_{e,m} :: \bigvee_{e} + \bigvee_{m} \times"),
        ("Z[j] = A[m] :: topk(m, j)", r"\mathit{Z}_{j} = \mathit{A}_{m} :: \bigvee_{m} \operatorname{topk}_{j}"),
        ("Z[i] = A_b[k : k <= i]", r"\mathit{Z}_{i} = \mathit{A\_b}_{k : k \leq i} :: \bigvee_{k} +"),
        ("Z = 1e-05 + 2.5", r"\mathit{Z} = 1 \times 10^{-5} + 2.5"),
        ("Z[row1] = A[row1]", r"\mathit{Z}_{\mathit{row}_{1}} = \mathit{A}_{\mathit{row}_{1}}"),
    ],
)  # fmt: skip
def test_shapes(text: str, shown: str) -> None:
    assert LATEX.einsum(parse_einsum(text)) == shown


def test_a_document_of_one_environment() -> None:
    text = print_latex(parse(ONE_PASS))
    assert text.startswith("% cascade   attn_1pass_fusemax\n")
    assert "\n  & \\diamond : m_{1} \\geq M_{1} \\\\\n" in text
    assert text.count("\\begin{align*}") == text.count("\\end{align*}") == 1
    assert "\n  & \\quad \\mathit{RM}_{0,p} = -\\infty \\\\\n" in text


@pytest.mark.parametrize("name", catalogue())
def test_braces_and_delimiters_pair(name: str) -> None:
    body = print_latex(load(name)).split("\\begin{align*}")[1]
    assert body.count("{") == body.count("}")
    assert body.count("\\left") == body.count("\\right")
    lines = body.split("\\end")[0].strip().split("\n")
    assert all(line.rstrip().endswith(("\\\\", "\\\\[1ex]")) for line in lines[:-1])
    assert not lines[-1].endswith("\\\\")
