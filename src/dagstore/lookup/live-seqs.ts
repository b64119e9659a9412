/** A set of seqs, one bit each. */
export class LiveSeqs {
  #words = new Uint32Array(1024)

  has(seq: number): boolean {
    return ((this.#words[Math.floor(seq / 32)] ?? 0) & (1 << (seq % 32))) !== 0
  }

  add(seq: number): void {
    const word = Math.floor(seq / 32)
    if (word >= this.#words.length) {
      const words = new Uint32Array(2 ** Math.ceil(Math.log2(word + 1)))
      words.set(this.#words)
      this.#words = words
    }
    this.#words[word]! |= 1 << (seq % 32)
  }

  delete(seq: number): void {
    const word = Math.floor(seq / 32)
    if (word < this.#words.length) this.#words[word]! &= ~(1 << (seq % 32))
  }
}
