import type { Dagstore } from '../dagstore/index.ts'
import type { AnnounceSource, CursorStore, Discovery } from '../discovery/index.ts'

/** For a peer that nobody can dial: it announces nothing, and leaves the place of who did alone. */
export const nothingAnnounced: AnnounceSource & CursorStore = {
  async *announceItems() {},
  note: () => undefined,
  async setNote() {}
}

/** Roots of new shards are announced at once; the sweep finds what else their policy says. */
export function announceNew(dagstore: Dagstore, discovery: Discovery): () => void {
  return dagstore.onRegistered(({ announce, roots }) => {
    if (announce !== 'none') for (const root of roots) discovery.enqueue(root)
  })
}
