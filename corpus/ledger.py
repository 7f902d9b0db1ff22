"""The folder a scan writes to, and what has to hold there: one configuration, one set of inputs, each shard once.

    scan.json               configuration, its fingerprint, the shards with the identity of their files, the detectors
    done/SHARD.json         counts, losses, hashes and tally of a finished shard; no times, so that it is always the same
    quarantine/SHARD.json   a shard that killed three workers, and where
    rows/SHARD.parquet      one row a document
    kept/, dropped/, attributes/   on request
    parts/SHARD/, claims/   what is needed to go on; gone when all is done
    timing/SHARD.json, throughput.json   all that depends on the machine
    report.json|html|md     a function of done/ and quarantine/ alone

A marker in done/ is written last (`durable.py`), so that a shard is finished exactly if it has one; statistics are sums over the
markers, and a run that was resumed says the same as one that was not.
"""

import contextlib
import os
import shutil
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from assay.errors import DataError

from .durable import full_disk_stops, read_json, short_path, write_json
from .remote import is_url
from .scan_config import differences, fingerprint

if TYPE_CHECKING:
    from .shards import Shard


class Ledger:
    """What stands in an output folder. Making one touches nothing.

    Raises:
        DataError: if `folder` is a URL: claims need locks, and files that are renamed at once.

    """

    def __init__(self, folder: str | Path) -> None:
        if is_url(str(folder)):
            got = f"--out {folder} is a URL, expected a folder of a file system"
            raise DataError(f"{got}; name one, and copy it when the scan is done")
        self.folder = Path(folder)
        self.claims = self.folder / "claims"

    def rows(self, name: str) -> Path:
        """Return the path of a finished shard's table."""
        return self.folder / "rows" / f"{name}.parquet"

    def parts(self, name: str) -> Path:
        """Return the folder of an unfinished shard's segments."""
        return self.folder / "parts" / name

    def done(self, name: str) -> dict[str, Any] | None:
        """Return the marker of a finished shard, None if it is not finished."""
        return read_json(self.folder / "done" / f"{name}.json")

    def is_done(self, name: str) -> bool:
        """Whether a shard is finished."""
        return (self.folder / "done" / f"{name}.json").exists()

    def quarantined(self, name: str) -> dict[str, Any] | None:
        """Return why a shard was given up, None if it was not."""
        return read_json(self.folder / "quarantine" / f"{name}.json")

    def timing(self, name: str) -> dict[str, Any] | None:
        """Return how long a finished shard took, and how much it held; None if it is not known."""
        return read_json(self.folder / "timing" / f"{name}.json")

    def write(self, kind: str, name: str, record: dict[str, Any]) -> None:
        """Write the record of a shard: kind is done, quarantine or timing."""
        (self.folder / kind).mkdir(parents=True, exist_ok=True)
        write_json(self.folder / kind / f"{name}.json", record, durably=kind != "timing")

    def release(self, name: str) -> None:
        """Take a shard out of quarantine, with what its workers died of, to try it again."""
        (self.folder / "quarantine" / f"{name}.json").unlink(missing_ok=True)
        (self.claims / f"{name}.json").unlink(missing_ok=True)

    def read_scan(self) -> dict[str, Any]:
        """Return scan.json.

        Raises:
            DataError: if there is none: the folder holds no scan.

        """
        with self.usable():
            found = read_json(self.folder / "scan.json")
        if found is None:
            raise DataError(f"{self.folder} holds no scan.json, expected the --out folder of a scan; name that one")
        return found

    def begin(
        self,
        config: dict[str, Any],
        shards: Sequence["Shard"],
        refused: Sequence[tuple[str, str]],
        detectors: Sequence[dict[str, Any]],
    ) -> dict[str, Any]:
        """Make the folder this scan's, or check that it is, and return scan.json.

        Raises:
            DataError: if it belongs to another configuration, to other inputs, or holds something that is no scan.
            OutputError: if the disk is full.

        """
        record: dict[str, Any] = {
            "config": config,
            "fingerprint": fingerprint(config),
            "shards": [{**shard.to_record(), "name": shard.name} for shard in shards],
            "refused": [list(one) for one in refused],
            "detectors": list(detectors),
        }
        found = self.check(config, shards)
        if found is not None:
            return found
        with self.usable(), full_disk_stops(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = self.folder / f"scan.json.{os.getpid()}.new"
            write_json(temporary, record)
            try:
                os.link(temporary, self.folder / "scan.json")  # of two runs that begin at once, one is first
            except FileExistsError:
                pass
            except OSError:  # no hard links there
                os.replace(temporary, self.folder / "scan.json")
            temporary.unlink(missing_ok=True)
        return self.check(config, shards) or record

    def check(self, config: dict[str, Any], shards: Sequence["Shard"]) -> dict[str, Any] | None:
        """Return scan.json if it is of this very scan, None if the folder is new.

        Raises:
            DataError: as `begin` does.

        """
        with self.usable():
            if self.folder.exists() and not self.folder.is_dir():
                raise DataError(f"--out {self.folder} is a file, expected a folder; name another")
            found = read_json(self.folder / "scan.json")
            if found is None:
                self._refuse_foreign()
                return None
        advice = "name another --out, or give the command it was begun with"
        if found.get("fingerprint") != fingerprint(config):
            changed = differences(cast("dict[str, Any]", found.get("config", {})), config)
            raise DataError(f"{self.folder} holds another scan: {'; '.join(changed)}; {advice}")
        _check_inputs(self.folder, found.get("shards", []), [shard.to_record() for shard in shards])
        return found

    def _refuse_foreign(self) -> None:
        """Refuse an output folder that holds files and no scan: it is somebody else's."""
        if not self.folder.is_dir():
            return
        names = [one.name for one in self.folder.iterdir() if not one.name.startswith(("scan.json.", "."))]
        if names:
            got = f"--out {self.folder} holds {len(names)} other files ({min(names)} ...) and no scan.json"
            raise DataError(f"{got}, expected a new or empty folder, or one of a scan; name another")

    @contextlib.contextmanager
    def usable(self) -> Generator[None]:
        """Turn what the system says of an output folder that cannot be one into one line."""
        try:
            yield
        except OSError as error:
            why = error.strerror or str(error)
            got = f"cannot use --out {short_path(self.folder)}: {why}"
            raise DataError(f"{got}; expected a folder that can be made and written to; name another --out") from error

    def clear(self) -> None:
        """Remove what only an unfinished scan needs."""
        for folder in (self.folder / "parts", self.claims):
            shutil.rmtree(folder, ignore_errors=True)  # another run over the folder may be doing the same


def _check_inputs(folder: Path, was: list[dict[str, Any]], now: list[dict[str, Any]]) -> None:
    """Refuse other inputs, and ones that have changed since: what is done would be of other texts than what follows.

    Raises:
        DataError: saying how many and naming one.

    """
    old, new = ({(one["path"], one["start"], one["stop"]): one for one in shards} for shards in (was, now))
    changed = sorted({key[0] for key in old.keys() & new.keys() if old[key]["identity"] != new[key]["identity"]})
    if changed:
        got = f"{len(changed)} of the inputs have changed since the scan in {folder} began ({changed[0]} ...)"
        raise DataError(f"{got}; scan them into another --out")
    added, missing = ({key[0] for key in one.keys() - other.keys()} for one, other in ((new, old), (old, new)))
    if not added and not missing:
        return
    if files := sorted(added & missing):
        got = f"divides {files[0]} into other shards"
    else:
        got = f"was begun on other inputs: {len(added)} are new, {len(missing)} are missing"
        got += f" ({min(added | missing)} ...)"
    raise DataError(f"the scan in {folder} {got}; give the same inputs and --shard-bytes, or name another --out")
