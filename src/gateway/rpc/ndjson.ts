import { LimitExceededError } from '../../errors.ts'

/** Characters of one line: more than any value that a verb yields. */
const lineLengthMax = 16 * 2 ** 20

/** JSON values, a line each, out of bytes that are cut anywhere. A last line needs no line end. */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > lineLengthMax) {
      throw new LimitExceededError('line of an RPC answer', lineLengthMax, 'lineLengthMax')
    }
    for (const line of lines) if (line !== '') yield JSON.parse(line)
  }
  rest += decoder.decode()
  if (rest !== '') yield JSON.parse(rest)
}
