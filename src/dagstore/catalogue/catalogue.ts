import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { CatalogueFailedError } from '../errors.ts'
import type { RunRecord } from '../lookup/lookup.ts'
import type { ShardStateName } from '../../shards.ts'
import type { Operations, OperationName, ShardVersion } from './operations.ts'
import { recordColumns, recordOf } from './records.ts'
import type { Row, ShardRecord } from './records.ts'
import { openReader } from './schema.ts'
import { CatalogueWriter } from './writer.ts'

/** A page of shards, in the order of their keys. */
export interface PageQuery {
  readonly state: ShardStateName | undefined
  /** Part of the key or of the mount's URL. */
  readonly text: string | undefined
  /** The page begins after this key. */
  readonly after: string
  readonly limit: number
  /** Shards, by id, whose state differs from the durable one because something goes on. */
  readonly active: ReadonlyMap<number, ShardStateName>
}

const filter = `
  FROM shards LEFT JOIN active ON active.id = shards.id
  WHERE (:state IS NULL OR coalesce(active.state, shards.state) = :state)
    AND (:text IS NULL OR instr(key, :text) > 0 OR instr(mount, :text) > 0)`
const activeTable = `
  WITH active (id, state) AS MATERIALIZED (
    SELECT CAST(key AS INTEGER), value FROM json_each(:active))`

/**
 * The durable facts of all shards, in SQLite: reads happen here and now on a connection of their own,
 * writes go to one worker and resolve when they are durable.
 */
export class Catalogue {
  readonly #db: DatabaseSync
  readonly #writer: CatalogueWriter
  readonly #prepared = new Map<string, StatementSync>()

  private constructor(db: DatabaseSync, writer: CatalogueWriter) {
    this.#db = db
    this.#writer = writer
  }

  /** @throws CATALOGUE_FAILED when it cannot be read, or a newer Cardock wrote it */
  static async open(path: string): Promise<Catalogue> {
    const writer = await CatalogueWriter.open(path)
    try {
      return new Catalogue(openReader(path), writer)
    } catch (cause) {
      await writer.close()
      throw new CatalogueFailedError(`${path} did not open: ${(cause as Error).message}`, { cause })
    }
  }

  /** Resolves when it is durable; the reads of this catalogue see it then. */
  async write<Name extends OperationName>(
    type: Name,
    input: Operations[Name]['in']
  ): Promise<Operations[Name]['out']> {
    return this.#writer.run(type, input)
  }

  shard(key: string): ShardRecord | undefined {
    return this.#record('WHERE key = ?', key)
  }

  shardById(id: number): ShardRecord | undefined {
    return this.#record('WHERE shards.id = ?', id)
  }

  /** Key of the indexed shard that `seq` was given to; undefined when it has another by now, or none. */
  keyOfSeq(seq: number): string | undefined {
    return this.#get('SELECT key FROM shards WHERE seq = ?', seq)?.['key'] as string | undefined
  }

  /** Of shards over this file the one that was registered first. */
  shardByMount(url: string): ShardRecord | undefined {
    return this.#record('WHERE mount = ? ORDER BY id LIMIT 1', url)
  }

  /** Indexed shards with `lo <= seq <= hi`, by seq, at most `limit`. */
  indexed(lo: number, hi: number, limit: number): ShardRecord[] {
    return this.#records('WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?', lo, hi, limit)
  }

  /** Shards with an id over `afterId` that are neither indexed, nor lazy, nor failed, at most `limit`. */
  waiting(afterId: number, limit: number): ShardRecord[] {
    const where = "WHERE shards.id > ? AND state = 'ShardStateNew' AND NOT lazy ORDER BY id LIMIT ?"
    return this.#records(where, afterId, limit)
  }

  /** The seqs of all indexed shards. */
  seqs(): number[] {
    return this.#all('SELECT seq FROM shards WHERE seq IS NOT NULL').map(row => Number(row['seq']))
  }

  /** URLs of mounts that begin with `prefix`. */
  mountsIn(prefix: string): string[] {
    const sql = 'SELECT mount FROM shards WHERE mount >= ?1 AND substr(mount, 1, length(?1)) = ?1'
    return this.#all(sql, prefix).map(row => row['mount'] as string)
  }

