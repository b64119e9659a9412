import type { CID } from 'multiformats/cid'
import { loadNode } from '../../node.ts'

/** @throws CID_INVALID */
export async function cidOf(text: string): Promise<CID> {
  const { parseCid } = await loadNode()
  return parseCid(text)
}
