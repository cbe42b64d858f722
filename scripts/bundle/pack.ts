import { brotliCompressSync } from 'node:zlib';

/** Text as the bundle carries it until it is needed: brotli, base64. */
export function pack(text: string): string {
  return brotliCompressSync(text).toString('base64');
}
