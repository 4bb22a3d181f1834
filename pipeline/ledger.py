"""The ledger of a batch from the web: what was listed, what became of each, and who was asked how often.

SQLite, keyed by (source, id), so that a rerun skips what is known before any request. It is no output of a stage:
the versioned record is images.parquet, from which a lost ledger is made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pipeline.ledger_file import LedgerFile
from pipeline.outcomes import Task, candidate_from, result_from, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.candidates import Candidate
    from pipeline.outcomes import Result

_LIST = """
INSERT INTO candidates (source, id, query, listing, host, candidate, declined) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (source, id) DO UPDATE SET query = excluded.query, listing = excluded.listing, host = excluded.host,
    candidate = excluded.candidate, declined = excluded.declined WHERE listing <> excluded.listing
"""


class Listed(NamedTuple):
    """How the ledger grew by a page."""

    new: int  # never seen before
    repeated: int  # listed before in this very listing


class Ledger(LedgerFile):
    """What is known of the candidates of a batch."""

    @property
    def query(self) -> int:
        """Number of the present query: candidates of other queries are known, and not of this batch."""
        return int(self["query_number"] or 0)

    def list_page(self, source: str, entries: Iterable[tuple[Candidate, str, str | None]]) -> Listed:
        """Note the candidates of a page, each with its host and why it is declined."""
        listing = int(self["listing_number"] or 0)
        rows = [(source, one.id, self.query, listing, host, to_json(one), declined) for one, host, declined in entries]
        for row in rows:
            row[5].encode()
        before = self.last_seq()
        changed = self._db.executemany(_LIST, rows).rowcount
        return Listed(self.last_seq() - before, len(rows) - max(changed, 0))

    def is_new_cursor(self, cursor: str) -> bool:
        """Note a cursor; false where this listing was there before."""
        return self._db.execute("INSERT OR IGNORE INTO cursors VALUES (?)", (cursor,)).rowcount == 1

    def forget_cursors(self) -> None:
        """Begin a listing."""
        self._db.execute("DELETE FROM cursors")

    def last_seq(self) -> int:
        """The highest place that is taken."""
        found: int = self._db.execute("SELECT ifnull(max(seq), 0) FROM candidates").fetchone()[0]
        return found

    def cutoff(self, count: int | None) -> int | None:
        """The place of the count-th candidate that the filters leave; None where there are fewer."""
        if count is None:
            return None
        text = "SELECT seq FROM candidates WHERE query = ? AND declined IS NOT 'filtered' ORDER BY seq LIMIT 1 OFFSET ?"
        found = self._db.execute(text, (self.query, count - 1)).fetchone()
        return None if found is None else int(found[0])

    def waiting(self, last: int) -> dict[str, int]:
        """Hosts that are to be asked for pictures up to a place, with the number of them."""
        text = "SELECT host, count(*) FROM wanted WHERE query = ? AND seq <= ? GROUP BY host ORDER BY host"
        return dict(self._db.execute(text, (self.query, last)))

    def tasks(self, host: str, after: int, last: int, limit: int) -> list[Task]:
        """The next candidates to ask a host for, in the order of their listing."""
        text = (
            "SELECT seq, candidate, image_id, result FROM wanted "
            "WHERE host = ? AND seq > ? AND query = ? AND seq <= ? ORDER BY seq LIMIT ?"
        )
        found = self._db.execute(text, (host, after, self.query, last, limit)).fetchall()
        tasks = []
        for seq, candidate, image_id, result in found:
            known = result_from(result if image_id else None)
            tasks.append(Task(seq, candidate_from(candidate), known.etag, known.modified, bool(image_id)))
        return tasks

    def finish(self, seq: int, result: Result | None) -> None:
        """Note what became of a candidate; None: what we have still holds."""
        if result is None:
            self._db.execute("UPDATE candidates SET is_pending = 0 WHERE seq = ?", (seq,))
            return
        text = "UPDATE candidates SET is_pending = 0, image_id = ?, reject = ?, result = ? WHERE seq = ?"
        self._db.execute(text, (result.image_id, result.reject, to_json(result), seq))

    def give_up(self, host: str, last: int, result: Result) -> int:
        """Note that a host is not asked on: what we have not of its candidates is rejected; how many were left."""
        place = (self.query, last, host)
        reason = (
            "UPDATE candidates SET reject = ?, result = ? WHERE is_pending AND image_id IS NULL AND declined IS NULL "
            "AND query = ? AND seq <= ? AND host = ?"
        )
        self._db.execute(reason, (result.reject, to_json(result), *place))
        text = "UPDATE candidates SET is_pending = 0 WHERE is_pending AND declined IS NULL"
        return self._db.execute(f"{text} AND query = ? AND seq <= ? AND host = ?", place).rowcount

    def try_again(self, rejects: Iterable[str]) -> int:
        """Let rejected candidates be asked for once more; how many."""
        text = "UPDATE candidates SET is_pending = 1, reject = NULL, result = NULL WHERE query = ? AND reject = ?"
        return sum(self._db.execute(text, (self.query, reject)).rowcount for reject in rejects)

    def knows_page(self, address: str) -> bool:
        """Whether we have the picture that stands on a page."""
        text = (
            "SELECT 1 FROM candidates WHERE json_extract(candidate, '$.page_url') = ? AND query = ? "
            "AND image_id IS NOT NULL"
        )
        return self._db.execute(text, (address, self.query)).fetchone() is not None

    def check_again(self) -> int:
        """Let the servers be asked whether what we have still holds; how many."""
        text = "UPDATE candidates SET is_pending = 1 WHERE query = ? AND image_id IS NOT NULL AND host <> ''"
        return self._db.execute(text, (self.query,)).rowcount

    def lose(self, seqs: Iterable[int]) -> None:
        """Note that the bytes of these are gone."""
        text = "UPDATE candidates SET is_pending = 1, image_id = NULL, reject = NULL, result = NULL WHERE seq = ?"
        self._db.executemany(text, ((seq,) for seq in seqs))

    def kept(self) -> Iterator[tuple[int, str]]:
        """Place and image id of each candidate whose bytes we should have."""
        yield from self._db.execute("SELECT seq, image_id FROM candidates WHERE image_id IS NOT NULL ORDER BY seq")

    def is_pending(self, seq: int) -> bool:
        """Whether a candidate is still to be asked for."""
        found = self._db.execute("SELECT is_pending FROM candidates WHERE seq = ?", (seq,)).fetchone()
        return found is not None and bool(found[0])

    def outcomes(self, last: int) -> dict[str, int]:
        """How many of the batch have each reject; empty: we have it."""
        text = (
            "SELECT coalesce(declined, reject, iif(image_id IS NULL, 'pending', '')), count(*) FROM candidates "
            "WHERE query = ? AND seq <= ? GROUP BY 1 ORDER BY 1"
        )
        return dict(self._db.execute(text, (self.query, last)))

    def reasons(self, last: int) -> dict[str, str]:
        """For each reject of the batch what is said most often, for a human."""
        text = (
            "SELECT coalesce(declined, reject) AS why, "
            "json_extract(iif(declined IS NULL, result, candidate), '$.detail') AS detail, count(*) FROM candidates "
            "WHERE query = ? AND seq <= ? AND why NOT NULL AND detail NOT NULL GROUP BY 1, 2 ORDER BY 3"
        )
        return {why: detail for why, detail, _ in self._db.execute(text, (self.query, last))}  # the last one wins

    def declined(self, last: int) -> dict[str, int]:
        """How many of the batch the listing leaves out, by reject."""
        text = "SELECT declined, count(*) FROM candidates WHERE query = ? AND seq <= ? AND declined NOT NULL GROUP BY 1"
        return dict(self._db.execute(f"{text} ORDER BY 1", (self.query, last)))

    def has_declined(self, rejects: Iterable[str]) -> bool:
        """Whether the listing left out candidates of the batch for one of these."""
        return bool(self.declined(self.last_seq()).keys() & set(rejects))

    def drop_declined(self, rejects: Iterable[str]) -> None:
        """Forget candidates that the listing left out for one of these."""
        text = "DELETE FROM candidates WHERE query = ? AND image_id IS NULL AND declined = ?"
        self._db.executemany(text, ((self.query, reject) for reject in rejects))

    def clear(self) -> None:
        """Forget all candidates and the listing; who was asked is kept."""
        for table in ("candidates", "cursors"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - two names of our own
        self._db.execute("DELETE FROM about WHERE name <> 'format'")

    def members(self, last: int) -> Iterator[tuple[int, str, Candidate, str | None, Result]]:
        """The batch: place, source, candidate, why declined, and result, in order."""
        text = (
            "SELECT seq, source, candidate, declined, result FROM candidates WHERE query = ? AND seq <= ? ORDER BY seq"
        )
        for seq, source, candidate, declined, result in self._db.execute(text, (self.query, last)):
            yield seq, source, candidate_from(candidate), declined, result_from(result)
