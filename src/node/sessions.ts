import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import { waitFor } from '../abort.ts'
import { ClosedError } from '../errors.ts'
import { OfflineError } from './errors.ts'
import type { JoinOptions, SessionParts, SessionUse } from './shared-session.ts'
import { SharedSession } from './shared-session.ts'

/** Who writes the part of a root now: a fetch that others may join, or one that works alone. */
interface Turn {
  readonly session?: SharedSession
  readonly ended: Promise<void>
}

/** The fetches under way: one for each root, shared by everybody who reads below it. */
export class Sessions {
  readonly #parts: SessionParts | undefined
  /** By root. */
  readonly #turns = new Map<string, Turn>()
  #isClosed = false

  /** `parts` is undefined for a peer that is offline. */
  constructor(parts: SessionParts | undefined) {
    this.#parts = parts
  }

  /**
   * Joins the fetch of `root`, or begins it. The caller disposes what it gets.
   *
   * @throws OFFLINE without a network
   */
  async join(root: CID, options: JoinOptions): Promise<SessionUse> {
    for (;;) {
      if (this.#isClosed) throw new ClosedError('the peer')
      const turn = this.#turns.get(root.toString())
      if (turn === undefined) return this.#begin(root, options)
      if (turn.session?.isOpen === true) return turn.session.use(options)
      await waitFor(turn.ended, options)
    }
  }

  /** Runs `work` while nobody else writes the part of `root`. */
  async alone<T>(root: CID, work: () => Promise<T>, options: AbortOptions): Promise<T> {
    const key = root.toString()
    for (let turn = this.#turns.get(key); turn !== undefined; turn = this.#turns.get(key)) {
      await waitFor(turn.ended, options)
    }
    if (this.#isClosed) throw new ClosedError('the peer')
    const running = work()
    this.#setTurn(key, { ended: running.then(nothing, nothing) })
    return running
  }

  /** Ends all fetches; their parts stay. */
  async close(): Promise<void> {
    this.#isClosed = true
    const turns = [...this.#turns.values()]
    for (const { session } of turns) session?.end(new ClosedError('the peer'))
    await Promise.all(turns.map(({ ended }) => ended))
  }

  #begin(root: CID, options: JoinOptions): Promise<SessionUse> {
    if (this.#parts === undefined) throw new OfflineError(`fetching ${root}`)
    const session = new SharedSession(root, this.#parts, options.providers ?? [])
    this.#setTurn(root.toString(), { session, ended: session.ended })
    return session.use(options)
  }

  #setTurn(key: string, { session, ended }: Turn): void {
    const over = ended.then(() => void this.#turns.delete(key))
    this.#turns.set(key, session === undefined ? { ended: over } : { session, ended: over })
  }
}

function nothing(): void {}
