/**
 * Gives the memory behind `view` back now; whoever still holds the view finds it empty. For large
 * arrays of known end: a collection that finds them comes late, so that one build's garbage would
 * stand beside the next build.
 */
export function release({ buffer }: ArrayBufferView): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}
