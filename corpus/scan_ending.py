"""What a run of a scan says at its end: what could not be read, which shards are missing, and what to do about each.

All of it is read from the ledger and from what the inputs are now; nothing is written. The report holds the same in full.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import DataError

from .ledger import Ledger
from .remote import identity_of, is_url

if TYPE_CHECKING:
    from .shards import Plan, Shard

_NAMED = 5  # reasons in the line; the report has all


@dataclass
class Losses:
    """What could not be read or scored in some shards.

    Attributes:
        by_reason: how often each; "error" is of the scorer.
        first: the first one in the order of the plan, "" for none.
        texts: documents that were read, whether the sample holds them or not.

    """

    by_reason: Counter[str] = field(default_factory=Counter[str])
    first: str = ""
    texts: int = 0

    @property
    def nothing_read(self) -> bool:
        """Whether there was something to read, and not one text came of it."""
        return not self.texts and bool(self.by_reason)

    def line(self, report: str) -> str:
        """Return one line that says it all, "" if nothing was lost; `report` says where there is more."""
        if not self.by_reason:
            return ""
        named = [f"{reason} {count:,}" for reason, count in self.by_reason.most_common(_NAMED)]
        if (more := len(self.by_reason) - _NAMED) > 0:
            named.append(f"{more} other reasons")
        total = self.by_reason.total()
        if self.nothing_read:
            said = f"not one document was read, and {total:,} items could not be"
        else:
            what = "read or scored" if "error" in self.by_reason else "read"
            said = f"{total:,} item{'s' * (total != 1)} could not be {what}"
        line = f"{said}: {', '.join(named)}; first: {self.first}; {report}"
        if self.nothing_read and "no_text_field" in self.by_reason:
            line += "; give the right --text-field, and another --out"
        return line


def losses(ledger: Ledger, names: Iterable[str]) -> Losses:
    """Return what was lost in the finished shards among `names`, which stand in the order of the plan."""
    found = Losses()
    for name in names:
        done = ledger.done(name)
        if done is None:
            continue
        counts = done["counts"]
        found.by_reason.update(counts["lost"])
        found.texts += counts["documents"] + counts["not_sampled"]
        if not found.first and counts["losses"]:
            one = counts["losses"][0]
            found.first = f"{done['shard']['path']}:{one['offset']} {one['message']}"
    return found


def advice(shards: Sequence["Shard"], failed: Mapping[str, str]) -> list[str]:
    """Return a line for each cause for which shards could not be finished, with what to do about it."""
    by_cause: dict[str, list[tuple[Shard, str]]] = {}
    for shard in shards:
        if shard.name in failed:
            by_cause.setdefault(_cause(shard), []).append((shard, failed[shard.name]))
    lines: list[str] = []
    for cause, those in by_cause.items():
        count, (shard, why) = len(those), those[0]
        got = f"{count:,} shard{'s' * (count != 1)} could not be finished, {shard.name} first"
        lines.append(f"{got}: {_WHAT_TO_DO[cause].format(path=shard.path, why=why)}")
    return lines


_REPORT_ONLY = "--report-only reports on the shards that are finished"
_WHAT_TO_DO = {
    "gone": "{path} is gone; give the file back (as it was, with its time) and run the same command, or scan the others"
    f" into another --out; {_REPORT_ONLY}",
    "changed": "{path} has changed since the scan began; put it back as it was (with its time) and run the same command,"
    f" or scan what there is now into another --out; {_REPORT_ONLY}",
    "other": "{why}; all others are; the same command tries them again",
}


def _cause(shard: "Shard") -> str:
    """Tell by the input as it is now why a shard failed: one that is back can be tried again."""
    try:
        return "other" if identity_of(shard.path) == shard.identity else "changed"
    except DataError:
        return "gone"


def refused_by_name(inputs: Sequence[str], plan: "Plan") -> list[tuple[str, str]]:
    """Return the files that were named, not found in a folder or by a pattern, and are not read, with the reason."""
    named = {one if is_url(one) else str(Path(one).resolve()) for one in inputs}
    return [(path, why) for path, why in plan.refused if (path if is_url(path) else str(Path(path).resolve())) in named]
