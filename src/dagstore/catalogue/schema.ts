import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { CatalogueFailedError } from '../errors.ts'

/**
 * One entry for each `user_version`; the entry at n makes version n + 1 of version n. Entries are
 * never edited once released.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE shards (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    generation INTEGER NOT NULL,
    mount TEXT NOT NULL,
    owned INTEGER NOT NULL CHECK (owned IN (0, 1)),
    lazy INTEGER NOT NULL CHECK (lazy IN (0, 1)),
    announce TEXT NOT NULL CHECK (announce IN ('all', 'roots', 'none')),
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    head_hash BLOB NOT NULL,
    tail_hash BLOB NOT NULL,
    roots TEXT NOT NULL, -- JSON list of CIDs
    seq INTEGER UNIQUE, -- not null: indexed, by the file <id>.<generation>.cix
    blocks INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    health TEXT NOT NULL DEFAULT 'ok' CHECK (health IN ('ok', 'damaged', 'failed')),
    error_code TEXT,
    error_message TEXT,
    state TEXT NOT NULL AS (CASE
      WHEN health = 'failed' THEN 'ShardStateErrored'
      WHEN seq IS NULL THEN 'ShardStateNew'
      ELSE 'ShardStateAvailable' END) VIRTUAL,
    CHECK ((health = 'ok') = (error_code IS NULL))
  ) STRICT;
  CREATE INDEX shards_by_mount ON shards (mount);
  CREATE INDEX shards_by_state ON shards (state);

  -- A key that is registered again goes on with the generation after its tombstone's.
  CREATE TABLE tombstones (key TEXT PRIMARY KEY, generation INTEGER NOT NULL) STRICT;
  -- URLs of owned CARs of destroyed shards, until the files are gone.
  CREATE TABLE doomed (car TEXT PRIMARY KEY) STRICT;

  CREATE TABLE lookup (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    secret BLOB NOT NULL,
    seq INTEGER NOT NULL, -- the last one given
    watermark INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE runs (
    name TEXT PRIMARY KEY,
    lo INTEGER NOT NULL,
    hi INTEGER NOT NULL,
    keys INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE notes (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  `
]

/**
 * Opens the catalogue for writing, made or migrated as needed. One thread of one process holds it.
 *
 * @throws CATALOGUE_FAILED when a newer Cardock wrote it
 */
export function openWriter(path: string): DatabaseSync {
  const db = new DatabaseSync(path)
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  db.exec('PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON') // heeded on macOS only
  migrate(db, path)
  return db
}

/** A second connection, which sees each transaction once it is committed. */
export function openReader(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true })
  db.exec('PRAGMA busy_timeout = 5000')
  return db
}

function migrate(db: DatabaseSync, path: string): void {
  const row = db.prepare('PRAGMA user_version').get()
  const version = Number(row?.['user_version'])
  if (version > migrations.length) {
    throw new CatalogueFailedError(
      `${path} has version ${version}, this Cardock knows ${migrations.length}: use a newer one`
    )
  }
  if (version === migrations.length) return
  db.exec('BEGIN IMMEDIATE')
  for (const sql of migrations.slice(version)) db.exec(sql)
  db.prepare('INSERT OR IGNORE INTO lookup VALUES (1, ?, 0, 0)').run(randomBytes(16))
  db.exec(`PRAGMA user_version = ${migrations.length}`)
  db.exec('COMMIT')
}
