"""Prompts for the attack `rewrite`, in a text file that anybody can write: parted by lines of three hyphens, `{text}` for the passage."""

from importlib.resources import files
from pathlib import Path

from assay.errors import DataError

PLACE = "{text}"


def read_prompts(path: str) -> tuple[str, ...]:
    """Return the prompts of a file, or of the one shipped if `path` is empty.

    Raises:
        DataError: in one line, if it cannot be read, holds no prompt, or one of them has no place for the passage.
    """
    named = path or "the shipped prompts"
    try:
        source = Path(path) if path else Path(str(files("assay.eval"))) / "rewrite_prompts.txt"
        content = source.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read the prompts {named}: {error.strerror or error}; name a text file") from None
    except UnicodeDecodeError as error:
        raise DataError(f"the prompts {named} are not UTF-8: {error.reason} at byte {error.start}") from None
    parts: list[list[str]] = [[]]
    for line in content.splitlines():
        if line.strip() == "---":
            parts.append([])
        elif not line.startswith("#"):
            parts[-1].append(line)
    prompts = tuple(prompt for part in parts if (prompt := "\n".join(part).strip()))
    if not prompts:
        raise DataError(f"{named} holds no prompt; expected prompts parted by lines of ---, each with {PLACE}")
    for number, prompt in enumerate(prompts, 1):
        if PLACE not in prompt:
            raise DataError(f"prompt {number} of {named} has no {PLACE}; write it where the passage shall stand")
    return prompts
