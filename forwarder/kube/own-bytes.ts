/** A copy in memory of its own: a slice would keep the whole chunk alive, a pooled buffer the whole pool. */
export function ownBytes(bytes: Buffer, start = 0, end: number = bytes.length): Buffer {
  const copy = Buffer.allocUnsafeSlow(end - start);
  bytes.copy(copy, 0, start, end);
  return copy;
}
