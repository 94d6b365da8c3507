"""The built pages: whole, without inline scripts, and what the source in `web/` gives."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATIC = Path(str(files("fusemax.web") / "static"))
NAMES = ["app.css", "app.js", "icon.svg", "index.html"]


def test_every_built_file_is_there() -> None:
    assert sorted(path.name for path in STATIC.iterdir()) == NAMES
    assert all((STATIC / name).stat().st_size > 200 for name in NAMES)
    assert sum((STATIC / name).stat().st_size for name in NAMES) < 600_000


def test_the_shell_runs_under_a_strict_policy() -> None:
    shell = (STATIC / "index.html").read_text(encoding="utf-8")
    assert "<style" not in shell and not re.search(r"\s(on\w+|style)=", shell)
    assert re.findall(r"<script[^>]*>(.*?)</script>", shell, re.DOTALL) == [""]
    targets = re.findall(r'(?:src|href)="([^"#][^"]*)"', shell)
    assert targets and all(target.startswith("/") and not target.startswith("//") for target in targets)
    assert all((STATIC / target.removeprefix("/static/")).is_file() for target in targets if "static" in target)


def test_the_pages_name_no_other_host() -> None:
    for name in NAMES:
        text = (STATIC / name).read_text(encoding="utf-8")
        found = {url for url in re.findall(r"https?://[\w.-]+", text) if url != "http://www.w3.org"}  # a name space
        assert not found, f"{name}: {found}"


def test_the_lock_file_names_no_host() -> None:
    lock = (ROOT / "web" / "package-lock.json").read_text(encoding="utf-8")
    assert "integrity" in lock and "://" not in re.sub(r'"url": "[^"]*"', "", lock)


def test_the_built_files_are_what_the_source_gives(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (ROOT / "web" / "node_modules").is_dir():
        pytest.skip("the pages are not built again here: that needs node, and 'make web' once before")
    subprocess.run([node, "build.mjs", str(tmp_path)], cwd=ROOT / "web", check=True, timeout=120)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (STATIC / name).read_bytes(), f"{name}: run 'make web' and commit it"
