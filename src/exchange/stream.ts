/**
 * The one way in which Cardock writes to a libp2p stream and reads from one. Nothing else touches
 * `send`, `onDrain` or `message` events: libp2p's own `onDrain()` waits only once in a stream's
 * life, and `for await` over a stream buffers without bound.
 */
import type {
  MessageStream,
  MultiaddrConnection,
  Stream,
  StreamCloseEvent,
  StreamMessageEvent
} from '@libp2p/interface'
import { type AbortOptions, waitFor } from '../abort.ts'
import { ClosedError } from '../errors.ts'

/** What a stream carries: one array, or a list of them that reads as one. */
export type StreamBytes = StreamMessageEvent['data']

/** Bytes that `receive` holds for a slow reader before it stops the sender. */
const heldBytesMax = 1_048_576

/**
 * Writes `bytes` and waits until the stream takes more. The stream keeps a reference: `bytes` must
 * not be changed until the stream is closed.
 *
 * @throws CLOSED, or the stream's own error, when it closed before it could take more
 */
export async function send(
  stream: MessageStream,
  bytes: StreamBytes,
  options: AbortOptions = {}
): Promise<void> {
  options.signal?.throwIfAborted()
  if (!stream.send(bytes)) await drained(stream, options)
}

/**
 * Everything the other side writes, until it closes its end. A reader that falls behind stops the
 * sender: at most 1 MiB, and what was on its way, is held. The stream stays the caller's to close.
 *
 * @throws the stream's own error when it was reset or aborted before its end
 */
export async function* receive(
  stream: Stream,
  options: AbortOptions = {}
): AsyncGenerator<Uint8Array, void, undefined> {
  options.signal?.throwIfAborted()
  const inbox = new Inbox(stream)
  try {
    for (;;) {
      const bytes = await inbox.next(options)
      if (bytes === undefined) return
      yield bytes
    }
  } finally {
    inbox.close()
  }
}

/**
 * Makes a stream fit for a library that writes to it by itself: its `onDrain()` waits every time,
 * and `onSent` sees each message that was handed to the wire.
 */
export function mend(stream: Stream, onSent: (bytes: StreamBytes) => void): Stream {
  const original = stream.send.bind(stream)
  stream.onDrain = async (options = {}) => drained(stream, options)
  stream.send = bytes => {
    const more = original(bytes)
    onSent(bytes)
    return more
  }
  return stream
}

/** Calls `onBytes` whenever something came in on a connection that has its reader already. */
export function listen(connection: MultiaddrConnection, onBytes: () => void): void {
  connection.addEventListener('message', onBytes)
}

async function drained(stream: MessageStream, options: AbortOptions): Promise<void> {
  while (stream.writableNeedsDrain) await drainOrClose(stream, options)
}

async function drainOrClose(stream: MessageStream, options: AbortOptions): Promise<void> {
  if (stream.status !== 'open') throw new ClosedError('the stream')
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onDrain = (): void => resolve()
  const onClose = (event: StreamCloseEvent): void =>
    reject(event.error ?? new ClosedError('the stream'))
  stream.addEventListener('drain', onDrain)
  stream.addEventListener('close', onClose)
  try {
    await waitFor(promise, options)
  } finally {
    stream.removeEventListener('drain', onDrain)
    stream.removeEventListener('close', onClose)
  }
}

/** Messages of a stream that its reader has not taken yet. */
class Inbox {
  readonly #stream: Stream
  readonly #held: Uint8Array[] = []
  readonly #listening = new AbortController()
  #heldBytes = 0
  #ended = false
  #error: Error | undefined
  #arrival = Promise.withResolvers<void>()

  constructor(stream: Stream) {
    this.#stream = stream
    const { signal } = this.#listening
    stream.addEventListener('message', event => this.#onMessage(event.data), { signal })
    stream.addEventListener('end', () => this.#onEnd(), { signal })
    stream.addEventListener('close', event => this.#onClose(event), { signal })
    if (stream.status === 'aborted' || stream.status === 'reset') {
      this.#onEnd(new ClosedError('the stream'))
    } else if (stream.readableEnded) {
      this.#onEnd()
    }
  }

  /** Undefined at the end of the stream. */
  async next(options: AbortOptions): Promise<Uint8Array | undefined> {
    for (;;) {
      const bytes = this.#held.shift()
      if (bytes !== undefined) {
        this.#heldBytes -= bytes.length
        return bytes
      }
      if (this.#error !== undefined) throw this.#error
      if (this.#ended) return undefined
      this.#arrival = Promise.withResolvers<void>()
      if (this.#stream.readStatus === 'paused') this.#stream.resume() // may bring something at once
      if (this.#held.length === 0 && !this.#ended) await waitFor(this.#arrival.promise, options)
    }
  }

  close(): void {
    this.#listening.abort()
  }

  #onMessage(data: StreamBytes): void {
    const bytes = data.subarray()
    this.#held.push(bytes)
    this.#heldBytes += bytes.length
    if (this.#heldBytes >= heldBytesMax && this.#stream.readStatus === 'readable') {
      this.#stream.pause()
    }
    this.#arrival.resolve()
  }

  /** A stream that closed in order may hold bytes still; its end comes after them. */
  #onClose({ error }: StreamCloseEvent): void {
    if (error !== undefined || this.#stream.readableEnded) this.#onEnd(error)
  }

  #onEnd(error?: Error): void {
    this.#ended = true
    this.#error ??= error
    this.#arrival.resolve()
  }
}
