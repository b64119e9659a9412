import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Bench, Row } from './bench.ts'
import type { Answer, Measured, Order } from './bitswap-peer.ts'

const kibibyte = 1_024
const mebibyte = 1_048_576

/** Blocks of one size and how many of their bytes are carried. */
interface Load {
  readonly what: string
  readonly blockBytes: number
  readonly totalBytes: number
}

const loads: readonly Load[] = [
  { what: '4 KiB', blockBytes: 4 * kibibyte, totalBytes: 32 * mebibyte },
  { what: '256 KiB', blockBytes: 256 * kibibyte, totalBytes: 256 * mebibyte },
  { what: '1 MiB', blockBytes: mebibyte, totalBytes: 256 * mebibyte }
]

export const bench: Bench = {
  name: 'bitswap',
  question:
    'How fast is bitswap from one peer to one peer, in two processes over TLS on loopback, beside a raw libp2p stream in the same run? CPU of both processes; the median of interleaved runs.',
  async run({ quick }): Promise<Row[]> {
    const rows: Row[] = []
    for (const load of loads) {
      const totalBytes = quick ? Math.ceil(load.totalBytes / 16) : load.totalBytes
      rows.push(...(await measure({ ...load, totalBytes }, quick ? 1 : 3)))
    }
    return rows
  }
}

async function measure(load: Load, runs: number): Promise<Row[]> {
  const [server, client] = [new Peer(), new Peer()]
  try {
    const { addresses, cids } = await server.ask('serving', { type: 'serve', ...load })
    const raw: Run[] = []
    const bitswap: Run[] = []
    for (let run = 0; run < runs; run += 1) {
      raw.push(await timed(server, client, { type: 'raw', addresses }))
      bitswap.push(await timed(server, client, { type: 'bitswap', addresses, cids }))
    }
    const best = median(raw)
    return [
      rowOf(`${load.what}, raw stream`, best, best, load),
      rowOf(`${load.what}, bitswap`, median(bitswap), best, load)
    ]
  } finally {
    await Promise.all([server.stop(), client.stop()])
  }
}

interface Run {
  readonly seconds: number
  readonly bytes: number
  /** Of both processes. */
  readonly cpuSeconds: number
}

async function timed(server: Peer, client: Peer, order: Order): Promise<Run> {
  const before = await server.ask('cpu', { type: 'cpu' })
  const measured: Measured = await client.ask('measured', order)
  const after = await server.ask('cpu', { type: 'cpu' })
  return { ...measured, cpuSeconds: measured.cpuSeconds + after.seconds - before.seconds }
}

function median(runs: readonly Run[]): Run {
  const sorted = [...runs].sort((a, b) => a.seconds - b.seconds)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined) throw new Error('nothing was measured')
  return middle
}

function rowOf(what: string, { bytes, cpuSeconds, seconds }: Run, raw: Run, load: Load): Row {
  const rate = bytes / seconds
  return {
    what,
    'MB/s': Math.round(rate / 1e6),
    'blocks/s': Math.round(rate / load.blockBytes),
    'CPU-s/GiB': Number(((cpuSeconds * 1024 * mebibyte) / bytes).toFixed(1)),
    'of raw': Number((rate / (raw.bytes / raw.seconds)).toFixed(2))
  }
}

/** One peer in a process of its own. */
class Peer {
  readonly #process: ChildProcess = fork(new URL('bitswap-peer.ts', import.meta.url))

  async ask<T extends Answer['type']>(
    type: T,
    order: Order
  ): Promise<Extract<Answer, { type: T }>> {
    this.#process.send(order)
    const ended = new AbortController()
    const { signal } = ended
    try {
      const [answer] = await Promise.race([
        once(this.#process, 'message', { signal }) as Promise<[Answer]>,
        once(this.#process, 'exit', { signal }).then((): never => {
          throw new Error(`the peer ended while it was to ${order.type}`)
        })
      ])
      if (answer.type !== type) throw new Error(`${answer.type} in answer to ${order.type}`)
      return answer as Extract<Answer, { type: T }>
    } finally {
      ended.abort()
    }
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit')
    if (this.#process.exitCode === null && this.#process.kill()) await ended
  }
}
