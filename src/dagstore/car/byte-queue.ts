/** Bytes that arrived in pieces, looked at and taken in runs of the reader's choice. */
export class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array>
  #pieces: Uint8Array[] = []
  /** Bytes in `#pieces`. */
  #held = 0
  #position = 0

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** How many bytes were taken or skipped so far. */
  get position(): number {
    return this.#position
  }

  /** The next `length` bytes, which stay; fewer only at the end of the source. */
  async peek(length: number): Promise<Uint8Array> {
    while (this.#held < length && (await this.#pull())) {
      // pulled: look again
    }
    const first = this.#pieces[0]
    if (first === undefined) return new Uint8Array(0)
    if (first.length >= length) return first.subarray(0, length)
    const joined = Buffer.concat(this.#pieces)
    this.#pieces = [joined]
    return joined.subarray(0, length)
  }

  /** The next `length` bytes; fewer only at the end of the source. */
  async take(length: number): Promise<Uint8Array> {
    const bytes = await this.peek(length)
    this.#drop(bytes.length)
    return bytes
  }

  /** Takes `length` bytes without holding them; true when there were so many. */
  async skip(length: number): Promise<boolean> {
    let left = length
    while (left > 0) {
      if (this.#held === 0 && !(await this.#pull())) return false
      const dropped = Math.min(left, this.#pieces[0]!.length)
      this.#drop(dropped)
      left -= dropped
    }
    return true
  }

  /** Tells the source that no more of it is wanted. */
  async close(): Promise<void> {
    await this.#source.return?.()
  }

  /** False when the source has ended. */
  async #pull(): Promise<boolean> {
    const { done, value } = await this.#source.next()
    if (done === true) return false
    if (value.length > 0) this.#pieces.push(value)
    this.#held += value.length
    return true
  }

  /** Drops bytes that lie in the first piece. */
  #drop(length: number): void {
    const first = this.#pieces[0]
    if (first === undefined) return
    if (first.length === length) this.#pieces.shift()
    else this.#pieces[0] = first.subarray(length)
    this.#held -= length
    this.#position += length
  }
}
