import { withDefaults } from '../../defaults.ts'
import { carLimitDefaults } from '../car/limits.ts'

const MiB = 1024 * 1024

/** How an inbound CAR is written. Sizes in bytes, times in milliseconds. */
export interface InboundConfig {
  /** One write to the file. */
  readonly writeBytes: number
  /** Accepted and not yet written: from here on `append` waits. */
  readonly unwrittenBytesMax: number
  /** A mark, and an fsync before it, at least every so many bytes. */
  readonly markBytes: number
  /** A mark at the latest so long after the first block that no mark covers. */
  readonly markIntervalMs: number
  /** Longest section, CID and block, that is accepted: what a reader of the CAR accepts. */
  readonly sectionBytesMax: number
}

const defaults: InboundConfig = {
  writeBytes: MiB,
  unwrittenBytesMax: 8 * MiB,
  markBytes: 64 * MiB,
  markIntervalMs: 10_000,
  sectionBytesMax: carLimitDefaults.sectionBytesMax
}

export function resolveInbound(options: Partial<InboundConfig> = {}): InboundConfig {
  return withDefaults(defaults, options)
}
