"""What is shipped, and what an import costs."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import assay
import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {
    "core": "assay",
    **{name: f"assay/{name}" for name in ("watermark", "detect", "corpus", "eval", "cli", "models")},
}
HEAVY = ("torch", "transformers", "scipy", "numba", "pyarrow", "matplotlib", "datasets")


def loaded_after(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(result.stdout.splitlines()[-1].split())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel from a copy of the tracked files, so that nothing stale gets in."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    weights = ROOT / "models" / "embedded" / "model.safetensors"
    shutil.copy(weights, source / "models" / "embedded")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(out),
        str(source),
    ]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_every_module_and_data_file_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    missing = [
        f"{place}/{path.relative_to(ROOT / folder)}"
        for folder, place in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and not (path.name == "README.md" and path.parent == ROOT / folder)
        if f"{place}/{path.relative_to(ROOT / folder)}" not in names
    ]
    assert missing == []


def test_the_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    for name in wheel.namelist():
        assert name.startswith(("assay/", "assay-")), name
        assert not name.endswith((".key", ".bin", ".pt", ".pkl")), name


def test_import_assay_costs_nothing() -> None:
    assert not loaded_after("import assay") & {*HEAVY, "numpy", "click"}


def test_help_imports_nothing_heavy() -> None:
    code = "import sys\nsys.argv = ['assay', '--help']\nfrom assay.cli.main import main\ntry:\n    main()\nexcept SystemExit:\n    pass"
    assert not loaded_after(code) & {*HEAVY, "numpy"}


@pytest.mark.parametrize("command", ["demo", "detect", "generate", "mark"])
def test_help_of_each_command_imports_nothing_heavy(command: str) -> None:
    code = f"import sys\nsys.argv = ['assay', '{command}', '--help']\nfrom assay.cli.main import main\ntry:\n    main()\nexcept SystemExit:\n    pass"
    assert not loaded_after(code) & set(HEAVY)


def test_every_public_name_is_there_and_homes_match() -> None:
    for name in assay.__all__:
        assert getattr(assay, name).__name__ == name
    assert set(assay.__all__) == set(assay._HOMES)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        assay.nothing  # noqa: B018


def test_the_version_is_the_same_everywhere() -> None:
    from importlib.metadata import version

    assert assay.__version__ == version("assay")
