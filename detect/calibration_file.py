"""Calibrations as JSON: read in full or refused in one line.

    assay_calibration  version of this format
    signature          what a score must share
    data, created, n_given, left_out, clustered, seed
    text_filter        version of the rule that left texts of unusual form out, if one did
    scores_sha256      of the null samples; a file edited by hand is refused
    groups             one a line: label, low, high (half-open), n, smallest_p, levels, scores (ascending
                       float32), and repeats (documents with each score) where one is above 1

`n`, `smallest_p`, and of a level all but `held_out`, are there for people: on reading they are computed anew from the
scores, so that a file cannot contradict itself.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from assay.errors import BadCalibration

from .calibration import Calibration, Group, Signature
from .conformal import NullScores, from_repeats
from .intervals import binomial_interval
from .levels import HeldOut, Level, order_statistic_interval

FORMAT = 1


def to_json(calibration: Calibration) -> str:
    """Return the calibration as JSON text, a field a line and a group a line."""
    head: dict[str, Any] = {
        "assay_calibration": FORMAT,
        "signature": {**asdict(calibration.signature), "scorer": dict(calibration.signature.scorer)},
        "data": calibration.data,
        "created": calibration.created,
        "n_given": calibration.n_given,
        "left_out": dict(calibration.left_out),
        "clustered": calibration.clustered,
        "seed": calibration.seed,
        "text_filter": calibration.text_filter,
        "scores_sha256": calibration.sha256,
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in head.items()]
    groups = ",\n".join(json.dumps(_with_scores(group), ensure_ascii=False) for group in calibration.groups)
    return "{\n" + ",\n".join(lines) + ',\n"groups": [\n' + groups + "\n]\n}\n"


def from_json(text: str) -> Calibration:
    """Return the calibration that `to_json` wrote.

    Raises:
        BadCalibration: if it is not one, is of another format, or its scores were changed.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadCalibration(f"not JSON: {error}") from None
    if not isinstance(content, dict) or "assay_calibration" not in content:
        raise BadCalibration("not a calibration; make one with `assay calibrate`")
    version: Any = content["assay_calibration"]
    if version != FORMAT:
        raise BadCalibration(
            f"assay_calibration must be {FORMAT}, got {version!r}; another version of Assay may read it"
        )
    try:
        calibration = _parse(content)
    except KeyError as error:
        raise BadCalibration(f"{error.args[0]} is missing") from None
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadCalibration(f"malformed: {str(error).splitlines()[0]}") from None
    if calibration.sha256 != content.get("scores_sha256"):
        raise BadCalibration("the scores are not those that scores_sha256 was made of; calibrate again")
    return calibration


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write the calibration whole or not at all.

    Raises:
        BadCalibration: if the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(to_json(calibration), encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise BadCalibration(f"cannot write calibration {path}: {error.strerror}") from None


def read_calibration(path: Path) -> Calibration:
    """Read a calibration.

    Raises:
        BadCalibration: in one line that names the file.
    """
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadCalibration(f"calibration {path} does not exist; make one with `assay calibrate`") from None
    except OSError as error:
        raise BadCalibration(f"cannot read calibration {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadCalibration(f"calibration {path}: not JSON: not UTF-8; make one with `assay calibrate`") from None
    except BadCalibration as error:
        said = str(error)
        advice = "" if ";" in said else "; make one with `assay calibrate`"
        raise BadCalibration(f"calibration {path}: {said}{advice}") from None


def group_record(group: Group) -> dict[str, Any]:
    """Return what is to be known of a group, without its scores, ready for JSON."""
    null = group.null
    head = {"label": group.label, "low": group.low, "high": group.high, "n": null.n, "smallest_p": null.smallest_p}
    return {**head, "levels": [_level_record(level) for level in group.levels]}


def _with_scores(group: Group) -> dict[str, Any]:
    null = group.null
    listed = bool((null.repeats == 1).all())
    scores = [float(str(np.float32(score))) for score in null.scores]  # the shortest decimal that names the float32
    repeats: dict[str, Any] = {} if listed else {"repeats": null.repeats.tolist()}
    return {**group_record(group), "scores": scores, **repeats}


def _level_record(level: Level) -> dict[str, Any]:
    record: dict[str, Any] = {"alpha": level.alpha, "rank": level.rank, "cut": float(str(np.float32(level.cut)))}
    record["achieved_95"] = [level.achieved.low, level.achieved.high]
    if level.held_out is not None:
        held = asdict(level.held_out)
        held["rate"] = level.held_out.flagged / level.held_out.tested
        held["interval"] = [level.held_out.interval.low, level.held_out.interval.high]
        record["held_out"] = held
    return record


def _parse(content: Mapping[str, Any]) -> Calibration:
    groups = tuple(_parse_group(record) for record in content["groups"])
    _check_groups(groups)
    return Calibration(
        signature=_parse_signature(content["signature"]),
        groups=groups,
        data=_text(content["data"]),
        created=_text(content["created"]),
        n_given=int(content["n_given"]),
        left_out={str(k): int(v) for k, v in content["left_out"].items()},
        clustered=bool(content["clustered"]),
        seed=int(content["seed"]),
        text_filter=_text(content.get("text_filter", "")),
    )


def _parse_signature(record: Mapping[str, Any]) -> Signature:
    names = {field.name for field in fields(Signature)}
    for name in record:
        if name not in names:
            raise BadCalibration(f"signature.{name} is unknown; expected {', '.join(sorted(names))}")
    texts = {name: _text(record[name]) for name in names - {"scorer"}}
    if not isinstance(record["scorer"], dict):
        raise BadCalibration(f"signature.scorer must be a table, got {record['scorer']!r}")
    return Signature(**texts, scorer=record["scorer"])


def _parse_group(record: Mapping[str, Any]) -> Group:
    scores = np.asarray(record["scores"], np.float32).astype(np.float64)
    repeats = np.asarray(record.get("repeats", np.ones(len(scores))), np.int64)
    if scores.ndim != 1 or not len(scores) or not np.isfinite(scores).all() or (np.diff(scores) <= 0).any():
        raise BadCalibration("scores of a group must be finite and ascend")
    if repeats.shape != scores.shape or (repeats < 1).any():
        raise BadCalibration(f"repeats must be one positive count a score, got {len(repeats)} for {len(scores)}")
    null = from_repeats(scores, repeats)
    made = tuple(_parse_level(null, level) for level in record["levels"])
    return Group(_text(record["label"]), int(record["low"]), int(record["high"]), null, made)


def _parse_level(null: NullScores, record: Mapping[str, Any]) -> Level:
    alpha = float(record["alpha"])
    held: HeldOut | None = None
    if "held_out" in record:
        values = {name: value for name, value in record["held_out"].items() if name != "rate"}
        values["interval"] = binomial_interval(values["flagged"], values["tested"], 0.95)
        held = HeldOut(**values)
    rank = null.rank(alpha)
    return Level(alpha, rank, null.cut(alpha), order_statistic_interval(rank, null.n), held)


def _check_groups(groups: tuple[Group, ...]) -> None:
    if not groups:
        raise BadCalibration("groups must not be empty")
    for group, after in zip(groups, (*groups[1:], None), strict=True):
        if group.low >= group.high:
            raise BadCalibration(f"group {group.label!r} has lengths {group.low} to {group.high}, expected low < high")
        if after is not None and after.label < group.label:
            raise BadCalibration(f"groups must be sorted by label, got {after.label!r} after {group.label!r}")
        if after is not None and after.label == group.label and after.low != group.high:
            raise BadCalibration(f"lengths of group {group.label!r} do not join: {group.high} and then {after.low}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value
