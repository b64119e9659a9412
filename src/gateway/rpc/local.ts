import type { Peer } from '../../node/index.ts'
import { noFiles, type Call, type Caller, type Verb } from './verb.ts'

/** Runs verbs on a peer in this process, which it closes at the end. */
export class LocalCaller implements Caller {
  readonly #peer: Peer

  constructor(peer: Peer) {
    this.#peer = peer
  }

  call<Options extends object, Value>(
    verb: Verb<Options, Value>,
    { args = [], options, files = noFiles(), signal }: Call<Options>
  ): AsyncIterable<Value> {
    const set = options ?? ({} as Options)
    return verb.run({ peer: this.#peer }, { args, options: set, files, signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer.close()
  }
}
