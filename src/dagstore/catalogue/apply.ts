import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { Operation, OperationName, Operations, Outcome } from './operations.ts'

type Handlers = {
  [Name in OperationName]: (input: Operations[Name]['in']) => Operations[Name]['out']
}

/**
 * Runs batches of operations on the writing connection, each batch one transaction. An operation that
 * fails is undone alone.
 */
export class Applier {
  readonly #db: DatabaseSync
  readonly #handlers: Handlers

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#handlers = handlersOn(db)
  }

  /** An outcome per operation, in order. Throws when the transaction itself failed: nothing is kept. */
  run(batch: readonly Operation[]): Outcome[] {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      const outcomes = batch.map(operation => this.#runOne(operation))
      this.#db.exec('COMMIT')
      return outcomes
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  #runOne(operation: Operation): Outcome {
    this.#db.exec('SAVEPOINT operation')
    try {
      const handle = this.#handlers[operation.type] as (input: unknown) => unknown
      const value = handle(operation.input)
      this.#db.exec('RELEASE operation')
      return { ok: true, value }
    } catch (error) {
      if (!this.#db.isTransaction) throw error // a full disk takes the whole transaction away
      this.#db.exec('ROLLBACK TO operation; RELEASE operation')
      return failure(error)
    }
  }
}

/** An SQLite error as it is sent to the main thread. */
export function failure(error: unknown): Outcome & { ok: false } {
  const { message, errcode } = error as Error & { errcode?: number }
  return { ok: false, message, errcode }
}

function handlersOn(db: DatabaseSync): Handlers {
  return { ...registering(db), ...indexing(db), ...destroying(db), ...bookkeeping(db) }
}

function registering(db: DatabaseSync): Pick<Handlers, 'register'> {
  const insert = db.prepare(`
    INSERT INTO shards (key, generation, mount, owned, lazy, announce, roots,
      size, mtime_ns, inode, head_hash, tail_hash)
    VALUES (:key, 1 + coalesce((SELECT generation FROM tombstones WHERE key = :key), 0),
      :mount, :owned, :lazy, :announce, :roots, :size, :mtimeNs, :inode, :headHash, :tailHash)
    ON CONFLICT (key) DO NOTHING`)
  const spare = db.prepare('DELETE FROM doomed WHERE car = :mount')
  return {
    register: ({ facts, owned, lazy, ...rest }) => {
      const flags = { owned: Number(owned), lazy: Number(lazy) }
      const isNew = changed(insert, { ...rest, ...facts, ...flags })
      if (isNew) spare.run({ mount: rest.mount })
      return isNew
    }
  }
}

const wanted = 'WHERE id = :id AND generation = :generation'
const setFacts =
  'size = :size, mtime_ns = :mtimeNs, inode = :inode, head_hash = :headHash, tail_hash = :tailHash'
const setWell = "health = 'ok', error_code = NULL, error_message = NULL"

function indexing(db: DatabaseSync): Pick<Handlers, 'index' | 'mark' | 'restore' | 'reindex'> {
  const nextSeq = db.prepare('UPDATE lookup SET seq = seq + 1 RETURNING seq')
  const index = db.prepare(`
    UPDATE shards SET seq = (SELECT seq FROM lookup), lazy = 0, roots = :roots, blocks = :blocks,
      bytes = :bytes, ${setFacts}, ${setWell} ${wanted}`)
  const mark = db.prepare(
    `UPDATE shards SET health = :health, error_code = :code, error_message = :message ${wanted}`
  )
  const restore = db.prepare(`UPDATE shards SET ${setFacts}, ${setWell} ${wanted}`)
  const reindex = db.prepare(`
    UPDATE shards SET seq = NULL, generation = generation + 1, ${setFacts}, ${setWell} ${wanted}`)
  return {
    index: ({ facts, ...rest }) => {
      const seq = Number(nextSeq.get()?.['seq'])
      return changed(index, { ...rest, ...facts }) ? seq : undefined
    },
    mark: input => changed(mark, { ...input }),
    restore: ({ facts, ...version }) => changed(restore, { ...version, ...facts }),
    reindex: ({ facts, ...version }) => changed(reindex, { ...version, ...facts })
  }
}

function destroying(db: DatabaseSync): Pick<Handlers, 'destroy' | 'bury'> {
  const entomb = db.prepare(`
    INSERT INTO tombstones SELECT key, generation FROM shards ${wanted}
    ON CONFLICT (key) DO UPDATE SET generation = excluded.generation`)
  const others = 'SELECT id FROM shards WHERE mount = gone.mount AND id <> gone.id'
  const bequeath = db.prepare(`
    UPDATE shards SET owned = 1 FROM (SELECT id, mount FROM shards ${wanted} AND owned) AS gone
    WHERE shards.mount = gone.mount AND shards.id <> gone.id`)
  const doom = db.prepare(`
    INSERT OR IGNORE INTO doomed SELECT mount FROM shards AS gone
    ${wanted} AND owned AND NOT EXISTS (${others})`)
  const remove = db.prepare(`DELETE FROM shards ${wanted}`)
  const bury = db.prepare('DELETE FROM doomed WHERE car = :car')
  return {
    destroy: ({ id, generation }) => {
      entomb.run({ id, generation })
      bequeath.run({ id, generation })
      doom.run({ id, generation })
      return changed(remove, { id, generation })
    },
    bury: ({ car }) => void bury.run({ car })
  }
}

function bookkeeping(db: DatabaseSync): Pick<Handlers, 'spill' | 'note'> {
  const clear = db.prepare('DELETE FROM runs')
  const insert = db.prepare('INSERT INTO runs (name, lo, hi, keys) VALUES (:name, :lo, :hi, :keys)')
  const watermark = db.prepare('UPDATE lookup SET watermark = ?')
  const note = db.prepare('INSERT OR REPLACE INTO notes (name, bytes) VALUES (:name, :bytes)')
  return {
    spill: ({ runs, watermark: mark }) => {
      clear.run()
      for (const { name, lo, hi, keys } of runs) insert.run({ name, lo, hi, keys })
      watermark.run(mark)
    },
    note: input => void note.run(input)
  }
}

function changed(statement: StatementSync, parameters: Record<string, SQLInputValue>): boolean {
  return Number(statement.run(parameters).changes) > 0
}
