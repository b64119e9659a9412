/** A figure of a bench's table; the unit stands in the column's name. */
export interface Row {
  readonly what: string
  readonly [figure: string]: string | number
}

/** One question of DESIGN.md section 7, answered by measuring. */
export interface Bench {
  readonly name: string
  readonly question: string
  /** `quick` takes a small input: to see that it runs, not to quote. */
  run(options: { readonly quick: boolean }): Promise<Row[]>
}
