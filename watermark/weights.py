"""Which safetensors files of a folder transformers reads as the model's weights, and what their headers say.

Other safetensors files beside them (`consolidated.safetensors`, adapters) are not counted. Nothing but headers is read.
"""

from collections import Counter
from dataclasses import dataclass
from math import prod
from pathlib import Path

from assay.errors import ModelError

from .config import read_json
from .hub import is_file

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
_ADAPTERS = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")
_HEADS = ("lm_head.weight", "embed_out.weight")


@dataclass(frozen=True)
class WeightFacts:
    """What the headers of weights say.

    Attributes:
        parameters: how many numbers they hold; a tied head counts once.
        dtype: element type that most of them have, as safetensors names it.
        size_bytes: size of the files.
    """

    parameters: int
    dtype: str
    size_bytes: int


def weight_files(folder: Path, name: str, whole: bool = True) -> list[Path]:
    """Return the files that transformers would read: `model.safetensors`, else all shards of its index.

    Of a folder that need not be `whole` (a repository of which the rest can be fetched) absent files give [].

    Raises:
        ModelError: in one line, naming what is missing, if there are none.
    """
    if is_file(folder / WEIGHTS):
        return [folder / WEIGHTS]
    if is_file(folder / INDEX):
        shards = _shards(folder / INDEX)
        missing = [shard for shard in shards if not is_file(folder / shard)]
        if missing and whole:
            raise ModelError(
                f"the weights of {name} are incomplete: {missing[0]}, named by {INDEX}, is missing "
                f"({len(missing)} of {len(shards)} files); copy or download the model again"
            )
        return [] if missing else [folder / shard for shard in shards]
    found = _instead(folder)
    if whole or "pickles" in found:
        raise ModelError(
            f"{name} has {found}, expected {WEIGHTS} or {INDEX} with its shards; save it with save_pretrained"
        )
    return []


def is_adapter(folder: Path) -> bool:
    """Return whether the folder holds an adapter (LoRA and the like), which is no model by itself."""
    return any(is_file(folder / name) for name in _ADAPTERS)


def read_weights(files: list[Path], tied: bool) -> WeightFacts:
    """Return what the headers of `files` say; where embeddings are `tied`, a head saved beside them is left out.

    Raises:
        ModelError: in one line, if one of them cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    tensors: dict[str, tuple[tuple[int, ...], str]] = {}
    for path in files:
        try:
            path.open("rb").close()  # safetensors calls a file that may not be read one that is not there
            with safe_open(path, framework="numpy") as content:
                for name in content.keys():  # noqa: SIM118 (not a dict)
                    part = content.get_slice(name)
                    tensors[name] = (tuple(part.get_shape()), part.get_dtype())
        except SafetensorError as error:
            raise ModelError(f"{path} is not a safetensors file: {error}; download or save it again") from None
        except OSError as error:
            raise ModelError(f"cannot read {path}: {error.strerror or error}") from None
    if tied:
        bodies = {shape for name, (shape, _) in tensors.items() if not name.endswith(_HEADS)}
        tensors = {name: t for name, t in tensors.items() if not name.endswith(_HEADS) or t[0] not in bodies}
    numbers: Counter[str] = Counter()
    for shape, dtype in tensors.values():
        numbers[dtype] += prod(shape)
    most = numbers.most_common(1)[0][0] if numbers else "none"
    return WeightFacts(numbers.total(), most, sum(path.stat().st_size for path in files))


def _shards(index: Path) -> list[str]:
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not names or not all(isinstance(name, str) for name in names.values()):
        raise ModelError(f"{index} is not an index of weights: expected a weight_map of tensor and file names")
    return sorted(set(names.values()))


def _instead(folder: Path) -> str:
    """Say what lies where the weights should be."""
    path = folder / WEIGHTS
    if path.is_symlink() and not path.exists():
        return f"a {WEIGHTS} that is a broken link"
    if path.is_dir():
        return f"a {WEIGHTS} that is a folder"
    if is_adapter(folder):
        return "only an adapter (merge it into its base model)"
    pickles = sorted(p.name for kind in ("*.bin", "*.pt", "*.pth") for p in folder.glob(kind))
    if pickles:
        return f"only {', '.join(pickles[:3])} (pickles can run code)"
    others = sorted(p.name for p in folder.glob("*.safetensors"))
    return f"only {', '.join(others[:3])} as weights" if others else "no weights"