  /** Id and generation of every indexed shard, that is, the names of the index files that count. */
  *indexVersions(): Generator<ShardVersion> {
    const sql = 'SELECT id, generation FROM shards WHERE seq IS NOT NULL'
    for (const row of this.#prepare(sql).iterate()) yield row as unknown as ShardVersion
  }

  /** URLs of CARs of ours whose shards were destroyed and that may still be there. */
  doomedCars(): string[] {
    return this.#all('SELECT car FROM doomed').map(row => row['car'] as string)
  }

  /** The CAR at this URL is one of them. */
  isDoomed(url: string): boolean {
    return this.#get('SELECT 1 FROM doomed WHERE car = ?', url) !== undefined
  }

  page({ state, text, after, limit, active }: PageQuery): ShardRecord[] {
    const sql = `${activeTable} SELECT ${recordColumns} ${filter} AND key > :after ORDER BY key LIMIT :limit`
    return this.#all(sql, { ...filterParameters(state, text, active), after, limit }).map(recordOf)
  }

  /** How many shards all pages of the query have together. */
  count({ state, text, active }: Pick<PageQuery, 'state' | 'text' | 'active'>): number {
    if (state === undefined && text === undefined) return this.#countAll()
    const sql = `${activeTable} SELECT count(*) AS total ${filter}`
    return Number(this.#get(sql, filterParameters(state, text, active))?.['total'])
  }

  /** Number of shards by durable state. */
  countsByState(): Map<ShardStateName, number> {
    const rows = this.#all('SELECT state, count(*) AS total FROM shards GROUP BY state')
    return new Map(rows.map(row => [row['state'] as ShardStateName, Number(row['total'])]))
  }

  /** The durable state of a shard. */
  stateOf(id: number): ShardStateName | undefined {
    const row = this.#get('SELECT state FROM shards WHERE id = ?', id)
    return row?.['state'] as ShardStateName | undefined
  }

  /** What keys the lookup's fingerprints, and how far its runs go. */
  lookupFacts(): { secret: Uint8Array; watermark: number } {
    const row = this.#get('SELECT secret, watermark FROM lookup')
    return { secret: row?.['secret'] as Uint8Array, watermark: Number(row?.['watermark']) }
  }

  runs(): RunRecord[] {
    return this.#all('SELECT name, lo, hi, keys FROM runs') as unknown as RunRecord[]
  }

  note(name: string): Uint8Array | undefined {
    return this.#get('SELECT bytes FROM notes WHERE name = ?', name)?.['bytes'] as
      | Uint8Array
      | undefined
  }

  async close(): Promise<void> {
    await this.#writer.close()
    this.#prepared.clear()
    this.#db.close()
  }

  #countAll(): number {
    return Number(this.#get('SELECT count(*) AS total FROM shards')?.['total'])
  }

  #record(where: string, ...parameters: SQLInputValue[]): ShardRecord | undefined {
    const row = this.#get(`SELECT ${recordColumns} FROM shards ${where}`, ...parameters)
    return row === undefined ? undefined : recordOf(row)
  }

  #records(where: string, ...parameters: SQLInputValue[]): ShardRecord[] {
    return this.#all(`SELECT ${recordColumns} FROM shards ${where}`, ...parameters).map(recordOf)
  }

  #get(sql: string, ...parameters: Binding[]): Row | undefined {
    return reading(() => this.#prepare(sql).get(...(parameters as SQLInputValue[])))
  }

  #all(sql: string, ...parameters: Binding[]): Row[] {
    return reading(() => this.#prepare(sql).all(...(parameters as SQLInputValue[])))
  }

  #prepare(sql: string): StatementSync {
    const prepared = this.#prepared.get(sql) ?? this.#db.prepare(sql)
    this.#prepared.set(sql, prepared)
    return prepared
  }
}

function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new CatalogueFailedError(`cannot be read: ${(cause as Error).message}`, { cause })
  }
}

/** A value for a `?`, or values by name. */
type Binding = SQLInputValue | Record<string, SQLInputValue>

function filterParameters(
  state: ShardStateName | undefined,
  text: string | undefined,
  active: ReadonlyMap<number, ShardStateName>
): Record<string, SQLInputValue> {
  return {
    state: state ?? null,
    text: text ?? null,
    active: JSON.stringify(Object.fromEntries(active))
  }
}
