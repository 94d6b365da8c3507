"""Cascade texts that several tests use: the two complete examples of the language reference."""

THREE_PASS = """cascade   attn_3pass
title     "3-pass numerically stable attention (FuseMax Cascade 4)"

input     Q[e, p], K[e, m], V[f, m]
output    AV[f, p]
sizes     E = 4, P = 5, M = 12, F = 3
expect    M = 3

QK[m, p] = Q[e, p] * K[e, m]
GM[p] = QK[m, p] :: max(m)
SN[m, p] = exp(QK[m, p] - GM[p])
SD[p] = SN[m, p]
A[m, p] = SN[m, p] / SD[p]
AV[f, p] = A[m, p] * V[f, m]
"""

ONE_PASS = """cascade   attn_1pass_fusemax
title     "1-pass attention: FuseMax Cascade 5 = FlashAttention-2"

input     Q[e, p], K[e, m], V[f, m]
output    AV[f, p]
partition M = M1 * M0
sizes     E = 4, P = 5, M = 12, F = 3, M0 = 4
expect    M = 1, M1 = 1, M0 = 2

init:
  BK[e, m1, m0] = K[e, m1*M0+m0]
  BV[f, m1, m0] = V[f, m1*M0+m0]
  RM[0, p] = -inf
  RD[0, p] = 0
  RNV[f, 0, p] = 0

iterate m1 until M1:
  BQK[m1, m0, p] = Q[e, p] * BK[e, m1, m0]
  LM[m1, p] = BQK[m1, m0, p] :: max(m0)
  RM[m1+1, p] = max(RM[m1, p], LM[m1, p])
  SLN[m1, m0, p] = exp(BQK[m1, m0, p] - RM[m1+1, p])
  SLD[m1, p] = SLN[m1, m0, p]
  SLNV[f, m1, p] = SLN[m1, m0, p] * BV[f, m1, m0]
  PRM[m1, p] = exp(RM[m1, p] - RM[m1+1, p])
  SPD[m1, p] = RD[m1, p] * PRM[m1, p]
  RD[m1+1, p] = SLD[m1, p] + SPD[m1, p]
  SPNV[f, m1, p] = RNV[f, m1, p] * PRM[m1, p]
  RNV[f, m1+1, p] = SLNV[f, m1, p] + SPNV[f, m1, p]

then:
  AV[f, p] = RNV[f, M1, p] / RD[M1, p]
"""
