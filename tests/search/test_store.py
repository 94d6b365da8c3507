"""The run store: what goes in comes out, and what is no store stays as it was."""

from __future__ import annotations

import csv
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusemax.base.errors import FileError, UsageError
from fusemax.search.about import info, merge_files, verify
from fusemax.search.export import export_csv, export_parquet
from fusemax.search.store import Store, Study, open_store

STUDY = Study.of({"design": "d", "version": "1"}, {"design": "d"}, ["edge", "workload"], ["latency_s", "energy_pj"])


def points(numbers: range) -> list[tuple[int, str]]:
    return [(n, "bert") for n in numbers]


def figures(numbers: range) -> list[tuple[float, float | None]]:
    return [(n / 3, None if n % 2 else n * 1e9) for n in numbers]


def fill(store: Store, numbers: range) -> int:
    return store.add(STUDY, points(numbers), figures(numbers))


def test_rows_come_back_sorted_by_key(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.db") as store:
        assert fill(store, range(10)) == 10
        assert fill(store, range(5, 12)) == 2
        rows = list(store.rows())
    assert [row["key"] for row in rows] == sorted(str(row["key"]) for row in rows)
    assert {row["edge"]: row["latency_s"] for row in rows} == {n: n / 3 for n in range(12)}
    assert {row["edge"]: row["energy_pj"] for row in rows}[1] is None


@given(order=st.permutations(range(12)), cut=st.integers(1, 11))
def test_export_depends_on_the_points_alone(order: list[int], cut: int) -> None:
    with open_store(None) as whole, open_store(None) as parts:
        fill(whole, range(12))
        for some in (order[:cut], order[cut:]):
            parts.add(STUDY, [(n, "bert") for n in some], [figures(range(n, n + 1))[0] for n in some])
        assert export_csv(whole, None) == export_csv(parts, None)


def test_export_writes_unknown_and_full_precision(tmp_path: Path) -> None:
    with open_store(None) as store:
        fill(store, range(1, 2))
        export_csv(store, tmp_path / "x.csv")
    head, row = (tmp_path / "x.csv").read_text().splitlines()
    assert head == "key,design,edge,workload,latency_s,energy_pj"
    assert row.split(",")[1:] == ["d", "1", "bert", repr(1 / 3), "unknown"]


def test_export_of_plain_numbers_is_that_of_the_csv_module() -> None:
    """Where a store has one study of whole numbers, lines are put together faster; they are the same."""
    for about in ({}, {"design": 'a "quoted", name', "shape": [1, 2]}):
        one = Study.of({"code": "1"}, about, ["x", "y"], ["a", "b"])
        other = Study.of({"code": "2"}, {**about, "more": "z"}, ["x", "y"], ["a", "b"])
        with open_store(None) as alone, open_store(None) as both:
            for store in (alone, both):
                store.add(one, [(1, 2), (3, 4)], [(0.1, None), (1e300, -2.0)])
            both.add(other, [(1, 2)], [(0.1, 1.0)])
            fast = list(csv.DictReader((export_csv(alone, None) or "").splitlines()))
            slow = list(csv.DictReader((export_csv(both, None) or "").splitlines()))
        assert fast == [{name: row[name] for name in fast[0]} for row in slow if not row["more"]]


def test_export_parquet(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    with open_store(None) as store:
        fill(store, range(4))
        export_parquet(store, tmp_path / "x.parquet")
        expected = [{**row} for row in store.rows()]
    assert polars.read_parquet(tmp_path / "x.parquet").to_dicts() == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"edge,latency\n1,2\n", "not an SQLite"), (b"SQLite format 3\0 and no more", "truncated")],
)
def test_foreign_files_are_refused_untouched(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "foreign.db"
    path.write_bytes(content)
    for write in (True, False):
        with pytest.raises(FileError, match=reason):
            open_store(path, write)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["foreign.db"]


def test_another_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(FileError, match="not a fusemax store"):
        open_store(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("keep", [60, 3000, 20_000])
def test_a_truncated_store_is_refused_untouched(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.db"
    with open_store(path) as store:
        fill(store, range(1000))
    whole = path.read_bytes()
    path.write_bytes(whole[:keep])
    for write in (True, False):
        with pytest.raises(FileError, match="truncated"):
            open_store(path, write)
    assert path.read_bytes() == whole[:keep]


def test_a_read_only_store_can_be_read_and_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with open_store(path) as store:
        fill(store, range(5))
    path.chmod(0o444)
    before = path.read_bytes()
    with pytest.raises(FileError, match="read-only"):
        open_store(path)
    with open_store(path, write=False) as store:
        assert len(store) == 5
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.db"]


def test_a_full_disk_adds_nothing_and_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with open_store(path) as store:
        fill(store, range(50))
        store.connection.execute("PRAGMA max_page_count = 8")
        with pytest.raises(FileError, match="full"):
            fill(store, range(50, 5000))
        assert len(store) == 50
    assert verify(path).is_whole
    with open_store(path) as store:
        assert fill(store, range(50, 60)) == 10


def test_a_damaged_page_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with open_store(path) as store:
        fill(store, range(1000))
    content = bytearray(path.read_bytes())
    content[20_000:20_400] = bytes(400)
    path.write_bytes(content)
    assert not verify(path).is_whole


@pytest.mark.parametrize("bit", [0, 70, 191])
def test_a_changed_figure_is_found(tmp_path: Path, bit: int) -> None:
    path = tmp_path / "a.db"
    with open_store(path) as store:
        fill(store, range(10))
        key = STUDY.key_of((3, "bert"))
        (blob,) = store.connection.execute("SELECT figures FROM points WHERE key = ?", (key,)).fetchone()
        changed = (int.from_bytes(blob, "little") ^ (1 << bit)).to_bytes(len(blob), "little")
        store.connection.execute("UPDATE points SET figures = ? WHERE key = ?", (changed, key))
    assert verify(path).faults == (f"point {key.hex()}: its figures are not those that were stored",)


def test_merge_keeps_points_once_and_refuses_contradictions(tmp_path: Path) -> None:
    for name, numbers in (("a.db", range(6)), ("b.db", range(4, 9))):
        with open_store(tmp_path / name) as store:
            fill(store, numbers)
    merged = merge_files(str(tmp_path / "c.db"), [str(tmp_path / "a.db"), str(tmp_path / "b.db")])
    assert (merged.new, merged.num_points) == (9, 9)
    assert info(tmp_path / "c.db").num_points == 9
    with open_store(tmp_path / "d.db") as store:
        store.add(STUDY, [(1, "bert")], [(7.0, 7.0)])
    with pytest.raises(UsageError, match="other figures"):
        merge_files(str(tmp_path / "d.db"), [str(tmp_path / "a.db")])


def _write(path: str, start: int) -> None:
    with open_store(path) as store:
        for n in range(start, start + 200, 20):
            fill(store, range(n, n + 20))


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(path, start)) for start in (0, 100)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    with open_store(path) as store:
        assert len(store) == 300
    assert verify(path).is_whole


KILLED = """
import sys
from tests.search.test_store import fill
from fusemax.search.store import open_store
store = open_store(sys.argv[1])
for n in range(0, 100000, 10):
    fill(store, range(n, n + 10))
    print(n, flush=True)
"""


def test_kill_leaves_whole_transactions(tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        for _ in range(20):
            last = int(process.stdout.readline())
        time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.stdout.read()
    with open_store(path) as store:
        number = len(store)
    assert number >= last + 10
    assert number % 10 == 0
    assert verify(path).is_whole
