import type { ConnectionGater, MultiaddrConnection } from '@libp2p/interface'
import { listen } from '../exchange/index.ts'
import type { Log } from '../log.ts'

/**
 * Closes a connection on which nothing arrived for `silenceMs`. libp2p's monitor pings every peer,
 * so a live one is never silent for long; but a ping waits behind bulk data, so that one ping is
 * late says nothing. What we wrote ourselves says nothing either: the kernel takes it, peer or not.
 */
export class Liveness {
  readonly #log: Log
  readonly #silenceMs: number
  readonly #lastHeard = new Map<MultiaddrConnection, number>()
  #checking: NodeJS.Timeout | undefined

  constructor({ silenceMs, log }: { readonly silenceMs: number; readonly log: Log }) {
    this.#silenceMs = silenceMs
    this.#log = log
  }

  /**
   * Sees each connection when it is fully open, where it has readers already: a listener added
   * earlier would take bytes from them. It denies none.
   */
  get gater(): ConnectionGater {
    const watch = (connection: MultiaddrConnection): boolean => {
      this.#watch(connection)
      return false
    }
    return {
      denyInboundUpgradedConnection: (_peer, connection) => watch(connection),
      denyOutboundUpgradedConnection: (_peer, connection) => watch(connection)
    }
  }

  start(): void {
    this.#checking = setInterval(() => this.#check(), this.#silenceMs / 4).unref()
  }

  stop(): void {
    clearInterval(this.#checking)
  }

  #watch(connection: MultiaddrConnection): void {
    const heard = (): void => void this.#lastHeard.set(connection, performance.now())
    heard()
    listen(connection, heard)
    connection.addEventListener('close', () => this.#lastHeard.delete(connection))
  }

  #check(): void {
    const now = performance.now()
    for (const [connection, heard] of this.#lastHeard) {
      const silence = now - heard
      if (silence < this.#silenceMs) continue
      const address = connection.remoteAddr.toString()
      this.#log.info({ address, silenceMs: silence }, 'a silent connection was closed')
      connection.abort(new Error(`nothing came from ${address} for ${Math.round(silence)} ms`))
    }
  }
}
