import json
from pathlib import Path
from typing import ClassVar

import click
import pytest
from click.testing import CliRunner

from fusemax.base.result import Result
from fusemax.cli import options
from fusemax.cli.options import Output, emit, output_options, param_option, size_option


class Answer(Result):
    command: ClassVar[str] = "demo"

    def rows(self) -> list[dict[str, object]]:
        return [{"rank": "M", "passes": 3}]

    def document(self) -> dict[str, object]:
        return {"passes": 3}


@click.command()
@click.option("--many", is_flag=True)
@output_options()
def demo(many: bool, output: Output) -> None:
    emit([Answer(), Answer()] if many else Answer(), output)


def run(*arguments: str) -> str:
    done = CliRunner().invoke(demo, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def test_one_json_document_and_a_list_of_them() -> None:
    assert json.loads(run("--json")) == {"schema": "fusemax/demo/1", "passes": 3}
    assert run("--json") == run("--format", "json")
    assert json.loads(run("--json", "--many")) == [{"schema": "fusemax/demo/1", "passes": 3}] * 2


def test_csv_has_one_header() -> None:
    assert run("--format", "csv", "--many") == "rank,passes\nM,3\nM,3\n"


def test_a_table_for_people() -> None:
    assert run() == "rank  passes\n----  ------\nM          3\n"


def test_a_file_instead_of_stdout(tmp_path: Path) -> None:
    assert run("--json", "-o", str(tmp_path / "x.json")) == ""
    assert (tmp_path / "x.json").read_text() == run("--json")
    assert run("-o", "-") == run()


@pytest.mark.parametrize("arguments", [["--json", "--format", "csv"], ["--format", "xml"]])
def test_contradictions_and_unknown_formats(arguments: list[str]) -> None:
    assert CliRunner().invoke(demo, arguments).exit_code == 2


@click.command()
@size_option
@param_option
@click.option("--seq-lens", type=options.LENGTHS)
def sized(sizes: dict[str, int], params: dict[str, float], seq_lens: tuple[int, ...] | None) -> None:
    click.echo(f"{sizes} {params} {seq_lens}")


def test_sizes_parameters_and_lengths() -> None:
    done = CliRunner().invoke(sized, ["--size", "M=4K", "--size", "P=5", "--param", "EPS=1e-5", "--seq-lens", "1K, 4K"])
    assert done.output == "{'M': 4096, 'P': 5} {'EPS': 1e-05} (1024, 4096)\n"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--size", "M"], "expected RANK=N"),
        (["--size", "M=0"], "at least 1"),
        (["--size", "M=4", "--size", "M=8"], "given twice"),
        (["--param", "EPS=x"], "not a number"),
        (["--seq-lens", "1K,,4K"], "empty entry"),
    ],
)
def test_wrong_values(arguments: list[str], text: str) -> None:
    done = CliRunner().invoke(sized, arguments)
    assert done.exit_code == 2
    assert text in done.output


def test_catalogue_names_complete() -> None:
    items = options.CASCADE.shell_complete(click.Context(sized), sized.params[0], "attn_3p")
    assert "attn_3pass" in [item.value for item in items]
