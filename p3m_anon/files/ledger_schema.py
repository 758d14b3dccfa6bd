"""The ledger's tables, and how an older ledger becomes a newer one."""

from __future__ import annotations

# Each entry brings a ledger from version i to i + 1; entries are only ever appended.
MIGRATIONS = (
    """
    CREATE TABLE inputs (
      path TEXT PRIMARY KEY,          -- relative to the input folder, posix
      id TEXT NOT NULL,
      id_key TEXT NOT NULL UNIQUE,    -- NFC and case-folded: two ids never differ by case alone
      seen INTEGER NOT NULL,          -- the last run that found the file
      status TEXT NOT NULL,
      reason TEXT, detail TEXT,
      digest TEXT,
      facts TEXT NOT NULL DEFAULT '{}',    -- JSON: what a manifest row needs
      faces TEXT NOT NULL DEFAULT '[]',    -- JSON: landmarks, boxes, decisions
      phash TEXT,                          -- perceptual hash of the original, 16 hex digits
      timings TEXT NOT NULL DEFAULT '{}',  -- JSON: ms per stage
      versions TEXT NOT NULL DEFAULT '{}', -- JSON
      updated TEXT
    ) WITHOUT ROWID;
    CREATE INDEX inputs_status ON inputs (status, path);
    CREATE TABLE sources (
      path TEXT NOT NULL, role TEXT NOT NULL,  -- image, alpha, manual_mask, landmarks
      file TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL,
      PRIMARY KEY (path, role)
    ) WITHOUT ROWID;
    CREATE TABLE outputs (
      path TEXT NOT NULL, role TEXT NOT NULL,  -- image, alpha, facemask, ...
      file TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL,
      PRIMARY KEY (path, role)
    ) WITHOUT ROWID;
    CREATE INDEX outputs_file ON outputs (file);
    CREATE TABLE events (
      n INTEGER PRIMARY KEY AUTOINCREMENT,
      at TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, path TEXT, previous TEXT
    );
    CREATE TRIGGER events_keep BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
    CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
    """,
    """
    CREATE TABLE runs (n INTEGER PRIMARY KEY, at TEXT);
    INSERT INTO runs (n) SELECT last FROM (SELECT max(seen) AS last FROM inputs) WHERE last > 0;
    ALTER TABLE inputs ADD COLUMN decision INTEGER;  -- version of the decision that the row was made with
    CREATE TABLE decisions (           -- what a person says of an input; one row, the events keep the older ones
      path TEXT PRIMARY KEY,
      version INTEGER NOT NULL,        -- raised with every change: who has seen an older one cannot write
      image_sha256 TEXT NOT NULL,      -- holds for these bytes only
      verdict TEXT NOT NULL,           -- mask, no_face, normal, exclude; skip and open decide nothing
      detail TEXT NOT NULL,            -- JSON
      who TEXT NOT NULL, at TEXT NOT NULL, tool TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE samples (             -- spot checks of what was released
      n INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL,
      seed INTEGER NOT NULL, asked INTEGER NOT NULL, population INTEGER NOT NULL,
      statement TEXT                   -- what it said when it was finished
    );
    CREATE TABLE sample_items (
      sample INTEGER NOT NULL, place INTEGER NOT NULL, path TEXT NOT NULL,
      output_sha256 TEXT NOT NULL,     -- the released file that was drawn
      answer TEXT,                     -- covered or missed
      who TEXT, at TEXT,
      PRIMARY KEY (sample, place)
    ) WITHOUT ROWID;
    CREATE INDEX sample_items_path ON sample_items (path);
    CREATE TABLE exports (             -- what annotation tools were last given: a mask that comes back is about it
      path TEXT PRIMARY KEY, image_sha256 TEXT NOT NULL, at TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX inputs_queue ON inputs (seen, status, reason, decision);
    """,
    """
    CREATE TABLE sheets (              -- pictures that were answered many at a time, as thumbnails on the review page
      n INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL,
      queue TEXT NOT NULL,             -- the filter that it was drawn from
      seconds REAL NOT NULL,           -- for which it was shown
      pictures INTEGER NOT NULL,       -- on it, without its control
      marked INTEGER NOT NULL,         -- of them for a closer look
      control_marked INTEGER NOT NULL, -- 0 or 1
      state TEXT NOT NULL              -- accepted, failed (control not marked) or changed (a file was)
    );
    CREATE TABLE sheet_marks (         -- pictures that a person wants to see by themselves
      path TEXT PRIMARY KEY, image_sha256 TEXT NOT NULL, sheet INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TRIGGER sheet_marks_withdrawn AFTER UPDATE OF status ON inputs WHEN new.status = 'withdrawn'
    BEGIN DELETE FROM sheet_marks WHERE path = new.path; END;
    CREATE TRIGGER sheets_keep BEFORE DELETE ON sheets BEGIN SELECT RAISE(ABORT, 'sheets are append-only'); END;
    CREATE TRIGGER sheets_stay BEFORE UPDATE ON sheets BEGIN SELECT RAISE(ABORT, 'sheets are append-only'); END;
    """,
)
