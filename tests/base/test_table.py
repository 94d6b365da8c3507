from hypothesis import given
from hypothesis import strategies as st

from fusemax.base.table import format_cell, format_table, html_table


def test_numbers_right_words_left_unknown_stays_unknown() -> None:
    rows: list[dict[str, object]] = [
        {"design": "flat", "area": None, "ok": True},
        {"design": "fusemax", "area": 2.5, "ok": False},
    ]
    assert format_table(rows).split("\n") == [
        "design      area  ok",
        "-------  -------  ---",
        "flat     unknown  yes",
        "fusemax      2.5  no",
    ]


def test_a_missing_key_is_blank_and_a_column_choice_is_kept() -> None:
    assert format_table([{"a": 1}, {"b": 2}], ["b", "a"]).split("\n")[2:] == ["   1", "2"]


def test_no_rows() -> None:
    assert format_table([]) == ""
    assert format_table([], ["rank"]).split("\n") == ["rank", "----"]


@given(
    st.lists(
        st.fixed_dictionaries({"a": st.text(max_size=150), "b": st.text(max_size=150), "c": st.floats()}), max_size=3
    )
)
def test_a_table_never_exceeds_its_width(rows: list[dict[str, object]]) -> None:
    assert all(len(line) <= 100 for line in format_table(rows).split("\n"))


def test_cells() -> None:
    assert format_cell(["QK", "GM"]) == "QK, GM"
    assert format_cell({"M": 3, "P": 1}) == "M = 3, P = 1"
    assert format_cell(frozenset({"b", "a"})) == "a, b"


def test_html_is_escaped() -> None:
    assert html_table([{"x": "<script>"}]) == (
        "<table><thead><tr><th>x</th></tr></thead><tbody><tr><td>&lt;script&gt;</td></tr></tbody></table>"
    )
