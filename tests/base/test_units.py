import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusemax.base.errors import UsageError
from fusemax.base.units import (
    format_bytes,
    format_length,
    format_si,
    parse_bytes,
    parse_length,
    parse_quantity,
    parse_rate,
)


@pytest.mark.parametrize(
    ("text", "value"), [("4096", 4096), ("4K", 4096), ("4k", 4096), ("1M", 1 << 20), ("1.5K", 1536), (" 64 K ", 65536)]
)
def test_lengths(text: str, value: int) -> None:
    assert parse_length(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "K", "-4", "0", "4.5", "1.3K", "4KB", "four", "4 4", "1e99", "9" * 50, "٤", "0x10", "nan", "inf", "4\n4"],
)
def test_wrong_lengths_say_what_was_expected(text: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        parse_length(text)


@pytest.mark.parametrize(
    ("text", "value"), [("16MiB", 16 << 20), ("16 MiB", 16 << 20), ("64kB", 64000), ("12", 12), ("3B", 3), ("0", 0)]
)
def test_sizes(text: str, value: int) -> None:
    assert parse_bytes(text) == value


@pytest.mark.parametrize("text", ["16M", "MiB", "1.5B", "16mib", "-1"])
def test_wrong_sizes(text: str) -> None:
    with pytest.raises(UsageError):
        parse_bytes(text)


def test_rates() -> None:
    assert parse_rate("400GiB/s") == 400 * 2**30
    assert parse_rate("1TB/s") == 1e12
    for text in ("400GiB", "400Gi/s", "0GiB/s", "/s"):
        with pytest.raises(UsageError):
            parse_rate(text)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("0.56pJ", "energy", 0.56),
        ("1.2 nJ", "energy", 1200.0),
        ("940MHz", "frequency", 940e6),
        ("1.5us", "time", 1.5e-6),
        ("2 mm^2", "area", 2e6),
        ("3µm^2", "area", 3.0),
        ("250 mW", "power", 0.25),
    ],
)
def test_quantities(text: str, kind: str, value: float) -> None:
    assert parse_quantity(text, kind) == value


@pytest.mark.parametrize(("text", "kind"), [("0.56", "energy"), ("1 pW", "energy"), ("2um", "area"), ("3 xs", "time")])
def test_a_quantity_without_its_unit_is_refused(text: str, kind: str) -> None:
    with pytest.raises(UsageError, match="with its unit"):
        parse_quantity(text, kind)


@given(st.integers(1, 1 << 50))
def test_a_printed_length_reads_back(length: int) -> None:
    assert parse_length(format_length(length)) == length


@given(st.integers(0, 63))
def test_whole_powers_of_two_print_exactly(power: int) -> None:
    number, unit = format_bytes(1 << power).split()
    if power < 50:
        assert parse_bytes(number + unit) == 1 << power


def test_si() -> None:
    assert format_si(999.99, "s") == "1 ks"
    assert format_si(2.5e-16, "s") == "2.5e-16 s"
    assert format_si(-3e-3, "J") == "-3 mJ"
