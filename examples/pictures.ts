/** Three small pictures, drawn by rule and packed as PNG. */
import { crc32, deflateSync } from 'node:zlib'

type Colour = readonly [red: number, green: number, blue: number]

const width = 480
const height = 320

/** A lighthouse at dusk, its beam over the water. */
export function lighthouse(): Uint8Array {
  return png((x, y) => {
    const sky: Colour = mix([24, 32, 72], [250, 150, 90], Math.min(1, y / 210))
    const wave = Math.sin(x / 17 + y / 3) + Math.sin(x / 7 - y / 5)
    const sea: Colour = mix([18, 40, 70], [200, 120, 90], 0.18 + 0.07 * wave)
    const angle = Math.atan2(y - 92, x - 330)
    const beam = Math.abs(Math.abs(angle) - Math.PI) < 0.13 && x < 330 ? 0.45 * (x / 330) : 0
    if (inTower(x, y)) return Math.floor((y - 84) / 26) % 2 === 0 ? [235, 232, 225] : [190, 50, 45]
    const shore = 224 + 6 * Math.sin((x - 250) / 31) + Math.max(0, (300 - x) * 1.3)
    if (y > shore) return [40, 38, 44]
    return mix(y < 214 ? sky : sea, [255, 244, 200], beam)
  })
}

/** A Julia set, in the colours of deep water. */
export function julia(): Uint8Array {
  return png((x, y) => {
    let [re, im] = [(x - width / 2) / 140, (y - height / 2) / 140]
    let steps = 0
    while (re * re + im * im < 16 && steps < 96) {
      ;[re, im] = [re * re - im * im - 0.79, 2 * re * im + 0.15]
      steps += 1
    }
    const depth = steps === 96 ? 0 : Math.sqrt(steps / 96)
    return mix([6, 12, 34], [180, 240, 230], depth)
  })
}

/** Dunes behind the harbour, one ridge before the other. */
export function dunes(): Uint8Array {
  return png((x, y) => {
    for (let ridge = 4; ridge >= 0; ridge--) {
      const crest = 110 + ridge * 42 + 22 * Math.sin(x / (60 + ridge * 14) + ridge * 1.7)
      const light = 0.5 + 0.5 * Math.cos(x / (60 + ridge * 14) + ridge * 1.7)
      if (y > crest) return mix([120 - ridge * 14, 78, 60], [246, 206 - ridge * 12, 140], light)
    }
    return mix([150, 196, 224], [240, 232, 214], y / 200)
  })
}

function inTower(x: number, y: number): boolean {
  if (y < 72 || y > 232) return false
  const half = y < 84 ? 9 : 11 + (y - 84) / 16
  return Math.abs(x - 330) <= half
}

function mix(from: Colour, to: Colour, part: number): Colour {
  const at = Math.max(0, Math.min(1, part))
  return [
    from[0] + (to[0] - from[0]) * at,
    from[1] + (to[1] - from[1]) * at,
    from[2] + (to[2] - from[2]) * at
  ]
}

function png(colourAt: (x: number, y: number) => Colour): Uint8Array {
  const rows = new Uint8Array(height * (1 + width * 3))
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows.set(colourAt(x, y), y * (1 + width * 3) + 1 + x * 3)
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])
  const body = [chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND')]
  return Buffer.concat([signature, ...body])
}

function chunk(type: string, data: Uint8Array = new Uint8Array()): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'ascii'), data])
  const framed = Buffer.alloc(typed.length + 8)
  framed.writeUInt32BE(data.length, 0)
  framed.set(typed, 4)
  framed.writeUInt32BE(crc32(typed), typed.length + 4)
  return framed
}
