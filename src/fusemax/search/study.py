"""Studies and the keys of their points.

A study holds everything that its points share and that determines them. The key of a point is the hash of its study
followed by the point's own inputs, so that equal keys mean equal results, whichever process and machine found them,
and points that lie together in a sweep lie together in the file: keys that are hashes throughout would touch a page
for every point once a store is larger than memory.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fusemax.base.result import plain

__all__ = ["DIGEST", "Figures", "Inputs", "Study"]

DIGEST = 16
"""Bytes of a study's hash."""

Inputs = Sequence[Sequence[object]] | npt.NDArray[np.int64]
Figures = Sequence[Sequence[float | None]] | npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]

_TEXT = b"["  # inputs that are not all whole numbers are JSON; numbers up to _MOST begin with a smaller byte
_MOST = 1 << 62
_SEED = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class Study:
    """What the points of one study share: ``about`` (shown in every row), the names of inputs and of figures."""

    text: str
    digest: bytes
    about: Mapping[str, object]
    axes: tuple[str, ...]
    figures: tuple[str, ...]

    @staticmethod
    def of(
        determined_by: Mapping[str, object], about: Mapping[str, object], axes: Sequence[str], figures: Sequence[str]
    ) -> Study:
        """A study of points; ``determined_by`` is all that its figures depend on besides the axes."""
        whole = {"by": determined_by, "about": about, "axes": list(axes), "figures": list(figures)}
        return Study.read(json.dumps(plain(whole), ensure_ascii=False, sort_keys=True, separators=(",", ":")))

    @staticmethod
    def read(text: str) -> Study:
        """A study from its text."""
        found = json.loads(text)
        digest = hashlib.blake2b(text.encode(), digest_size=DIGEST).digest()
        return Study(text, digest, found["about"], tuple(found["axes"]), tuple(found["figures"]))

    @property
    def blob_bytes(self) -> int:
        """Length of a point's figures, check included."""
        return 8 * (len(self.figures) + 1)

    def key_of(self, values: Sequence[object]) -> bytes:
        """The key of one point by its inputs, in the order of ``axes``."""
        if all(isinstance(v, int) and not isinstance(v, bool) and 0 <= v < _MOST for v in values):
            return self.digest + struct.pack(f">{len(values)}q", *values)
        return self.digest + json.dumps([plain(v) for v in values], ensure_ascii=False, separators=(",", ":")).encode()

    def keys(self, points: Inputs) -> list[bytes]:
        """The keys of points: an array is taken at once."""
        if not isinstance(points, np.ndarray) or not points.size or points.min() < 0 or points.max() >= _MOST:
            return [self.key_of(values) for values in (points.tolist() if isinstance(points, np.ndarray) else points)]
        whole = np.empty((len(points), DIGEST + 8 * points.shape[1]), dtype=np.uint8)
        whole[:, :DIGEST] = np.frombuffer(self.digest, dtype=np.uint8)
        whole[:, DIGEST:] = np.ascontiguousarray(points.astype(">i8")).view(np.uint8)
        return _cut(whole.tobytes(), whole.shape[1])

    def inputs(self, key: bytes) -> list[object]:
        """The inputs of a point by its key. ValueError for bytes that are no key of this study."""
        body = key[DIGEST:]
        found = json.loads(body) if body[:1] == _TEXT else list(struct.unpack(f">{len(self.axes)}q", body))
        if len(found) != len(self.axes):
            raise ValueError(f"{len(found)} inputs, expected {len(self.axes)}")
        return list(found)

    def table(self, keys: Sequence[bytes]) -> npt.NDArray[np.int64] | None:
        """The inputs of points at once, a row each; None where some are not whole numbers."""
        length = DIGEST + 8 * len(self.axes)
        if any(len(key) != length or key[DIGEST : DIGEST + 1] == _TEXT for key in keys):
            return None
        whole = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), length)
        return np.ascontiguousarray(whole[:, DIGEST:]).view(">i8").astype(np.int64)

    def all_inputs(self, keys: Sequence[bytes]) -> list[list[object]]:
        """The inputs of points. ValueError for bytes that are no keys of this study."""
        table = self.table(keys)
        return [self.inputs(key) for key in keys] if table is None else table.tolist()

    def pack(self, keys: Sequence[bytes], figures: Figures) -> list[bytes]:
        """Figures as they are stored, each with the check of its key and figures; NaN and None are unknown."""
        array = np.array(figures, dtype=np.float64).reshape(len(keys), len(self.figures))
        array[np.isnan(array)] = math.nan  # one NaN, so that equal figures are equal bytes
        array = array + 0.0  # and one zero
        whole = np.empty((len(keys), len(self.figures) + 1), dtype="<u8")
        whole[:, :-1] = array.astype("<f8").view("<u8")
        for rows, words in _words(keys):
            whole[rows, -1] = _checks(words, whole[rows, :-1])
        return _cut(whole.tobytes(), self.blob_bytes)

    def unpack(self, blobs: Sequence[bytes]) -> npt.NDArray[np.float64]:
        """Figures as they were packed, a row per point; NaN is unknown."""
        whole = np.frombuffer(b"".join(blobs), dtype="<f8").reshape(len(blobs), len(self.figures) + 1)
        return whole[:, :-1].astype(np.float64)

    def damaged(self, keys: Sequence[bytes], blobs: Sequence[bytes]) -> list[int]:
        """Which points have not the check of their key and figures."""
        fitting = [i for i, blob in enumerate(blobs) if len(blob) == self.blob_bytes]
        wrong = set(range(len(blobs))) - set(fitting)
        whole = np.frombuffer(b"".join(blobs[i] for i in fitting), dtype="<u8").reshape(len(fitting), -1)
        for rows, words in _words([keys[i] for i in fitting]):
            bad = _checks(words, whole[rows, :-1]) != whole[rows, -1]
            wrong.update(fitting[i] for i in np.arange(len(fitting))[rows][bad])
        return sorted(wrong)


def _cut(data: bytes, length: int) -> list[bytes]:
    return [data[i : i + length] for i in range(0, len(data), length)]


def _words(keys: Sequence[bytes]) -> Iterator[tuple[slice, Words]]:
    """Runs of keys of one length as rows of words."""
    is_alike = len(set(map(len, keys))) == 1
    start = 0
    for length, run in [(len(keys[0]), keys)] if is_alike else itertools.groupby(keys, len):
        some = list(run)
        padding = bytes(-length % 8)
        joined = padding.join(some) + padding
        yield slice(start, start + len(some)), np.frombuffer(joined, dtype="<u8").reshape(len(some), -1)
        start += len(some)


def _checks(*parts: Words) -> Words:
    """Sums of words, each times an odd number of its own: any one changed word changes the sum."""
    found = np.zeros(len(parts[0]), dtype=np.uint64)
    factor = 1
    for part in parts:
        for column in part.T:
            factor = (factor * _SEED + 2) % (1 << 64) | 1
            found += column * np.uint64(factor)
    return found
