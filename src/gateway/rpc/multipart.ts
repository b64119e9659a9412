import { randomUUID } from 'node:crypto'
import type { InputFile } from './verb.ts'

/** Files as the body of a request, one after another, none held in memory. */
export interface Multipart {
  readonly contentType: string
  readonly chunks: AsyncIterable<Uint8Array>
}

/** https://www.rfc-editor.org/rfc/rfc7578 section 4 */
export function multipartOf(files: AsyncIterable<InputFile>): Multipart {
  const boundary = `cardock-${randomUUID()}`
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    chunks: encode(files, boundary)
  }
}

async function* encode(
  files: AsyncIterable<InputFile>,
  boundary: string
): AsyncGenerator<Uint8Array> {
  for await (const { name, content } of files) {
    yield Buffer.from(
      `--${boundary}\r\n` +
        `Content-Disposition: form-data; name="file"; filename="${escape(name)}"\r\n` +
        'Content-Type: application/octet-stream\r\n\r\n'
    )
    yield* content
    yield Buffer.from('\r\n')
  }
  yield Buffer.from(`--${boundary}--\r\n`)
}

function escape(name: string): string {
  return name.replaceAll(/["\r\n]/g, character => encodeURIComponent(character))
}
