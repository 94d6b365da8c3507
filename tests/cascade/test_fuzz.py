"""Untrusted text is safe: whatever the bytes, the answer is a cascade or a located error, soon."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusemax.base.errors import FusemaxError, SourceError, SourceErrors
from fusemax.cascade import catalogue, check_rules, load, parse, print_cascade
from fusemax.cascade.edge import print_edge
from fusemax.cascade.ir import Cascade
from fusemax.cascade.latex import print_latex
from fusemax.cascade.sizes import known_sizes
from fusemax.cascade.unicode import print_unicode

PIECES = (
    *"()[]=:,+-*/%<>!#\"\\\n\t 0179mMkKeEpP_.",
    "::", "//", "<=", "==", "!=", "and", "or", "not", "inf", "pi", "max", "exp",
    "topk", "argtopk", "where", "iterate", "until", "downto", "init:", "then:", "input", "output", "partition", "alias",
    "equal", "sizes", "expect", "parameter", "conflict", "sweeps", "m1", "M1", "m0", "M0", "K[e, m]", "QK", "GM[p]",
    "1e999", "0", "\r", "\x00", "\u00e9", "\ufeff", "\u2028", "\U0001f600",
)  # fmt: skip


def read(text: str) -> Cascade | None:
    """The legal cascade, or None after checking that the errors are located inside the text."""
    begin = time.process_time()
    try:
        return check_rules(parse(text))
    except (SourceError, SourceErrors) as error:
        lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
        for one in error.errors if isinstance(error, SourceErrors) else (error,):
            assert 1 <= one.line <= len(lines)
            assert 1 <= one.column <= len(lines[one.line - 1]) + 1
            assert one.message
            str(one)
        return None
    finally:
        assert time.process_time() - begin < 5


def survives(text: str) -> None:
    cascade = read(text)
    if cascade is None:
        return
    canonical = print_cascade(cascade)
    assert parse(canonical) == cascade
    assert print_cascade(parse(canonical)) == canonical
    for form in (print_edge, print_latex, print_unicode):
        assert form(cascade)
    known_sizes(cascade)


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    survives(text)


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_pieces_of_the_language(pieces: list[str]) -> None:
    survives("cascade x\n" + " ".join(pieces))
    survives("cascade x\ninput K[e, m]\noutput Z\nZ = " + "".join(pieces))


@given(st.binary(max_size=300))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = Path(tmp_path_factory.getbasetemp()) / "bytes.cascade"
    for content in (data, b"cascade x\n" + data, b"\xff\xfe" + data, b"\xef\xbb\xbf" + data):
        path.write_bytes(content)
        report = ""
        try:
            load(str(path))
        except FusemaxError as error:
            report = str(error)
        assert not report or report.startswith(f"{path}:")


def mutated(text: str, chance: random.Random) -> str:
    """A text with a few characters, words or lines removed, doubled, swapped or replaced."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        lines = text.split("\n")
        match chance.randrange(6):
            case 0:
                at = chance.randrange(len(text) + 1)
                text = text[:at] + chance.choice(PIECES) + text[at:]
            case 1:
                at = chance.randrange(len(text) or 1)
                text = text[:at] + text[at + chance.randrange(1, 6) :]
            case 2:
                at = chance.randrange(len(lines))
                text = "\n".join([*lines[:at], *lines[at + 1 :]])
            case 3:
                a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
                lines[a], lines[b] = lines[b], lines[a]
                text = "\n".join(lines)
            case 4:
                at = chance.randrange(len(lines))
                text = "\n".join([*lines[:at], lines[at], *lines[at:]])
            case _:
                words = [word for word in PIECES if word.isalnum()]
                text = text.replace(chance.choice(words), chance.choice(words), chance.choice((1, 2, -1)))
    return text


@given(st.sampled_from(catalogue()), st.integers(0, 2**32))
def test_mutated_catalogue_texts(name: str, seed: int) -> None:
    origin = load(name).origin
    assert origin is not None
    chance = random.Random(seed)
    for _ in range(4):
        survives(mutated(origin.text, chance))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "K[" * 100_000,
        "not " * 50_000,
        "A = " + "1 + " * 50_000 + "1",
        "A = " + "x" * 500_000,
        "A = " + "max(" * 20_000,
        "A[" + "m, " * 50_000 + "m] = 1",
        "A = 1 :: " + "max(m) " * 25_000,
        "A = " + "9" * 500_000,
        "A = 1 # " + "#" * 500_000,
        'title "' + "\\\\" * 200_000,
        "\n".join(f"A{i} = A{i - 1}" for i in range(20_000)),
        "\n" * 500_000,
        " " * 500_000,
        "iterate m until M:\n" * 20_000,
    ],
)
def test_large_texts_take_bounded_time(text: str) -> None:
    begin = time.process_time()
    read(f"cascade x\ninput K[e, m]\noutput Z\n{text}\n")
    assert time.process_time() - begin < 10
