from pathlib import Path

import pytest

from fusemax.cascade import parse
from fusemax.report.check import check
from fusemax.report.claims import evaluate
from fusemax.report.kinds import kind_of
from tests.cascade.texts import ONE_PASS, THREE_PASS


def put(text: str, name: str = "x.cascade") -> str:
    Path(name).write_text(text)
    return name


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_legal_cascade_with_true_claims() -> None:
    found = check([put(THREE_PASS), "attn_1pass_fusemax"])
    assert [(v.verdict, v.trial, v.claims) for v in found.verdicts] == [("legal", True, 1), ("legal", True, 3)]
    assert found.status == 0


def test_a_false_claim_gives_its_place_and_the_right_count() -> None:
    found = check(put(THREE_PASS.replace("expect    M = 3", "expect    E = 1, M = 2, conflict P, sweeps M = 3")))
    (verdict,) = found.verdicts
    assert found.status == 1
    assert [(c.line, c.column, c.claim, c.counted) for c in verdict.false_claims] == [
        (7, 18, "M = 2", "counted 3"),
        (7, 25, "conflict P", "but no two Einsums need opposite orders of P"),
    ]
    assert verdict.false_claims[0].report.startswith("x.cascade:7:18: claimed M = 2, counted 3\n    expect ")
    assert "x.cascade:7:18: claimed M = 2, counted 3" in str(found)


def test_claims_on_what_is_not_counted_are_false() -> None:
    text = ONE_PASS.replace("expect    M = 1", "expect    sweeps M0 = 2, T = 1, M = 1").replace(
        "M0 = 4\n", "M0 = 4, T = 3\n"
    )
    (verdict,) = check(put(text)).verdicts
    assert [c.counted for c in verdict.false_claims] == [
        "but sweeps are not counted over M0, a factor",
        "but no input has rank T, so nothing is counted over it",
    ]


@pytest.mark.parametrize(
    ("claim", "status"),
    [("K = (I+1)//2", 0), ("K = (1+I)//2", 0), ("K = I//2", 1), ("K = 2", 1), ("sweeps K = I", 0),
     ("sweeps K = 2*I-I", 0)],
)  # fmt: skip
def test_claims_are_compared_as_functions_of_the_sizes(claim: str, status: int) -> None:
    text = (
        f"cascade P\ninput A[m, k], X0[m]\noutput Y[m]\nequal K = M\nsizes M = 4, K = 4, I = 3\nexpect {claim}\n"
        "init:\nX[0, m] = X0[m]\niterate i until I:\nX[i+1, m] = A[m, k] * X[i, k]\nthen:\nY[m] = X[I, m]\n"
    )
    assert check(put(text)).status == status


def test_illegal_files_are_reported_together_with_the_others() -> None:
    broken = THREE_PASS.replace("QK[m, p] - GM", "QKK[m, p] - GMM")
    found = check([put(broken, "b.cascade"), "attn_3pass", "nowhere.cascade", put("", "e.cascade")])
    assert [v.verdict for v in found.verdicts] == ["illegal", "legal", "illegal", "illegal"]
    assert [str(e).split("\n")[0] for e in found.verdicts[0].errors] == [
        "b.cascade:11:16: unknown tensor 'QKK'",
        "b.cascade:11:28: unknown tensor 'GMM'",
    ]
    assert str(found.verdicts[2].errors[0]).startswith("nowhere.cascade: No such file")
    assert found.status == 2


def test_the_trial_run_finds_broken_cell_rules() -> None:
    (verdict,) = check(put("cascade C\ninput A[k]\noutput Z[k]\nsizes K = 4\nZ[k] = A[k+1]\n")).verdicts
    assert verdict.verdict == "illegal"
    assert "x.cascade:5:8: " in str(verdict.errors[0])


def test_the_trial_run_is_skipped_without_sizes() -> None:
    (verdict,) = check(put("cascade C\ninput A[k]\noutput Z[k]\nZ[k] = A[k+1]\n")).verdicts
    assert (verdict.verdict, verdict.trial) == ("legal", False)


def test_other_kinds_of_file() -> None:
    found = check(["fusemax", "fusemax-cloud", "bert"])
    assert [(v.kind, v.verdict) for v in found.verdicts] == [
        ("design", "legal"),
        ("accelerator", "legal"),
        ("workload", "legal"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.txt", "\ufeff# c\n\n cascade X\n", "cascade"),
        ("a.yaml", "# c\ntitle: x\naccelerator: y\n", "accelerator"),
        ("b.yaml", "accelerator: x\ndesign: y\n", "design"),
        ("c.yaml", "name: x\nheads: 3\n", "workload"),
        ("d.json", "{}", "workload"),
        ("e", "rubbish", "cascade"),
        ("f.cascade", "accelerator: x\n", "cascade"),
    ],
)
def test_kinds_are_told_by_the_first_words(name: str, text: str, kind: str) -> None:
    assert kind_of(put(text, name)) == kind


def test_counts_evaluate() -> None:
    cascade = parse("cascade C\ninput A[k]\noutput Z\nexpect K = -(K-7)%4*2+K//2\nZ = A[k]\n")
    count = cascade.claims[0].count
    assert count is not None
    assert evaluate(count, {"K": 5}) == -(5 - 7) % 4 * 2 + 2
