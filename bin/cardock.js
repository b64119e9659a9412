#!/usr/bin/env node
// Starts Cardock on a Node that can run it. Plain, old JavaScript: any Node since 12.20 reads this file,
// so that an old one gets an answer instead of a syntax error.
import { spawn, spawnSync } from 'child_process'
import { existsSync, readFileSync } from 'fs'
import * as modules from 'module'
import { dirname, join } from 'path'
import { isatty } from 'tty'
import { fileURLToPath, pathToFileURL } from 'url'

const nodeMajorMin = 24
const root = dirname(dirname(fileURLToPath(import.meta.url)))

if (majorOf(process.version) >= nodeMajorMin) {
  // Most of a short command's time would go into compiling what it loads.
  modules.enableCompileCache()
  // A clone runs its sources, a package what was built of them.
  const main = existsSync(join(root, 'src')) ? 'src/cli/main.ts' : 'dist/cli/main.js'
  void import(pathToFileURL(join(root, main)).href)
} else {
  const node = findNode(root)
  if (node === undefined) answerOnOldNode(process.argv[2])
  else runOn(node)
}

function majorOf(version) {
  return Number(/^v(\d+)/.exec(version.trim())[1])
}

/** The `node` of an npm package in this folder or the nearest one above it, when it is new enough. */
function findNode(from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const node = join(folder, 'node_modules', '.bin', 'node')
    if (existsSync(node) && isNewEnough(node)) return node
    if (dirname(folder) === folder) return undefined
  }
}

function isNewEnough(node) {
  const answer = spawnSync(node, ['--version'], { encoding: 'utf8' })
  return answer.status === 0 && majorOf(answer.stdout) >= nodeMajorMin
}

function runOn(node) {
  const args = process.execArgv.concat(process.argv.slice(1))
  const child = spawn(node, args, { stdio: 'inherit' })
  // A terminal gives its Ctrl-C to the child too: passed on once more, it would count as the second.
  const hasTerminal = [0, 1, 2].some(descriptor => isatty(descriptor))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !hasTerminal) child.kill(signal)
    })
  }
  child.on('error', error => fail('cannot run ' + node + ': ' + error.message))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function answerOnOldNode(command) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  if (command === '--version' || command === 'version') console.log('cardock version ' + version)
  else if (command === '--help' || command === '-h' || command === 'help') console.log(help())
  else fail(needed())
}

function help() {
  return [
    'Usage: cardock <command> [options]',
    '',
    'CAR files as a live peer on the IPFS network, and DAGs from the network as CAR files.',
    'Every command is described in ' + join(root, 'docs', 'cli.md') + '.',
    '',
    needed()
  ].join('\n')
}

function needed() {
  return (
    'Cardock needs Node.js ' +
    nodeMajorMin +
    ' or newer, and this is ' +
    process.version +
    '. Install it from https://nodejs.org, or run: npm install --prefix ' +
    root +
    ' node@' +
    nodeMajorMin
  )
}

function fail(message) {
  console.error('Error: ' + message)
  process.exit(1)
}
