import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'

/** The three standard streams: data goes to stdout, what is said about it to stderr. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: Output
  readonly stderr: Output & { readonly columns?: number }
}

type Output = Writable & { readonly isTTY?: boolean }

export function printLine({ stdout }: Terminal, text: string): void {
  stdout.write(`${text}\n`)
}

/** Says something about the data on stdout. */
export function printNote({ stderr }: Terminal, text: string): void {
  stderr.write(`${text}\n`)
}

/** Writes all of `chunks` at the pace of the reader. */
export async function writeBytes(
  output: Writable,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal
): Promise<void> {
  try {
    for await (const chunk of chunks) {
      signal.throwIfAborted()
      if (!output.write(chunk)) await once(output, 'drain', { signal })
    }
  } catch (error) {
    // `once` has an error of its own for this.
    signal.throwIfAborted()
    throw error
  }
}
