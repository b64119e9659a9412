/** `npm run bench -- <name> [--quick]`: asks one question of DESIGN.md section 7, prints a table and writes JSON. */
import { glob, mkdir, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import type { Bench, Row } from './bench.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false } }
})
const known = await benches()
const bench = known.get(positionals[0] ?? '')
if (bench === undefined) {
  process.stdout.write('npm run bench -- <name> [--quick]\n')
  for (const { name, question } of known.values()) process.stdout.write(`  ${name}  ${question}\n`)
  process.exitCode = positionals.length === 0 ? 0 : 1
} else {
  await ask(bench, values.quick)
}

async function benches(): Promise<Map<string, Bench>> {
  const found = new Map<string, Bench>()
  for await (const file of glob(join(import.meta.dirname, '*.ts'))) {
    if (['bench.ts', 'run.ts'].includes(basename(file))) continue
    const { bench: asked } = (await import(file)) as { bench?: Bench }
    if (asked !== undefined) found.set(asked.name, asked)
  }
  return found
}

async function ask(asked: Bench, quick: boolean): Promise<void> {
  const { name, question } = asked
  process.stdout.write(`${question}\n`)
  const rows = await asked.run({ quick })
  process.stdout.write(`${tableOf(rows)}\n`)
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memory: totalmem(),
    node: process.version
  }
  const path = join('.bench', `${name}.json`)
  await mkdir('.bench', { recursive: true })
  await writeFile(path, `${JSON.stringify({ name, question, quick, machine, rows }, null, 2)}\n`)
  process.stdout.write(
    `${machine.cores} cores, ${machine.cpu}, Node ${machine.node}; also in ${path}\n`
  )
}

function tableOf(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))]
  const table = new Table({ head: columns, style: { head: [], border: [] } })
  for (const row of rows) table.push(columns.map(column => String(row[column] ?? '')))
  return table.toString()
}
