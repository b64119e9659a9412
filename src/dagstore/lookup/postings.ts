/** Newest seqs kept of one fingerprint: a block that is in every shard would have one for each. */
export const postingsMax = 32

/** Fingerprints and, at the same places, the seqs that have them. */
export interface Postings {
  readonly fingerprints: Float64Array
  readonly seqs: Float64Array
}

/** Adds `seq` to at most `postingsMax` of them, highest first; the lowest gives way. */
export function addSeq(seqs: number[], seq: number): void {
  let place = seqs.length
  while (place > 0 && seqs[place - 1]! < seq) place -= 1
  if (place > 0 && seqs[place - 1] === seq) return
  seqs.splice(place, 0, seq)
  if (seqs.length > postingsMax) seqs.pop()
}
