import pickle

import pytest

from fusemax.base.errors import FileError, FusemaxError, MissingExtra, SourceError, SourceErrors, UnknownName, nearest


def test_source_error_prints_place_line_caret_and_suggestion() -> None:
    error = SourceError("unknown tensor 'QKK'", "demo.cascade", 7, 16, 3, "SN[m, p] = exp(QKK[m, p] - GM[p])", "QK")
    assert str(error).split("\n") == [
        "demo.cascade:7:16: unknown tensor 'QKK'",
        "    SN[m, p] = exp(QKK[m, p] - GM[p])",
        "                   ^~~",
        "    did you mean 'QK'?",
    ]


def test_caret_stands_under_its_column_behind_tabs() -> None:
    error = SourceError("bad", "f", 1, 4, 1, "\t\tA = B\n")
    assert str(error).split("\n")[1:] == ["    \t\tA = B", "    \t\t ^"]


def test_caret_one_past_the_end_of_the_line() -> None:
    assert str(SourceError("expected ']'", "f", 2, 4, 1, "A[m")).split("\n")[1:] == ["    A[m", "       ^"]


def test_empty_source_line_leaves_a_caret() -> None:
    assert str(SourceError("empty file", "f")).split("\n") == ["f:1:1: empty file", "", "    ^"]


def test_underline_ends_with_the_line() -> None:
    assert str(SourceError("bad", "f", 1, 3, 40, "A = B")).split("\n")[2] == "      ^~~"


def test_a_very_long_line_is_cut_behind_the_caret() -> None:
    shown = str(SourceError("nesting", "f", 1, 101, 1, "(" * 100_000)).split("\n")
    assert len(shown[1]) < 1100 and shown[1].endswith(" ...")
    assert shown[2] == " " * 104 + "^"


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in str(SourceError("bad", "f", 1, 2, 1, "A\x1b[31m\x00"))


def test_several_errors_come_in_line_order() -> None:
    several = SourceErrors([SourceError("second", "f", 9), SourceError("first", "f", 2)])
    assert [line for line in str(several).split("\n") if line.startswith("f:")] == ["f:2:1: first", "f:9:1: second"]
    with pytest.raises(ValueError, match="at least one"):
        SourceErrors([])


def test_errors_survive_a_process_boundary() -> None:
    error = SourceError("bad", "f", 3, 2, 1, "A = B", "C")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_unknown_name_suggests_or_lists() -> None:
    assert str(UnknownName("cascade", "atn_3pass", ["attn_3pass", "attn_naive"])) == (
        "unknown cascade 'atn_3pass' (did you mean 'attn_3pass'?)"
    )
    assert str(UnknownName("objective", "zzz", ["latency", "energy"])) == (
        "unknown objective 'zzz' (expected one of: energy, latency)"
    )


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("qk", ["QK", "SN"], "QK"),
        ("attn-3pass", ["attn_3pass"], "attn_3pass"),
        ("QKK", ["QK", "QK"], "QK"),
        ("", ["QK"], None),
        ("x" * 1000, ["x"], None),
        ("m", [], None),
        ("fuse", ["fusemax", "unfused"], "fusemax"),
        ("fuse", ["unfused"], "unfused"),
    ],
)
def test_nearest(name: str, known: list[str], expected: str | None) -> None:
    assert nearest(name, known) == expected


def test_every_error_is_a_fusemax_error() -> None:
    for error in (FileError("f", "no"), MissingExtra("polars", "frames"), UnknownName("rank", "M")):
        assert isinstance(error, FusemaxError)
    assert str(MissingExtra("polars", "frames")).endswith("pip install 'fusemax[frames]'")
