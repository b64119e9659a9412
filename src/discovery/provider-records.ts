import { Key, type Datastore } from 'interface-datastore'

/**
 * Removes the provider records of one DHT that are older than `maxAgeMs`. kad-dht would do that in
 * the round in which it also announces again what we gave up, so that round is off, and it answers
 * with records of any age.
 */
export async function removeOldRecords(
  datastore: Datastore,
  prefix: string,
  { maxAgeMs, signal }: { readonly maxAgeMs: number; readonly signal: AbortSignal }
): Promise<number> {
  const limit = Date.now() - maxAgeMs
  let removed = 0
  for await (const { key, value } of datastore.query(
    { prefix: `${prefix}/provider` },
    { signal }
  )) {
    if (readVarint(value) >= limit) continue
    await datastore.delete(new Key(key.toString()), { signal })
    removed += 1
  }
  return removed
}

/** A record is its time: ms since 1970. */
function readVarint(bytes: Uint8Array): number {
  let value = 0
  for (const [index, byte] of bytes.entries()) value += (byte & 127) * 128 ** index
  return value
}
