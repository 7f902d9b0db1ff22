"""The documentation is what the code does: generated pages are current, every block runs, every link leads somewhere."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BIN = Path(sys.executable).parent
ENVIRONMENT = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return what the headings of a page are linked by: lower case, hyphens for blanks, no punctuation."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def run_all(page: Path, folder: Path) -> None:
    """Run a page's shell blocks, then its Python blocks as one program, in one folder."""
    shell = "set -e\n" + "\n".join(blocks(page, "bash"))
    done = subprocess.run(
        ["bash", "-c", shell], cwd=folder, capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 0, done.stderr
    program = "\n".join(blocks(page, "python"))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 0, done.stderr


def test_command_reference_is_current() -> None:
    spec = importlib.util.spec_from_file_location("build_commands", ROOT / "docs" / "build_commands.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    current = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert current == module.reference(), "run `make docs`"


@pytest.mark.parametrize(
    "name", ["README.md", "docs/getting-started.md", "docs/unmarked-text.md", "docs/scan.md", "docs/measuring.md"]
)
def test_every_block_of_a_page_runs(name: str, tmp_path: Path) -> None:
    run_all(ROOT / name, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_a_heading_find_it(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        there = page.parent / target if target else page
        assert anchor in anchors(there), f"{page.name} links to {target}#{anchor}"


@pytest.mark.parametrize("folder", ["watermark", "detect", "corpus", "eval", "models", "bench"])
def test_every_module_of_a_folder_is_in_its_readme(folder: str) -> None:
    said = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    modules = {path.name for path in (ROOT / folder).glob("*.py")} - {"__init__.py", "record.py"}
    assert sorted(name for name in modules if f"`{name}`" not in said) == []


def test_no_figure_is_left_to_fill_in() -> None:
    for page in PAGES:
        assert "FIGURES_" not in page.read_text(encoding="utf-8"), page


def test_quality_and_cards_are_current() -> None:
    spec = importlib.util.spec_from_file_location("build_quality", ROOT / "docs" / "build_quality.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for path, text in module.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} of {path.parent.name}: run `make docs`"


def test_robustness_is_current() -> None:
    spec = importlib.util.spec_from_file_location("build_robustness", ROOT / "docs" / "build_robustness.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = ROOT / "docs" / "robustness.md"
    assert page.read_text(encoding="utf-8") == module.pages()[page], "run `make docs`"
