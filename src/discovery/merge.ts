/**
 * What all of `sources` yield, as it comes. They must end when their consumer stops: each is asked
 * for its next value before the last was taken.
 */
export async function* merge<T>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  const turns = new Map<AsyncIterator<T>, Promise<Turn<T>>>()
  const advance = (iterator: AsyncIterator<T>): void => {
    turns.set(
      iterator,
      iterator.next().then(result => ({ iterator, result }))
    )
  }
  for (const source of sources) advance(source[Symbol.asyncIterator]())
  try {
    while (turns.size > 0) {
      const { iterator, result } = await Promise.race(turns.values())
      if (result.done === true) {
        turns.delete(iterator)
      } else {
        advance(iterator)
        yield result.value
      }
    }
  } finally {
    // Not awaited: each stops at the end of its turn, and its consumer is gone.
    for (const [iterator, turn] of turns) {
      turn.then(async () => iterator.return?.()).catch(() => {})
    }
  }
}

interface Turn<T> {
  readonly iterator: AsyncIterator<T>
  readonly result: IteratorResult<T>
}
