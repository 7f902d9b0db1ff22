"""`assay detect`: find marks and unmarked machine text."""

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from assay.corpus.detect_files import Detector
    from assay.corpus.documents import Document
    from assay.detect.calibrated import Calibrated
    from assay.detect.classifier import Classifier
    from assay.detect.detection import Decision, Detection, Threshold
    from assay.watermark.profile import LoadedMark

_ALPHA_MARKS, _ALPHA_CLASSIFIERS = 1e-3, 1e-2
_PAGE_DOCUMENTS = 50


def _model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of classifiers and of the models that read a text for them."""
    for option in (
        click.option(
            "--dtype",
            default="auto",
            show_default=True,
            type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
            help="Arithmetic of the models.",
        ),
        click.option(
            "--device",
            default="auto",
            show_default=True,
            help="cpu, cuda, cuda:1 ...; auto takes a GPU if there is one.",
        ),
        click.option(
            "--group", help="Group of the calibration that all texts are of  [default: the least favourable one]"
        ),
        click.option(
            "--calibration",
            "calibrations",
            multiple=True,
            type=click.Path(path_type=Path),
            help="Calibration of a classifier, or of its stretches, repeatable  [default: those beside the classifier]",
        ),
        click.option(
            "--classifier",
            "classifiers",
            multiple=True,
            help="Look for unmarked machine text too: a shipped name, a folder, METRIC:MODEL, hf:ID; repeatable.",
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
@click.option(
    "--mark", "marks", multiple=True, type=click.Path(path_type=Path), help="Profile to look for; repeatable."
)
@_model_options
@click.option(
    "--alpha",
    type=float,
    help="Chance that an unmarked human text is called detected  [default: 0.001; 0.01 with a classifier]",
)
@click.option(
    "--spans", is_flag=True, help="Also locate marked or machine-written stretches (family-wise corrected p)."
)
@click.option(
    "--min-tokens", type=click.IntRange(1), help="Abstain below this many scored tokens  [default: the profile's]"
)
@click.option("--model", help="Model whose tokenizer to use  [default: the one each profile names]")
@click.option("--text-field", default="text", show_default=True, help="Field that holds the text.")
@click.option("--with-text", is_flag=True, help="Keep the text in the output.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Also write a page that shows where; of the first {_PAGE_DOCUMENTS} documents.",
)
@click.option("--fail-on", type=click.Choice(["detected"]), help="Exit with 3 if any document is detected.")
def detect(
    files: tuple[str, ...],
    marks: tuple[Path, ...],
    classifiers: tuple[str, ...],
    calibrations: tuple[Path, ...],
    group: str | None,
    device: str,
    dtype: str,
    alpha: float | None,
    spans: bool,
    min_tokens: int | None,
    model: str | None,
    text_field: str,
    with_text: bool,
    html: Path | None,
    fail_on: str | None,
) -> None:
    """Find marks in texts, and unmarked machine text; one JSON line a document, in order.

    FILE is .jsonl (also .gz, .zst), .parquet, or .txt (one document); - or nothing is JSON Lines on stdin. A mark needs the profile, its
    key and the tokenizer; neither the prompt nor the model. A classifier needs a calibration on human text like yours, and abstains where
    that says nothing; its p-value cannot be smaller than the calibration allows. Stretches (--spans) are located by marks and by classifiers that
    read token by token (embedded, fusion), these with a calibration of stretches (assay calibrate --spans). All tests of a document share alpha.

    \b
    Example:
      assay detect texts.jsonl --mark mark.toml --spans | jq -c '[.id, .verdict, .log10_p]'
      assay detect texts.jsonl --classifier fast --calibration cal.json | jq -c '[.id, .verdict, .reasons]'
      assay detect news.jsonl --classifier fusion --group news | jq -c '[.id, .verdict, .log10_p]'
      assay detect texts.jsonl --classifier embedded --spans | jq -c '[.id, .detections[].spans]'
    """
    from assay.corpus.detect_files import detect_files
    from assay.corpus.writer import JsonLinesWriter
    from assay.detect.detection import Threshold

    _check_usage(files, marks, classifiers, calibrations, group, alpha, min_tokens, html)
    alpha = alpha or (_ALPHA_CLASSIFIERS if classifiers else _ALPHA_MARKS)
    threshold = Threshold(alpha, "calibration" if classifiers else "law", min_tokens)
    detectors: list[Detector] = []
    loaded: list[LoadedMark] = []
    if marks:
        from assay.detect.marks import MarkDetector
        from assay.watermark.profile import load_mark

        loaded = [load_mark(path) for path in marks]
        share = alpha * (len(marks) / (len(marks) + len(classifiers)))  # of the stretches that are shown
        detectors.append(MarkDetector(loaded, replace(threshold, alpha=share), spans=spans, model=model))
    if classifiers:
        found = _found(classifiers, device, dtype, spans, len(marks))
        calibrated = _calibrated(found, calibrations, spans, group, len(marks))
        detectors.append(_classifier_detector(calibrated, threshold, len(marks)))
    page = _Page(html, loaded, device) if html else None
    with JsonLinesWriter("-") as out:
        summary = detect_files(
            files or ("-",), detectors, threshold,
            write_all=out.write_all, say=_say, text_field=text_field, with_text=with_text, each=page and page.add,
        )  # fmt: skip
    if page:
        page.write()
    if summary.failed_files:
        raise SystemExit(1)
    if fail_on == "detected" and summary.verdicts["detected"]:
        raise SystemExit(3)


def _check_usage(
    files: tuple[str, ...],
    marks: tuple[Path, ...],
    classifiers: tuple[str, ...],
    calibrations: tuple[Path, ...],
    group: str | None,
    alpha: float | None,
    min_tokens: int | None,
    html: Path | None,
) -> None:
    if not marks and not classifiers:
        raise click.UsageError("nothing to look for: give at least one --mark MARK.toml or --classifier NAME")
    if alpha is not None and not (0.0 < alpha < 1.0 and math.isfinite(alpha)):
        raise click.BadParameter(f"must be between 0 and 1, got {alpha}", param_hint="--alpha")
    if twice := [spec for spec in dict.fromkeys(classifiers) if classifiers.count(spec) > 1]:
        raise click.UsageError(f"--classifier {twice[0]} is given {classifiers.count(twice[0])} times; name it once")
    if calibrations and not classifiers:
        raise click.UsageError(
            "--calibration says what a classifier's scores are worth; name the classifier with --classifier"
        )
    if group is not None and not classifiers:
        raise click.UsageError(
            "--group is a group of a classifier's calibration; name the classifier with --classifier"
        )
    if min_tokens and not marks:
        raise click.UsageError("--min-tokens is about marks; name one with --mark, or leave it out")
    if html and not html.absolute().parent.is_dir():
        raise click.BadParameter(f"the folder {html.parent} does not exist; make it first", param_hint="--html")
    if not files and sys.stdin.isatty():
        raise click.UsageError("no FILE given, and stdin is a terminal; name a file, or pipe JSON Lines in")


def _found(specs: tuple[str, ...], device: str, dtype: str, spans: bool, marks: int) -> list[tuple[str, "Classifier"]]:
    """Return the classifiers by what they were named; --spans is refused where none can locate anything."""
    from assay.detect.find_classifier import find_classifier
    from assay.detect.span_search import cannot_locate

    found = [(spec, find_classifier(spec, device=device, dtype=dtype)) for spec in specs]
    unable = [why for spec, classifier in found if (why := cannot_locate(spec, classifier))]
    if spans and not marks and len(unable) == len(found):
        raise click.UsageError(f"--spans: {'; '.join(unable)}; name a mark, or a classifier that does, or leave it out")
    return found


def _calibrated(
    found: list[tuple[str, "Classifier"]], calibrations: tuple[Path, ...], spans: bool, group: str | None, marks: int
) -> list["Calibrated"]:
    """Return the classifiers with their calibrations; what --spans leaves out is said, and refused where it leaves out all."""
    from assay.detect.calibrated import with_calibrations
    from assay.detect.span_search import cannot_locate
    from assay.errors import BadCalibration

    calibrated = with_calibrations(found, calibrations, spans=spans, group=group)
    unable = [cannot_locate(spec, classifier) for spec, classifier in found]
    missing = [one.no_spans for one in calibrated if one.no_spans]
    if not marks and len(missing) == len(calibrated):
        raise BadCalibration("; ".join(why for why in missing if why not in unable))
    for why in missing:
        _say(f"--spans leaves it out: {why}")
    return calibrated


def _classifier_detector(calibrated: list["Calibrated"], threshold: "Threshold", marks: int) -> "Detector":
    from assay.detect.classified import ClassifierDetector

    detectors = len(calibrated) + marks
    for one in calibrated:
        tests = detectors * (2 if one.span_calibration else 1)
        asked = filter(None, (one.calibration, one.span_calibration))
        smallest = min(calibration.reachable_p for calibration in asked)
        if smallest > threshold.share(tests):
            least = f"its smallest p-value {smallest:.2g} times {tests} test{'s' * (tests > 1)}"
            _say(
                f"{one.classifier.name} can detect nothing at --alpha {threshold.alpha:g}: {least} is more; "
                "raise alpha, look for less at once, or calibrate on more text"
            )
    share = threshold.alpha * (len(calibrated) / detectors)  # of the stretches that are shown
    spans = any(one.span_calibration for one in calibrated)
    return ClassifierDetector(calibrated, replace(threshold, alpha=share), spans=spans)


class _Page:
    """The page of the first documents; `add` is called with each."""

    def __init__(self, path: Path, marks: list["LoadedMark"], device: str) -> None:
        from assay.eval.detect_page import DetectPage

        self.path = path
        self.page = DetectPage(marks, device=device)
        self.seen = 0

    def add(self, document: "Document", decision: "Decision", detections: list["Detection"]) -> None:
        self.seen += 1
        if self.seen <= _PAGE_DOCUMENTS:
            self.page.add(document.id, document.text, decision, detections)

    def write(self) -> None:
        self.page.write(self.path)
        if self.seen > _PAGE_DOCUMENTS:
            _say(f"{self.path} shows the first {_PAGE_DOCUMENTS} of {self.seen:,} documents")


def _say(line: str) -> None:
    click.echo(f"assay: {line}", err=True)
