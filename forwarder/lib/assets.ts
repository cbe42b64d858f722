/**
 * Text files of this repository that the program needs while it runs (CRDs, go.mod files), named by their path from
 * the repository's root. `scripts/build.ts` puts them into the bundle; run from source they are read from disk.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

/** Set by the bundler, absent when run from source. Brotli in base64: most processes read one or two of them. */
declare const STATEWIRE_ASSETS: Readonly<Record<string, string>> | undefined;

/**
 * The text of one file, such as `readAsset('deploy/crds/functiontriggers.yaml')`.
 *
 * @throws a plain Error where there is no such file: a defect of the program, not of its user.
 */
export function readAsset(name: string): string {
  if (typeof STATEWIRE_ASSETS === 'undefined') {
    return readFileSync(path.join(import.meta.dirname, '..', '..', name), 'utf8');
  }
  const packed = STATEWIRE_ASSETS[name];
  if (packed === undefined) throw new Error(`the bundle holds no file ${name}`);
  return brotliDecompressSync(Buffer.from(packed, 'base64')).toString();
}
