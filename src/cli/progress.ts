import { SingleBar } from 'cli-progress'
import type { FetchProgressValue } from '../gateway/index.ts'
import { formatBytes, formatCount } from './render.ts'
import { printNote, type Terminal } from './terminal.ts'

/** Shows how far something is, on stderr: on one line of a terminal, else as a line now and then. */
export interface ProgressLine extends Disposable {
  update(text: string): void
}

/** Of a terminal that does not say how wide it is. */
const columnsByDefault = 80

/** Without a terminal: how often a line is due. */
const plainIntervalMs = 2_000

/** A terminal gets it unasked; without one, only who asked for it does. */
export function progressLine(terminal: Terminal, isWanted: boolean): ProgressLine {
  if (terminal.stderr.isTTY === true) return terminalLine(terminal)
  return isWanted ? plainLine(terminal) : noLine
}

const noLine: ProgressLine = { update() {}, [Symbol.dispose]() {} }

function terminalLine({ stderr }: Terminal): ProgressLine {
  const bar = new SingleBar({
    format: '{text}',
    stream: stderr,
    clearOnComplete: true,
    hideCursor: true
  })
  bar.start(1, 0, { text: '' })
  return {
    // The last column stays free: the bar clears the line from the cursor on, which rests there.
    update: text => bar.update({ text: fit(text, (stderr.columns ?? columnsByDefault) - 1) }),
    [Symbol.dispose]: () => bar.stop()
  }
}

/** The first line at once, the last one at the end. */
function plainLine(terminal: Terminal): ProgressLine {
  let printed = ''
  let latest = ''
  const print = (): void => {
    if (latest !== printed) printNote(terminal, latest)
    printed = latest
  }
  const timer = setInterval(print, plainIntervalMs)
  return {
    update(text) {
      latest = text
      if (printed === '') print()
    },
    [Symbol.dispose]() {
      clearInterval(timer)
      print()
    }
  }
}

/** As much of a text as one line shows. */
export function fit(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`
}

/** How far a fetch is: what came, how fast, from how many, what it waits for, and why it may. */
export function describeFetch(progress: FetchProgressValue): string {
  const { blocks, bytes, reusedBlocks, reusedBytes, rate, peers, waitingFor } = progress
  return [
    formatCount(blocks, 'block'),
    formatBytes(bytes),
    `${formatBytes(rate)}/s`,
    peers.length === 0 ? 'no peer yet' : formatCount(peers.length, 'peer'),
    waitingFor[0] === undefined ? '' : `waiting for …${waitingFor[0].slice(-6)}`,
    undialableText(progress.undialable),
    reusedBlocks === 0 ? '' : `${reusedBlocks} here already (${formatBytes(reusedBytes)})`
  ]
    .filter(part => part !== '')
    .join(' · ')
}

/** `2 providers cannot be dialled (quic-v1 only: 1, timed out: 1)`, or nothing. */
function undialableText({ count, reasons }: FetchProgressValue['undialable']): string {
  if (count === 0) return ''
  const list = Object.entries(reasons).map(([reason, times]) => `${reason}: ${times}`)
  return `${formatCount(count, 'provider')} cannot be dialled (${list.join(', ')})`
}
