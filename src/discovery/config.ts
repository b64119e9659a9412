import { withDefaults } from '../defaults.ts'

/** Times in milliseconds. */
export interface DiscoveryConfig {
  /** How long each table may be searched for providers. */
  readonly findTimeoutMs: number
  /** How long one announcement to one table may take. */
  readonly provideTimeoutMs: number
  /** How long a search waits for the first peer to ask, after the start. */
  readonly joinTimeoutMs: number
  /** How often everything is announced again; records live for 48 h. */
  readonly reprovideIntervalMs: number
  /** Announcements under way at once; each costs about 0.1 s of CPU. */
  readonly provideConcurrency: number
  /** How often one announcement is tried before the next sweep has to make it. */
  readonly provideAttemptsMax: number
  /** New items that wait to be announced before the rest; one more, and its turn comes with the sweep. */
  readonly freshMax: number
  /** First and longest wait before something that failed is tried again. */
  readonly retryMinMs: number
  readonly retryMaxMs: number
  /** How often provider records of others that ran out are removed. */
  readonly recordCleanupIntervalMs: number
}

const second = 1_000
const hour = 3_600 * second

const defaults: DiscoveryConfig = {
  findTimeoutMs: 30 * second,
  provideTimeoutMs: 60 * second,
  joinTimeoutMs: 10 * second,
  reprovideIntervalMs: 22 * hour,
  provideConcurrency: 4,
  provideAttemptsMax: 5,
  freshMax: 1_000,
  retryMinMs: second,
  retryMaxMs: 60 * second,
  recordCleanupIntervalMs: hour
}

export function resolveDiscovery(options: Partial<DiscoveryConfig> = {}): DiscoveryConfig {
  return withDefaults(defaults, options)
}

/** How long to wait before try number `attempt` + 1, where the first try is number 1. */
export function retryDelayMs({ retryMinMs, retryMaxMs }: DiscoveryConfig, attempt: number): number {
  return Math.min(retryMaxMs, retryMinMs * 2 ** (attempt - 1))
}
