"""A smallest broken cascade for every rule, for the reference page and its test."""

from __future__ import annotations

_HEAD = "cascade x\ninput   A[k], B[m]\noutput  Z\n"

EXAMPLES: dict[str, str] = {
    "has-input": "cascade x\noutput  Z\nZ = 1\n",
    "declared-once": "cascade x\ninput   A[k], A[m]\noutput  Z\nZ = A[k]\n",
    "one-partition": "cascade x\ninput   A[k]\noutput  Z\npartition K = K1 * K0, N = K1 * N0\nZ = A[k]\n",
    "alias-target": f"{_HEAD}alias   I = K, J = I\nZ = A[i]\n",
    "equal-ranks": f"{_HEAD}equal   K = KM\nZ = A[k]\n",
    "sizes-positive": f"{_HEAD}sizes   K = 0\nZ = A[k]\n",
    "sizes-free": f"{_HEAD}partition K = K1 * K0\nsizes   K1 = 3, K0 = 4\nZ = A[k]\n",
    "sizes-agree": f"{_HEAD}partition K = K1 * K0\nsizes   K = 10, K0 = 4\nZ = A[k]\n",
    "claims": f"{_HEAD}expect  K = 2, sweeps N = 1\nZ = A[k]\n",
    "known-variables": f"{_HEAD}Z = A[kk]\n",
    "known-names": f"{_HEAD}S = A[k]\nZ = SS / 2\n",
    "written-before-read": f"{_HEAD}Z = S[k]\nS[k] = A[k]\n",
    "outputs-written": f"{_HEAD}ZZ = A[k]\n",
    "inputs-read-only": f"{_HEAD}B[m] = 0\nZ = A[k]\n",
    "written-once": f"{_HEAD}S[k] = A[k]\nS[k] = 2 * A[k]\nZ = S[k]\n",
    "one-meaning": f"{_HEAD}K = B[m]\nZ = A[k] / K\n",
    "index-counts": f"{_HEAD}Z = A[k, 0]\n",
    "index-ranks": f"{_HEAD}Z = A[m+1]\n",
    "index-form": f"{_HEAD}Z = A[k/2]\n",
    "reduced-variables": f"{_HEAD}Z = A[k] :: max(m)\n",
    "selections": "cascade x\ninput   A[k, n]\noutput  Z[j]\nsizes   J = 2\nZ[j] = A[k, n] :: topk(k, j)\n",
    "filters": f"{_HEAD}S[k] = A[k : k < 3]\nZ = S[k]\n",
    "section-order": f"{_HEAD}then:\n  Z = A[k]\niterate k until K:\n  S[k] = A[k]\n",
    "until-rank": f"{_HEAD}iterate k until M:\n  S[k] = A[k]\nthen:\n  Z = S[k]\n",
    "iteration-variable": f"{_HEAD}iterate k until K:\n  S = A[k]\nthen:\n  Z = S\n",
}
"""Rule name -> a text that breaks this rule and no other."""
