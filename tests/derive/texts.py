"""Multi-pass cascades beyond the catalogue, with the rank, and the passes their derivation must reach."""
from __future__ import annotations

TEXTS: dict[str, tuple[str, str, int]] = {
    "temp": (
        """
cascade temp
input Q[e,p], K[e,m], V[f,m]
output AV[f,p]
sizes E=3, P=4, M=9, F=2
parameter C=0.7

S[m,p]=Q[e,p]*K[e,m]
G[p]=S[m,p]::max(m)
N[m,p]=exp(C*(S[m,p]-G[p]))
D[p]=N[m,p]
A[m,p]=N[m,p]/D[p]
AV[f,p]=A[m,p]*V[f,m]
""",
        "M",
        1,
    ),
    "lse": (
        """
cascade lse
input Q[e,p], K[e,m], V[f,m]
output AV[f,p]
sizes E=3, P=4, M=9, F=2

S[m,p]=Q[e,p]*K[e,m]
G[p]=S[m,p]::max(m)
N[m,p]=exp(S[m,p]-G[p])
D[p]=N[m,p]
L[p]=G[p]+log(D[p])
A[m,p]=exp(S[m,p]-L[p])
AV[f,p]=A[m,p]*V[f,m]
""",
        "M",
        1,
    ),
    "skew": (
        """
cascade skew
input X[m]
output Y
sizes M=11

MU=X[m]/M
VAR=(X[m]-MU)*(X[m]-MU)/M
Z[m]=(X[m]-MU)/sqrt(VAR)
Y=Z[m]*Z[m]*Z[m]/M
""",
        "M",
        1,
    ),
    "kurt": (
        """
cascade kurt
input X[m]
output Y
sizes M=11
parameter EPS=1e-06

MU=X[m]/M
C[m]=X[m]-MU
VAR=C[m]*C[m]/(M-1)
Z[m]=C[m]/sqrt(VAR+EPS)
Y=Z[m]*Z[m]*Z[m]*Z[m]/M-3
""",
        "M",
        1,
    ),
    "wvar": (
        """
cascade wvar
input X[m], W[m]
output Y
sizes M=11

SW=exp(W[m])
MU0=exp(W[m])*X[m]
MU=MU0/SW
Y=exp(W[m])*(X[m]-MU)*(X[m]-MU)/SW
""",
        "M",
        1,
    ),
    "lsmsum": (
        """
cascade lsmsum
input X[m], T[m]
output Y
sizes M=11

G=X[m]::max(m)
D=exp(X[m]-G)
L[m]=X[m]-G-log(D)
Y=-L[m]*T[m]
""",
        "M",
        1,
    ),
    "corr": (
        """
cascade corr
input X[m], Z[m]
output Y
sizes M=11

MX=X[m]/M
MZ=Z[m]/M
VX=(X[m]-MX)*(X[m]-MX)/M
VZ=(Z[m]-MZ)*(Z[m]-MZ)/M
A[m]=(X[m]-MX)/sqrt(VX)
B[m]=(Z[m]-MZ)/sqrt(VZ)
Y=A[m]*B[m]/M
""",
        "M",
        1,
    ),
    "lp": (
        """
cascade lp
input X[m]
output Y
sizes M=11
parameter PW=3

A[m]=abs(X[m])
G=A[m]::max(m)
S=exp(PW*log(A[m]/G))
Y=G*exp(log(S)/PW)
""",
        "M",
        1,
    ),
    "norm2": (
        """
cascade norm2
input X[m]
output Y
sizes M=11

A[m]=abs(X[m])
G=A[m]::max(m)
R[m]=X[m]/G
S=R[m]*R[m]
Y=G*sqrt(S)
""",
        "M",
        1,
    ),
    "boxcox": (
        """
cascade boxcox
input X[m]
output Y
sizes M=11
parameter L=0.5

LX[m]=log(abs(X[m])+0.1)
SL=LX[m]/M
G=exp(SL)
B[m]=(exp(L*LX[m])-1)/(L*exp((L-1)*log(G)))
Y=B[m]/M
""",
        "M",
        1,
    ),
    "rbf": (
        """
cascade rbf
input Q[e,p], K[e,m], V[f,m]
output AV[f,p]
sizes E=3, P=4, M=9, F=2
parameter GA=0.5

D2[m,p]=(Q[e,p]-K[e,m])*(Q[e,p]-K[e,m])
S[m,p]=-GA*D2[m,p]
G[p]=S[m,p]::max(m)
N[m,p]=exp(S[m,p]-G[p])
D[p]=N[m,p]
A[m,p]=N[m,p]/D[p]
AV[f,p]=A[m,p]*V[f,m]
""",
        "M",
        1,
    ),
    "centredkeys": (
        """
cascade centredkeys
input Q[e,p], K[e,m], V[f,m]
output AV[f,p]
sizes E=3, P=4, M=9, F=2

KM[e]=K[e,m]/M
KC[e,m]=K[e,m]-KM[e]
S[m,p]=Q[e,p]*KC[e,m]
G[p]=S[m,p]::max(m)
N[m,p]=exp(S[m,p]-G[p])
D[p]=N[m,p]
A[m,p]=N[m,p]/D[p]
AV[f,p]=A[m,p]*V[f,m]
""",
        "M",
        1,
    ),
    "softmin": (
        """
cascade softmin
input X[m], V[m]
output Y
sizes M=11

LO=X[m]::min(m)
N[m]=exp(LO-X[m])
D=N[m]
A[m]=N[m]/D
Y=A[m]*V[m]
""",
        "M",
        1,
    ),
    "entmask": (
        """
cascade entmask
input X[m], K[m]
output Y
sizes M=11

S[m]=where(K[m]>0,X[m],-inf)
G=S[m]::max(m)
N[m]=exp(S[m]-G)
D=N[m]
P[m]=N[m]/D
Y=where(P[m]>0,-P[m]*log(P[m]),0)
""",
        "M",
        1,
    ),
    "focal": (
        """
cascade focal
input X[m], T[m]
output Y
sizes M=11

G=X[m]::max(m)
N[m]=exp(X[m]-G)
D=N[m]
P[m]=N[m]/D
Y=-T[m]*(1-P[m])*(1-P[m])*log(P[m])
""",
        "M",
        1,
    ),
    "zmax": (
        """
cascade zmax
input X[n,m]
output Y[n]
sizes M=11, N=2
parameter EPS=1e-05

MU[n]=X[n,m]/M
VAR[n]=(X[n,m]-MU[n])*(X[n,m]-MU[n])/M
Z[n,m]=(X[n,m]-MU[n])/sqrt(VAR[n]+EPS)
Y[n]=Z[n,m]::max(m)
""",
        "M",
        1,
    ),
    "mmvar": (
        """
cascade mmvar
input X[m]
output Y
sizes M=11

LO=X[m]::min(m)
HI=X[m]::max(m)
U[m]=(X[m]-LO)/(HI-LO)
MU=U[m]/M
Y=(U[m]-MU)*(U[m]-MU)/M
""",
        "M",
        1,
    ),
    "vnorm": (
        """
cascade vnorm
input Q[e,p], K[e,m], V[f,m]
output AV[f,p]
sizes E=3, P=4, M=9, F=2

VS[f]=V[f,m]*V[f,m]
VN[f,m]=V[f,m]/sqrt(VS[f])
S[m,p]=Q[e,p]*K[e,m]
N[m,p]=exp(S[m,p])
D[p]=N[m,p]
A[m,p]=N[m,p]/D[p]
AV[f,p]=A[m,p]*VN[f,m]
""",
        "M",
        1,
    ),
    "softmax1": (
        """
cascade softmax1
input Q[e,p], K[e,m], V[f,m]
output AV[f,p]
sizes E=3, P=4, M=9, F=2

S[m,p]=Q[e,p]*K[e,m]
G[p]=S[m,p]::max(m)
N[m,p]=exp(S[m,p]-G[p])
D[p]=N[m,p]
E1[p]=D[p]+exp(-G[p])
A[m,p]=N[m,p]/E1[p]
AV[f,p]=A[m,p]*V[f,m]
""",
        "M",
        1,
    ),
    "hinge": (
        """
cascade hinge
input X[m]
output Y
sizes M=11

MU=X[m]/M
Y=relu(X[m]-MU)
""",
        "M",
        2,
    ),
    "above": (
        """
cascade above
input X[m]
output Y
sizes M=11

MU=X[m]/M
Y=where(X[m]>MU,X[m],0)
""",
        "M",
        2,
    ),
    "gausskern": (
        """
cascade gausskern
input X[m]
output Y
sizes M=11

MU=X[m]/M
VAR=(X[m]-MU)*(X[m]-MU)/M
Y=exp(-(X[m]-MU)*(X[m]-MU)/(2*VAR))
""",
        "M",
        2,
    ),
    "twohop": (
        """
cascade twohop
input Q[e,p], K[e,m], V[e,m]
output O[e,p]
sizes E=3, P=2, M=8

S[m,p]=Q[e,p]*K[e,m]
G[p]=S[m,p]::max(m)
N[m,p]=exp(S[m,p]-G[p])
D[p]=N[m,p]
A[m,p]=N[m,p]/D[p]
H[e,p]=A[m,p]*V[e,m]
S2[m,p]=H[e,p]*K[e,m]
G2[p]=S2[m,p]::max(m)
N2[m,p]=exp(S2[m,p]-G2[p])
D2[p]=N2[m,p]
A2[m,p]=N2[m,p]/D2[p]
O[e,p]=A2[m,p]*V[e,m]
""",
        "M",
        2,
    ),
    "cov": (
        """
cascade cov
input X[m,a]
output C[a,b]
alias B=A
sizes M=9, A=3

MU[a]=X[m,a]/M
XC[m,a]=X[m,a]-MU[a]
C[a,b]=XC[m,a]*XC[m,b]/(M-1)
""",
        "M",
        1,
    ),
    "inertia": (
        """
cascade inertia
input X[m,e]
output Y
sizes M=9, E=3

MU[e]=X[m,e]/M
D[m]=(X[m,e]-MU[e])*(X[m,e]-MU[e])
Y=D[m]/M
""",
        "M",
        1,
    ),
    "winertia": (
        """
cascade winertia
input X[m,e], W[m]
output Y
sizes M=9, E=3

SW=W[m]
MU0[e]=W[m]*X[m,e]
MU[e]=MU0[e]/SW
D[m]=(X[m,e]-MU[e])*(X[m,e]-MU[e])
Y=W[m]*D[m]/SW
""",
        "M",
        1,
    ),
    "dropout": (
        """
cascade dropout
input Q[e,p], K[e,m], V[f,m], DM[m,p]
output AV[f,p]
sizes E=3, P=4, M=9, F=2

S[m,p]=Q[e,p]*K[e,m]
G[p]=S[m,p]::max(m)
N[m,p]=exp(S[m,p]-G[p])
D[p]=N[m,p]
A[m,p]=N[m,p]/D[p]*DM[m,p]
AV[f,p]=A[m,p]*V[f,m]
""",
        "M",
        1,
    ),
    "normact": (
        """
cascade normact
input X[m], W[m]
output Y
sizes M=9

MU=X[m]/M
Y=sigmoid(X[m]-MU)*W[m]
""",
        "M",
        2,
    ),
    "beta": (
        """
cascade beta
input X[m]
output Y
sizes M=11
parameter BETA=2

LO=X[m]::min(m)
N[m]=exp(-BETA*(X[m]-LO))
D=N[m]
Y=N[m]/D*X[m]
""",
        "M",
        1,
    ),
    "exp2sm": (
        """
cascade exp2sm
input Q[e,p], K[e,m], V[f,m]
output AV[f,p]
sizes E=3, P=4, M=9, F=2

S[m,p]=Q[e,p]*K[e,m]
G[p]=S[m,p]::max(m)
N[m,p]=exp2(S[m,p]-G[p])
D[p]=N[m,p]
A[m,p]=N[m,p]/D[p]
AV[f,p]=A[m,p]*V[f,m]
""",
        "M",
        1,
    ),
    "globalmax": (
        """
cascade globalmax
input Q[e,p], K[e,m], V[f,m]
output AV[f,p]
sizes E=3, P=4, M=9, F=2

S[m,p]=Q[e,p]*K[e,m]
G=S[m,p]::max(m,p)
N[m,p]=exp(S[m,p]-G)
D=N[m,p]
A[m,p]=N[m,p]/D
AV[f,p]=A[m,p]*V[f,m]
""",
        "M",
        1,
    ),
    "l1mm": (
        """
cascade l1mm
input X[n,m], W[m,j]
output Y[n,j]
sizes N=2, M=9, J=3

S[n]=abs(X[n,m])
U[n,m]=X[n,m]/S[n]
Y[n,j]=U[n,m]*W[m,j]
""",
        "M",
        1,
    ),
    "causvar": (
        """
cascade causvar
input X[m]
output Y[p]
equal P=M
sizes M=7, P=7

CNT[p]=where(m<=p,1,0)
SX[p]=where(m<=p,X[m],0)
MU[p]=SX[p]/CNT[p]
Y[p]=where(m<=p,(X[m]-MU[p])*(X[m]-MU[p]),0)/CNT[p]
""",
        "M",
        1,
    ),
    "twoout": (
        """
cascade twoout
input Q[e,p], K[e,m], V[f,m]
output AV[f,p], L[p], H[p]
sizes E=3, P=4, M=9, F=2

S[m,p]=Q[e,p]*K[e,m]
G[p]=S[m,p]::max(m)
N[m,p]=exp(S[m,p]-G[p])
D[p]=N[m,p]
A[m,p]=N[m,p]/D[p]
AV[f,p]=A[m,p]*V[f,m]
L[p]=G[p]+log(D[p])
H[p]=-A[m,p]*log(A[m,p])
""",
        "M",
        1,
    ),
    "harm": (
        """
cascade harm
input X[m]
output Y
sizes M=11

A[m]=abs(X[m])+1
S=1/A[m]
HM=M/S
Y=(A[m]/HM)*(A[m]/HM)
""",
        "M",
        1,
    ),
    "lnmm2": (
        """
cascade lnmm2
input X[n,d], W[d,j]
output Z[n,j]
sizes N=2, D=7, J=3
parameter EPS=1e-05

MU[n]=X[n,d]/D
SQ[n]=X[n,d]*X[n,d]/D
VAR[n]=SQ[n]-MU[n]*MU[n]
Y[n,d]=(X[n,d]-MU[n])/sqrt(VAR[n]+EPS)
Z[n,j]=Y[n,d]*W[d,j]
""",
        "D",
        1,
    ),
    "div0attn": (
        """
cascade div0attn
input Q[e,p], K[e,m], V[f,m]
output AV[f,p]
equal P=M
parameter WIN=2
sizes E=3, P=6, M=6, F=2

S[m,p]=Q[e,p]*K[e,m]
T[m,p]=where(m<p and m>=p-WIN,S[m,p],-inf)
G[p]=T[m,p]::max(m)
N[m,p]=expsub(T[m,p],G[p])
D[p]=N[m,p]
A[m,p]=div0(N[m,p],D[p])
AV[f,p]=A[m,p]*V[f,m]
""",
        "M",
        1,
    ),
    "safe": (
        """
cascade safe
input Q[e,p], K[e,m], V[f,m]
output AV[f,p]
equal P=M
sizes E=3, P=6, M=6, F=2

S[m,p]=where(m<p,Q[e,p]*K[e,m],-inf)
G[p]=S[m,p]::max(m)
GS[p]=where(G[p]==-inf,0,G[p])
N[m,p]=exp(S[m,p]-GS[p])
D[p]=N[m,p]
A[m,p]=div0(N[m,p],D[p])
AV[f,p]=A[m,p]*V[f,m]
""",
        "M",
        1,
    ),
    "huber": (
        """
cascade huber
input X[m]
output Y
sizes M=11

MU=X[m]/M
R[m]=X[m]-MU
Y=where(abs(R[m])<=1,R[m]*R[m]/2,abs(R[m])-0.5)
""",
        "M",
        2,
    ),
    "prodnorm": (
        """
cascade prodnorm
input X[m]
output Y
sizes M=11

A[m]=abs(X[m])+0.5
G=A[m]::max(m)
R[m]=A[m]/G
P=R[m]::*(m)
Y=G*exp(log(P)/M)
""",
        "M",
        1,
    ),
    "maxdev2": (
        """
cascade maxdev2
input X[m]
output Y
sizes M=11

MU=X[m]/M
Y=abs(X[m]-MU)::max(m)
""",
        "M",
        1,
    ),
    "rng": (
        """
cascade rng
input X[m]
output Y
sizes M=11

LO=X[m]::min(m)
HI=X[m]::max(m)
MID=(LO+HI)/2
Y=(X[m]-MID)*(X[m]-MID)
""",
        "M",
        1,
    ),
    "topp": (
        """
cascade topp
input X[m]
output T[j]
sizes M=9, J=3

G=X[m]::max(m)
N[m]=exp(X[m]-G)
D=N[m]
P[m]=N[m]/D
T[j]=P[m]::topk(m,j)
""",
        "M",
        1,
    ),
    "quantmm": (
        """
cascade quantmm
input X[m], W[m,j]
output Y[j]
sizes M=9, J=2

G=abs(X[m])::max(m)
S=G/127
XQ[m]=round(X[m]/S)
P[j]=XQ[m]*W[m,j]
Y[j]=S*P[j]
""",
        "M",
        2,
    ),
    "mi": (
        """
cascade mi
input X[m], V[m]
output Y
sizes M=9

G=X[m]::max(m)
N[m]=exp(X[m]-G)
D=N[m]
P[m]=N[m]/D
MV=P[m]*V[m]
Y=P[m]*(V[m]-MV)*(V[m]-MV)
""",
        "M",
        1,
    ),
    "dpo": (
        """
cascade dpo
input X[m], Y0[m]
output Y
sizes M=9

GX=X[m]::max(m)
GY=Y0[m]::max(m)
SX=exp(X[m]-GX)
SY=exp(Y0[m]-GY)
LX[m]=X[m]-GX-log(SX)
LY[m]=Y0[m]-GY-log(SY)
Y=exp(LX[m])*(LX[m]-LY[m])
""",
        "M",
        1,
    ),
    "cosattn": (
        """
cascade cosattn
input Q[e,p], K[e,m], V[f,m]
output AV[f,p]
sizes E=3, P=4, M=9, F=2

KS[e]=K[e,m]*K[e,m]
KN[e,m]=K[e,m]/sqrt(KS[e])
S[m,p]=Q[e,p]*KN[e,m]
AV[f,p]=S[m,p]*V[f,m]
""",
        "M",
        1,
    ),
    "bnrelu": (
        """
cascade bnrelu
input X[b,c]
output Y[b,c]
sizes B=6, C=2
parameter EPS=1e-05

MU[c]=X[b,c]/B
VAR[c]=(X[b,c]-MU[c])*(X[b,c]-MU[c])/B
Y[b,c]=relu((X[b,c]-MU[c])/sqrt(VAR[c]+EPS))
""",
        "B",
        2,
    ),
    "bnsum": (
        """
cascade bnsum
input X[b,c], G[c]
output Y
sizes B=6, C=2
parameter EPS=1e-05

MU[c]=X[b,c]/B
VAR[c]=(X[b,c]-MU[c])*(X[b,c]-MU[c])/B
Z[b,c]=(X[b,c]-MU[c])/sqrt(VAR[c]+EPS)*G[c]
Y=Z[b,c]*Z[b,c]*Z[b,c]
""",
        "B",
        1,
    ),
    "scaled by its own deviation": (
        """
cascade deviations
input X[k]
output Y
sizes K=8

MX=X[k]/K
D[k]=X[k]-MX
V=D[k]*D[k]
Y=exp(D[k]/sqrt(V))
""",
        "K",
        2,
    ),
}
"""Name -> (text, rank, passes)."""
