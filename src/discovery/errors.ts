import type { CID } from 'multiformats/cid'
import { CardockError } from '../errors.ts'

/** Nobody took the announcement, so nobody can find the block through us yet. */
export class ProvideFailedError extends CardockError {
  readonly code = 'PROVIDE_FAILED'
  readonly cid: CID
  /** True where trying again cannot help. */
  readonly permanent: boolean

  constructor(cid: CID, why: string, options?: ErrorOptions & { permanent?: boolean }) {
    super(`${cid} was not announced: ${why}`, options)
    this.cid = cid
    this.permanent = options?.permanent ?? false
  }
}
