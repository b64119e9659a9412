/** Verbs that need no peer: what a server and a client do with any verb is seen on them. */
import { once } from 'node:events'
import { CID } from 'multiformats/cid'
import { BlockMissingError } from '../../src/errors.ts'
import type { NoOptions, Verb } from '../../src/gateway/index.ts'

export const missing: CID = CID.parse('bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy')

interface EchoOptions {
  readonly times?: number
  readonly loud?: boolean
  readonly tags?: readonly string[]
}

/** What it was called with, `times` times. */
export const echoVerb: Verb<EchoOptions, { args: readonly string[]; options: EchoOptions }> = {
  path: 'echo',
  route: 'own',
  output: 'values',
  args: { name: 'text', min: 1, max: 3 },
  options: {
    times: { type: 'integer', minimum: 1, description: 'how often' },
    loud: { type: 'boolean', description: 'or not' },
    tags: { type: 'array', items: { type: 'string' }, description: 'any' }
  },
  async *run(_context, { args, options }) {
    for (let at = 0; at < (options.times ?? 1); at++) yield { args, options }
  }
}

/** Fails before anything, or after so many chunks. */
export const failVerb: Verb<{ readonly after?: number }, Uint8Array> = {
  path: 'fail',
  route: 'own',
  output: 'bytes',
  args: { name: 'none', min: 0, max: 0 },
  options: { after: { type: 'integer', minimum: 0, description: 'chunks' } },
  async *run(_context, { options }) {
    for (let at = 0; at < (options.after ?? 0); at++) yield Buffer.alloc(1_000, at)
    throw new BlockMissingError(missing)
  }
}

/** Name and length of each file in the body. */
export const sizesVerb: Verb<NoOptions, { name: string; bytes: number }> = {
  path: 'sizes',
  route: 'own',
  output: 'values',
  args: { name: 'none', min: 0, max: 0 },
  options: {},
  body: 'multipart',
  async *run(_context, { files }) {
    for await (const { name, content } of files) {
      let bytes = 0
      for await (const chunk of content) bytes += chunk.length
      yield { name, bytes }
    }
  }
}

/** Gets an `end` whenever a {@link waitVerb} has ended. */
export const waitEnds: EventTarget = new EventTarget()

/** Yields one value, then waits until it is aborted. */
export const waitVerb: Verb<NoOptions, { waiting: boolean }> = {
  path: 'wait',
  route: 'own',
  output: 'values',
  args: { name: 'none', min: 0, max: 0 },
  options: {},
  async *run(_context, { signal }) {
    try {
      yield { waiting: true }
      await once(signal, 'abort')
      throw signal.reason
    } finally {
      waitEnds.dispatchEvent(new Event('end'))
    }
  }
}

/** Chunks without end; counts how many were taken from it. */
export const flood: { taken: number } = { taken: 0 }

export const floodVerb: Verb<NoOptions, Uint8Array> = {
  path: 'flood',
  route: 'own',
  output: 'bytes',
  args: { name: 'none', min: 0, max: 0 },
  options: {},
  async *run() {
    for (;;) {
      flood.taken += 1
      yield Buffer.alloc(65_536)
    }
  }
}
