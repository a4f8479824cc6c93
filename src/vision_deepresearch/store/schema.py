"""The tables of a run and of a tape: one layout for both, so that either file can hold a tape.

Every table ends in `row_check` (see `rows`). `attempt` keeps trajectory and verdict in one row:
an attempt is whole or it is not there.
"""

from dataclasses import dataclass

APPLICATION_ID = 0x76647231
"""Marks our SQLite files ("vdr1")."""
SCHEMA_VERSION = 1
"""Raised when a table changes; another version is refused, never guessed at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The statements that make, fill and scan one table."""

    name: str
    create: str
    insert: str
    """Keeps the row that is there."""
    scan: str
    """All rows in the order of the table itself, rowid first; never through an index."""
    count: str
    num_key: int
    """The first so many columns are the key."""
    index_scan: str
    """Rowids and keys as the unique index has them."""


TASK = Table(
    name="task",
    create="""
        CREATE TABLE IF NOT EXISTS task (
            id TEXT NOT NULL UNIQUE, payload BLOB NOT NULL, row_check BLOB NOT NULL) STRICT""",
    insert="INSERT INTO task VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    scan="SELECT rowid, * FROM task NOT INDEXED",
    count="SELECT count(*) FROM task",
    num_key=1,
    index_scan="SELECT rowid, id FROM task INDEXED BY sqlite_autoindex_task_1",
)
ATTEMPT = Table(
    name="attempt",
    create="""
        CREATE TABLE IF NOT EXISTS attempt (
            task_id TEXT NOT NULL, attempt INTEGER NOT NULL,
            trajectory BLOB NOT NULL, verdict BLOB, totals TEXT NOT NULL,
            row_check BLOB NOT NULL, UNIQUE (task_id, attempt)) STRICT""",
    insert="INSERT INTO attempt VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    scan="SELECT rowid, * FROM attempt NOT INDEXED",
    count="SELECT count(*) FROM attempt",
    num_key=2,
    index_scan="SELECT rowid, task_id, attempt FROM attempt INDEXED BY sqlite_autoindex_attempt_1",
)
REJECT = Table(
    name="reject",
    create="""
        CREATE TABLE IF NOT EXISTS reject (
            task_id TEXT NOT NULL, attempt INTEGER NOT NULL, reason TEXT NOT NULL,
            detail TEXT NOT NULL, row_check BLOB NOT NULL, UNIQUE (task_id, attempt)) STRICT""",
    insert="INSERT INTO reject VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    scan="SELECT rowid, * FROM reject NOT INDEXED",
    count="SELECT count(*) FROM reject",
    num_key=2,
    index_scan="SELECT rowid, task_id, attempt FROM reject INDEXED BY sqlite_autoindex_reject_1",
)
OUTAGE = Table(
    name="outage",
    create="""
        CREATE TABLE IF NOT EXISTS outage (
            task_id TEXT NOT NULL, attempt INTEGER NOT NULL, digest BLOB NOT NULL,
            trajectory BLOB NOT NULL, row_check BLOB NOT NULL,
            UNIQUE (task_id, attempt, digest)) STRICT""",
    insert="INSERT INTO outage VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    scan="SELECT rowid, * FROM outage NOT INDEXED",
    count="SELECT count(*) FROM outage",
    num_key=3,
    index_scan="SELECT rowid, task_id, attempt, digest FROM outage "
    "INDEXED BY sqlite_autoindex_outage_1",
)
"""Trajectories that ended because the outside failed: kept, and tried again."""
ITEM = Table(
    name="item",
    create="""
        CREATE TABLE IF NOT EXISTS item (
            stage TEXT NOT NULL, key TEXT NOT NULL, record TEXT NOT NULL,
            reason TEXT NOT NULL, detail TEXT NOT NULL, payload BLOB NOT NULL,
            seconds REAL NOT NULL, cost_usd REAL, row_check BLOB NOT NULL,
            UNIQUE (stage, key)) STRICT""",
    insert="INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    scan="SELECT rowid, * FROM item NOT INDEXED",
    count="SELECT count(*) FROM item",
    num_key=2,
    index_scan="SELECT rowid, stage, key FROM item INDEXED BY sqlite_autoindex_item_1",
)
"""What each stage of a data factory made of each of its records."""
CALL = Table(
    name="call",
    create="""
        CREATE TABLE IF NOT EXISTS call (
            key BLOB NOT NULL UNIQUE, kind TEXT NOT NULL, provider TEXT NOT NULL,
            request TEXT NOT NULL, outcome TEXT NOT NULL, payload BLOB NOT NULL,
            blobs TEXT NOT NULL, keep TEXT NOT NULL, created_s REAL NOT NULL,
            latency_s REAL NOT NULL, cost_usd REAL, row_check BLOB NOT NULL) STRICT""",
    insert="INSERT OR REPLACE INTO call VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    scan="SELECT rowid, * FROM call NOT INDEXED",
    count="SELECT count(*) FROM call",
    num_key=1,
    index_scan="SELECT rowid, key FROM call INDEXED BY sqlite_autoindex_call_1",
)
BLOB = Table(
    name="blob",
    create="""
        CREATE TABLE IF NOT EXISTS blob (
            hash BLOB NOT NULL UNIQUE, data BLOB NOT NULL, row_check BLOB NOT NULL) STRICT""",
    insert="INSERT OR REPLACE INTO blob VALUES (?, ?, ?)",
    scan="SELECT rowid, * FROM blob NOT INDEXED",
    count="SELECT count(*) FROM blob",
    num_key=1,
    index_scan="SELECT rowid, hash FROM blob INDEXED BY sqlite_autoindex_blob_1",
)
METRIC = Table(
    name="metric",
    create="""
        CREATE TABLE IF NOT EXISTS metric (
            step INTEGER NOT NULL, name TEXT NOT NULL, value REAL,
            row_check BLOB NOT NULL, UNIQUE (step, name)) STRICT""",
    insert="INSERT OR REPLACE INTO metric VALUES (?, ?, ?, ?)",
    scan="SELECT rowid, * FROM metric NOT INDEXED",
    count="SELECT count(*) FROM metric",
    num_key=2,
    index_scan="SELECT rowid, step, name FROM metric INDEXED BY sqlite_autoindex_metric_1",
)
"""Figures of training; a step that is taken again after a kill replaces its own."""
TABLES = (TASK, ATTEMPT, REJECT, OUTAGE, ITEM, CALL, BLOB, METRIC)
RUN_TABLES = (TASK, ATTEMPT, REJECT, OUTAGE, ITEM, METRIC)
"""Verified when a run is opened; the tape's are verified row by row as they are asked for."""
