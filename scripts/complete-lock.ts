/**
 * Makes package-lock.json good for `npm ci` on every platform: run after an `npm install` that changed it.
 *
 * A registry that carries the native bindings of one platform only leaves those of the others out of the lock, and
 * `npm ci` then calls it out of sync. Where a package was downloaded from is left out, so that any registry serves.
 */
import { readFileSync, writeFileSync } from 'node:fs';

export const LOCK_FILE = 'package-lock.json';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
  readonly [field: string]: unknown;
}

/** What the names of bindings call a system and a processor, and what npm calls them; the longest name first. */
const SYSTEMS = [
  'openharmony',
  'android',
  'darwin',
  'freebsd',
  'netbsd',
  'openbsd',
  'sunos',
  'linux',
  'win32',
  'aix',
] as const;
const PROCESSORS: Readonly<Record<string, string>> = {
  mips64el: 'mips64el',
  loong64: 'loong64',
  riscv64: 'riscv64',
  s390x: 's390x',
  ppc64: 'ppc64',
  arm64: 'arm64',
  wasm32: 'wasm32',
  ia32: 'ia32',
  x64: 'x64',
  arm: 'arm',
};

/** Bindings are required in one exact version; what is required in a range is no binding. */
const EXACT = /^\d+\.\d+\.\d+$/;

/** The lock with an entry for each binding that a package in it may want, and without addresses of a registry. */
export function completeLock(lock: Lock): Lock {
  const packages: Record<string, LockedPackage> = {};
  for (const [where, one] of Object.entries(lock.packages)) {
    const { resolved, ...rest } = one;
    packages[where] = resolved === undefined || /^https?:/.test(resolved) ? rest : one;
  }
  const outermostFirst = Object.entries(packages).toSorted(([a], [b]) => depth(a) - depth(b));
  for (const [where, { optionalDependencies = {} }] of outermostFirst) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (!EXACT.test(version)) continue;
      // As Node looks for it: the innermost folder first. A new one goes as far out as no other version is in the way.
      const places = folders(where).map((folder) => `${folder}node_modules/${name}`);
      const found = places.findIndex((place) => place in packages);
      const place = found === -1 ? places.at(-1) : places[found - 1];
      if (place === undefined || packages[places[found] ?? '']?.version === version) continue;
      packages[place] = binding(name, version);
    }
  }
  const sorted = Object.entries(packages).toSorted(([a], [b]) => a.localeCompare(b, 'en'));
  return { ...lock, packages: Object.fromEntries(sorted) };
}

function depth(where: string): number {
  return where.split('node_modules/').length;
}

/** The package and those around it, as prefixes, innermost first: `node_modules/a/node_modules/b/`, `node_modules/a/`, ''. */
function folders(where: string): string[] {
  const parts = where === '' ? [] : where.split('/node_modules/');
  const prefixes = parts.map((_, index) => `${parts.slice(0, index + 1).join('/node_modules/')}/`);
  return ['', ...prefixes].toReversed();
}

function binding(name: string, version: string): LockedPackage {
  const os = SYSTEMS.find((system) => name.includes(system));
  const cpu = Object.keys(PROCESSORS).find((processor) => name.includes(processor));
  return {
    version,
    ...(cpu !== undefined && { cpu: [PROCESSORS[cpu]] }),
    dev: true,
    optional: true,
    ...(os !== undefined && { os: [os] }),
  };
}

if (import.meta.main) {
  const lock = JSON.parse(readFileSync(LOCK_FILE, 'utf8')) as Lock;
  writeFileSync(LOCK_FILE, `${JSON.stringify(completeLock(lock), null, 2)}\n`);
}
