import type { CID } from 'multiformats/cid'
import { CardockError } from '../errors.ts'

/** No codec is known for a block, so nobody can say what it links to. */
export class CodecUnknownError extends CardockError {
  readonly code = 'CODEC_UNKNOWN'
  readonly cid: CID

  constructor(cid: CID) {
    super(`block ${cid} has the codec 0x${cid.code.toString(16)}, whose links cannot be read`)
    this.cid = cid
  }
}

/** Bytes are not what their codec says, or a value cannot be encoded; `cause` says where. */
export class CodecInvalidError extends CardockError {
  readonly code = 'CODEC_INVALID'

  constructor(what: string, codec: string, options: { cause: unknown }) {
    super(`${what} is not valid ${codec}: ${reasonOf(options.cause)}`, options)
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
