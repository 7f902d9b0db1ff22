"""The plain bytes at hand of a file, with the place of each; grown on demand, dropped once read."""

from __future__ import annotations

from collections.abc import Iterator

from .crawl_items import Place, PlaceNumbers
from .members import Break, Piece


class Window:
    """Bytes `data[pos:]` are read but not yet used; `more` and `fill` add to them, which moves `pos` to 0.

    At damage `broken` is set and nothing more comes until `recover`: what stands in front of it is used first.
    The first piece begins at `at`; `plain` says that the file is not compressed, so that any byte of it can be sought.
    """

    def __init__(self, pieces: Iterator[Piece | Break], at: Place, *, plain: bool = False) -> None:
        self._pieces = pieces
        self.plain = plain
        self.total = at.total  # plain bytes before data[0]
        self._starts: list[tuple[int, int, int]] = [(0, at.member, at.skip)]  # (index in data, member, skip there)
        self.data = b""
        self.pos = 0
        self.broken: Break | None = None
        self.ended = False

    def more(self) -> bool:
        """Add the next piece; return False at the end of the file and at damage."""
        piece = self._next()
        if piece is None:
            return False
        self._drop_used()
        self._append(piece, len(self.data))
        self.data = self.data + piece.data if self.data else piece.data
        return True

    def fill(self, n: int) -> bool:
        """Have at least `n` bytes from `pos` on, joined once; return False where fewer are left."""
        have = len(self.data) - self.pos
        if have >= n:
            return True
        self._drop_used()
        parts = [self.data]
        while have < n:
            piece = self._next()
            if piece is None:
                break
            self._append(piece, have)
            parts.append(piece.data)
            have += len(piece.data)
        self.data = b"".join(parts)
        return have >= n

    def skip(self, n: int) -> int:
        """Pass over `n` bytes, holding one piece at a time; return how many there were."""
        left = n
        while True:
            step = min(left, len(self.data) - self.pos)
            self.pos += step
            left -= step
            if not left or not self.more():
                return n - left

    def recover(self) -> Break | None:
        """Drop what is left in front of the damage and return it; the window then stands behind it."""
        broken, self.broken = self.broken, None
        if broken is not None:
            self.pos = len(self.data)
            self.more()
        return broken

    def place(self) -> Place | None:
        """Return the place from which reading would go on as it does here; None at the end of the file.

        It reads nothing, so it may be asked of a file that is closed.
        """
        return None if self.ended and self.pos == len(self.data) else self.here()

    def here(self) -> Place:
        """Return the place of what was not yet used, or of the damage that is next."""
        here = self.place_at(self.pos)
        if self.broken is not None and self.pos == len(self.data) and self.broken.member != here.member:
            return Place(self.broken.member, 0, here.total)
        return here

    def place_at(self, index: int) -> Place:
        """Return the place of `data[index]`."""
        return Place(*self.numbers_at(index))

    def numbers_at(self, index: int) -> PlaceNumbers:
        """Return the numbers of the place of `data[index]`."""
        total = self.total + index
        if self.plain:
            return total, 0, total
        for begin, member, skip in reversed(self._starts):
            if begin <= index:
                return member, skip + index - begin, total
        raise ValueError(f"index must be >= 0, got {index}")

    def next_member(self) -> int | None:
        """Return the index in `data` where the next member after `pos` begins."""
        return next((begin for begin, _, skip in self._starts if begin > self.pos and skip == 0), None)

    def _next(self) -> Piece | None:
        if self.broken is not None or self.ended:
            return None
        item = next(self._pieces, None)
        if isinstance(item, Break):
            self.broken = item
            return None
        self.ended = item is None
        return item

    def _append(self, piece: Piece, at: int) -> None:
        begin, member, skip = self._starts[-1]
        if at == 0:
            self._starts = [(0, piece.member, piece.skip)]
        elif piece.member != member or piece.skip != skip + at - begin:
            self._starts.append((at, piece.member, piece.skip))

    def _drop_used(self) -> None:
        pos = self.pos
        if not pos:
            return
        self.total += pos
        if pos == len(self.data):
            begin, member, skip = self._starts[-1]
            self._starts = [(0, member, skip + pos - begin)]
        elif len(self._starts) == 1:
            begin, member, skip = self._starts[0]
            self._starts = [(0, member, skip + pos - begin)]
        else:
            place = self.place_at(pos)
            later = [(begin - pos, member, skip) for begin, member, skip in self._starts if begin > pos]
            self._starts = [(0, place.member, place.skip), *later]
        self.data = self.data[pos:]
        self.pos = 0
