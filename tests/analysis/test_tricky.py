"""The product's counter against brute force on small cascades that try the corners of the definition."""

from __future__ import annotations

import pytest

from fusemax.cascade import check_rules, parse
from tests.analysis.agreement import check_agreement

TRICKY = {
    "a filter that reads": """
input A[k], B[k]
output Z
sizes K = 4
Z = A[k : B[k] > 0]
""",
    "a variable in a filter alone": """
input A[k]
output Z
alias N = K
sizes K = 4
Y = A[k]
Z = A[k : k <= n] * Y
""",
    "a root with the rank twice, summed over its rows": """
input A[m, k]
output Z
alias K = M
sizes M = 4
Y[m] = A[m, k]
Z = A[m, k] * Y[k]
""",
    "a root with the rank twice, summed over its columns": """
input A[m, k]
output Z[m]
alias K = M
sizes M = 4
Y[k] = A[m, k]
Z[m] = A[m, k] * Y[k]
""",
    "a derived tensor with both factors": """
input X[i]
output Z
partition I = I1 * I0
sizes I = 12, I0 = 3
S = X[i]
T[i1, i0] = S * i1 + i0
U = T[i1, i0]
V = T[i1, i0] * U
W[i1] = T[i1, i0]
Q[i1] = T[i1, i0] * W[i1]
Z = V + Q[i1]
""",
    "a variable twice on the left": """
input X[i]
output Z
sizes I = 4
D[i, i] = X[i]
S = D[i, i]
Z = D[i, i] * S
""",
    "a partition of an alias, and a scale per tile": """
input X[m], U[i1]
output Z
alias I = M
partition I = I1 * I0
sizes M = 12, I0 = 3
B[i1, i0] = X[i1*I0+i0]
L[i1] = B[i1, i0] * U[i1]
G = L[i1]
Y[i1] = L[i1] * G
Z = Y[i1] * U[i1]
""",
    "a partitioned rank never split": """
input X[m], U[m1]
output Z, W
partition M = M1 * M0
sizes M = 12, M0 = 3
S = X[m]
Z = X[m] * S * U[m//M0]
W = U[m//M0] * U[m1] * Z
""",
    "three factors": """
input X[m]
output Z
partition M = M2 * M1 * M0
sizes M = 36, M1 = 3, M0 = 3
B[m2, m1, m0] = X[(m2*M1+m1)*M0+m0]
L[m2, m1] = B[m2, m1, m0]
G[m2] = L[m2, m1] * L[m2, m1]
N[m2, m1, m0] = B[m2, m1, m0] * G[m2]
H[m2] = N[m2, m1, m0]
Z = H[m2]
""",
    "constant coordinates": """
input A[k]
output Z
sizes K = 4
S = A[0] + A[k]
Z = A[0] * S + A[K - 1] * A[k]
""",
    "a gather read twice": """
input A[k], P[n]
output Z
sizes K = 4, N = 4
S = A[P[n]]
Y[n] = A[P[n]] * S
T = Y[n]
Z = Y[n] * T * P[n]
""",
    "a gather of the rank by itself": """
input A[k], P[k]
output Z
sizes K = 4
B[k] = A[P[k]]
S = B[k]
Z = B[k] * S * A[k]
""",
    "gathers by argtopk": """
input A[k], W[k]
output Z
sizes K = 4, J = 2
I[j] = A[k] :: argtopk(k, j)
V[j] = A[k] :: topk(k, j)
N = V[j]
Z = V[j] * W[I[j]] * A[I[j]] / N
""",
    "a forward and a backward loop": """
input A[k]
output Z
alias I = K
sizes K = 4
init:
S[0] = 0
R[K] = 0
iterate i until K:
S[i+1] = S[i] + A[i]
iterate i downto 0:
R[i] = R[i+1] + A[i] * S[K]
then:
Z = R[0]
""",
    "a state that starts from an input": """
input B0[p], A[p, k]
output Y[p]
alias I = K
sizes P = 4, K = 4
init:
S[0, p] = B0[p]
iterate i until K:
M[i] = S[i, p] :: max(p)
S[i+1, p] = S[i, p] - M[i] + A[p, i]
then:
Y[p] = S[K, p]
""",
    "a state that carries through another tensor": """
input X[m]
output Z
sizes M = 4, I = 4
init:
S[0, m] = X[m]
iterate i until I:
G[i] = S[i, m] :: max(m)
U[i, m] = S[i, m] - G[i]
S[i+1, m] = U[i, m] * 2
then:
Z = S[I, m]
""",
    "a derived tensor that carries through another": """
input X
output Z
sizes M = 4, I = 4
init:
S[0, m] = X * m
iterate i until I:
G[i] = S[i, m] :: max(m)
U[i, m] = S[i, m] - G[i]
S[i+1, m] = U[i, m] * 2
then:
Z = S[I, m]
""",
    "a shifted copy": """
input A[k]
output Z
sizes K = 4
B[k+1] = A[k]
B[0] = 0
S = B[k+1]
C[k] = B[k] * S
Z = C[k] * S
""",
    "a reversed copy": """
input A[k]
output Z
sizes K = 4
B[k] = A[K - 1 - k]
S = A[k]
C[k] = B[k] * A[k]
Z = C[k] * S
""",
    "an outer product": """
input A[k], B[k]
output Z
alias N = K
sizes K = 4
P[k, n] = A[k] * B[n]
R[k] = P[k, n]
Z = P[k, n] * R[k] * R[n]
""",
    "rotated orders": """
input A[k]
output Z
alias I = K
alias N = K
sizes K = 4
init:
S[n, 0] = 0
iterate i until K:
S[n, i+1] = S[n, i] + A[(i+n)%K]
then:
Z = S[n, K] * A[n]
""",
    "a rank that no input has": """
input X
output Z
sizes K = 4
A[k] = X * k
S = A[k]
Z = A[k] * S
""",
    "empty fibers": """
input A[k]
output Z[i]
alias I = K
sizes K = 4
Y[i] = A[k : k < i] :: max(k)
S = A[k]
Z[i] = max(Y[i], S) + A[i]
""",
    "two partitions": """
input A[m, k]
output Z
partition M = M1 * M0, K = K1 * K0
sizes M = 9, M0 = 3, K = 9, K0 = 3
B[m1, m0, k1, k0] = A[m1*M0+m0, k1*K0+k0]
R[m1, k1, k0] = B[m1, m0, k1, k0]
C[m1, k1] = B[m1, m0, k1, k0] * R[m1, k1, k0]
D[m1] = C[m1, k1] * C[m1, k1]
Z = D[m1] * C[m1, k1]
""",
    "an input that has the factors only": """
input A[m1, m0]
output Z
partition M = M1 * M0
sizes M1 = 3, M0 = 3
S = A[m1, m0]
R[m1] = A[m1, m0] * S
Z = R[m1] * A[m1, m0]
""",
    "an input with some of the factors": """
input A[m2, m1], B[m]
output Z
partition M = M2 * M1 * M0
sizes M = 27, M1 = 3, M0 = 3
S[m2] = A[m2, m1]
T[m2] = A[m2, m1] * S[m2]
Z = B[m] * T[m2]
""",
    "nested gathers": """
input A[k], I1[k], I2[k]
output Z
sizes K = 4
S = A[I1[I2[k]]]
Z = A[k] * S * I1[k] * I2[k]
""",
    "a chain of scalars": """
input A[k], B
output Z
sizes K = 4
Y = A[k] * B
X = Y * B
W = X + A[k]
Z = W / B
""",
    "the last coordinate": """
input A[k], C[k]
output Z
sizes K = 4
S[k] = A[k] * C[K - 1]
T = S[k]
Z = C[k] * T + C[K - 1]
""",
}


@pytest.mark.parametrize("what", TRICKY)
def test_tricky(what: str) -> None:
    check_agreement(check_rules(parse(f"cascade tricky{TRICKY[what]}", "tricky.cascade")))
