import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Libp2p } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

/** A TCP link in front of a node: so many bytes a second each way, or none from some moment on. */
export class Link {
  readonly #target: number
  readonly #bytesPerSecond: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #cut = false

  private constructor(target: number, bytesPerSecond: number) {
    this.#target = target
    this.#bytesPerSecond = bytesPerSecond
    this.#server = createServer(socket => this.#join(socket))
  }

  static async to(node: Libp2p, bytesPerSecond: number = Infinity): Promise<Link> {
    const [, port] = node.getMultiaddrs()[0]?.getComponents() ?? []
    const link = new Link(Number(port?.value), bytesPerSecond)
    const { promise, resolve } = Promise.withResolvers<void>()
    link.#server.listen(0, '127.0.0.1', resolve)
    await promise
    return link
  }

  address(node: Libp2p): Multiaddr {
    const { port } = this.#server.address() as AddressInfo
    return multiaddr(`/ip4/127.0.0.1/tcp/${port}/p2p/${node.peerId}`)
  }

  /** Swallows every byte from now on, as a cable that was pulled: no end, no reset. */
  cut(): void {
    this.#cut = true
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #join(near: Socket): void {
    const far = connect(this.#target, '127.0.0.1')
    this.#carry(near, far)
    this.#carry(far, near)
  }

  #carry(from: Socket, to: Socket): void {
    this.#sockets.add(from)
    from.on('data', bytes => {
      if (this.#cut) return
      to.write(bytes)
      if (this.#bytesPerSecond === Infinity) return
      from.pause()
      setTimeout(() => from.resume(), (bytes.length / this.#bytesPerSecond) * 1_000)
    })
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
}
