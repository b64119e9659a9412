import type { CID } from 'multiformats/cid'
import { CardockError } from '../errors.ts'

/** A config key that is unknown, or a value that it does not take. */
export class ConfigInvalidError extends CardockError {
  readonly code = 'CONFIG_INVALID'
  /** Key path as the file has it: 'Addresses.Swarm'. */
  readonly key: string

  constructor(key: string, why: string, options?: ErrorOptions) {
    super(`config ${key}: ${why}`, options)
    this.key = key
  }
}

/** Another process has the repo open. */
export class RepoLockedError extends CardockError {
  readonly code = 'REPO_LOCKED'

  constructor(path: string, options?: ErrorOptions) {
    super(
      `${path} is in use by another Cardock: stop it ('cardock shutdown', or end its process), or choose another repo with CARDOCK_PATH`,
      options
    )
  }
}

/** The repo was written by a Cardock that this one does not understand. */
export class RepoVersionError extends CardockError {
  readonly code = 'REPO_VERSION'
  readonly found: string

  constructor(path: string, found: string, known: number) {
    super(
      `${path} is a repo of version ${found}, this Cardock knows version ${known}: use the Cardock that made it, or a newer one`
    )
    this.found = found
  }
}

/** Text that was given as a CID and is none. */
export class CidInvalidError extends CardockError {
  readonly code = 'CID_INVALID'

  constructor(text: string, options?: ErrorOptions) {
    super(`${JSON.stringify(text.slice(0, 120))} is not a CID`, options)
  }
}

/** A directory on the path has no entry of that name. */
export class PathNotFoundError extends CardockError {
  readonly code = 'PATH_NOT_FOUND'

  constructor(path: string, name: string) {
    super(`no link named ${JSON.stringify(name)} under ${path}`)
  }
}

/** The path ends at something that has no bytes to read. */
export class NotAFileError extends CardockError {
  readonly code = 'NOT_A_FILE'

  constructor(path: string, what: string, options?: ErrorOptions) {
    super(`${path} is ${what}, not a file`, options)
  }
}

/** The path goes on below something that is no UnixFS directory. */
export class NotADirectoryError extends CardockError {
  readonly code = 'NOT_A_DIRECTORY'

  constructor(path: string, what: string) {
    super(`${path} is ${what}, not a directory`)
  }
}

/** A directory names an entry in a way that would leave the folder it is unpacked into. */
export class EntryNameError extends CardockError {
  readonly code = 'PATH_UNSAFE'

  constructor(directory: CID, name: string) {
    super(`directory ${directory} has an entry named ${JSON.stringify(name)}, which is not written`)
  }
}

/** A path or pattern at which there is no CAR. */
export class CarsNotFoundError extends CardockError {
  readonly code = 'MOUNT_UNAVAILABLE'

  constructor(pattern: string, options?: ErrorOptions) {
    super(`no CAR file is at ${pattern}: check the path`, options)
  }
}

/** It needs the network, and this peer was started without. */
export class OfflineError extends CardockError {
  readonly code = 'OFFLINE'

  constructor(what: string) {
    super(`${what} needs the network, and this peer is offline: run it without --offline`)
  }
}

/** A provider was given without the id that tells it from an impostor. */
export class ProviderAddressError extends CardockError {
  readonly code = 'USAGE_INVALID'

  constructor(address: string, options?: ErrorOptions) {
    super(`${address} does not name a peer: its multiaddr ends in /p2p/<peer id>`, options)
  }
}

/** The peer cannot listen for others at some of the addresses of `Addresses.Swarm`. */
export class ListenFailedError extends CardockError {
  readonly code = 'LISTEN_FAILED'

  /** @param reasons what the system said, by multiaddr */
  constructor(reasons: ReadonlyMap<string, string>, options?: ErrorOptions) {
    const list = Array.from(reasons, ([address, why]) => {
      const isTaken = why.includes('EADDRINUSE')
      return `${address} (${isTaken ? 'another program listens there' : why})`
    })
    super(
      `cannot listen on ${list.join(', ')}: end what is in the way, take free ports with \`cardock config set Addresses.Swarm '["/ip4/0.0.0.0/tcp/0"]'\`, or start with --profile test`,
      options
    )
  }
}
