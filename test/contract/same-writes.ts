/** Writes at random, made to two API servers alike: what they answer and what they store has to be the same. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import type { Answer, Loose } from '../support/api-under-test.ts';
import type { ApiWorld, Collection } from '../support/api-world.ts';

interface Write {
  readonly verb: 'post' | 'put' | 'merge' | 'apply' | 'json' | 'delete';
  readonly name: string;
  readonly toStatus: boolean;
  readonly body: Loose;
  readonly operations: Loose;
  readonly manager: string;
  readonly force: boolean;
  /** Under which version, of those that were seen of the object. */
  readonly version: 'none' | 'newest' | 'older';
}

/** One of the values for each field, or none; what is refused is rare, so that most writes have an effect. */
function some(values: Readonly<Record<string, readonly unknown[]>>): fc.Arbitrary<object> {
  const arbitraries = Object.entries(values).map(([key, list]) => [key, fc.constantFrom(...list)] as const);
  return fc.record(Object.fromEntries(arbitraries), { requiredKeys: [] });
}

const spec = some({
  size: [0, 1, 2, 0, 1, 2, 0, 1, 2, -1, 'x'],
  tier: ['gold', 'silver', 'gold', 'silver', 'gold', 'silver', 'gold', 'silver', 'tin', 5],
  color: ['red', 'blue'],
  labels: [{}, { x: '0' }, { x: '1', y: '0' }, { y: '1', z: '1' }],
  free: [{}, { a: { b: 1 } }, { a: { c: [1, 0] } }],
  list: [[], ['a'], ['a', 'b']],
  set: [[], ['p'], ['p', 'q'], ['q', 'r']],
  ports: [
    [],
    [{ name: 'm' }],
    [{ name: 'm', number: 1 }, { name: 'n' }],
    [{ name: 'o' }, { name: 'm', number: 2 }],
  ],
  odd: [...Array.from({ length: 19 }, () => undefined), 1],
});
const status = some({
  phase: ['x', 'y'],
  replicas: [0, 1],
  conditions: [
    [],
    [{ type: 'Ready', status: 'True' }],
    [
      { type: 'Synced', status: 'False', reason: 'R' },
      { type: 'Ready', status: 'False' },
    ],
  ],
});
const metadata = some({
  labels: [{ l: '1' }, { l: '2', k: '1' }],
  annotations: [{ a: '1' }, { b: '2' }],
  finalizers: [['e.com/x'], ['e.com/y', 'e.com/x']],
});
const operations = fc.constantFrom(
  [{ op: 'add', path: '/spec/size', value: 1 }],
  [{ op: 'remove', path: '/spec/tier' }],
  [{ op: 'replace', path: '/status/phase', value: 'z' }],
  [{ op: 'add', path: '/spec/list/0', value: 'k' }],
  [
    { op: 'test', path: '/spec/size', value: 1 },
    { op: 'add', path: '/metadata/labels', value: { j: 'p' } },
  ],
  [{ op: 'remove', path: '/metadata/finalizers' }],
);

/** A kind, and what is written to two objects of it, one after the other. */
export const writes: fc.Arbitrary<readonly [string, Write[]]> = fc.tuple(
  fc.constantFrom('widgets', 'gauges', 'plains'),
  fc.array(
    fc.record({
      verb: fc.constantFrom(
        ...(['post', 'put', 'json', 'delete'] as const),
        ...(['merge', 'merge', 'apply', 'apply', 'apply', 'apply', 'apply'] as const),
      ),
      name: fc.constantFrom('a', 'a', 'b'),
      toStatus: fc.constantFrom(false, false, true),
      body: fc.record({ metadata, spec, status }, { requiredKeys: [] }),
      operations,
      manager: fc.constantFrom('one', 'two', 'three'),
      force: fc.boolean(),
      version: fc.constantFrom('none', 'none', 'newest', 'older'),
    }),
    { minLength: 20, maxLength: 40 },
  ),
);

/** Makes the writes to both, and throws at the first difference. */
export async function sameWrites(
  worlds: readonly [ApiWorld, ApiWorld],
  [plural, list]: readonly [string, readonly Write[]],
): Promise<void> {
  const sides = await Promise.all(worlds.map(async (world) => new Side(await world.collection(plural))));
  for (const write of list) {
    const [first, second] = await Promise.all(sides.map((side) => side.make(write)));
    assert.deepEqual(second, first, JSON.stringify(write));
  }
}

class Side {
  readonly #objects: Collection;
  readonly #versions = new Map<string, { readonly newest: string; readonly older: string }>();

  constructor(objects: Collection) {
    this.#objects = objects;
  }

  async make(write: Write): Promise<unknown> {
    const { name } = write;
    const { status: code, body } = await this.#send(write);
    const { body: now } = await this.#objects.get(name);
    const version = now.metadata?.resourceVersion as string | undefined;
    const known = this.#versions.get(name);
    if (version !== undefined) this.#versions.set(name, { newest: version, older: known?.newest ?? version });
    const causes = (body.details?.causes ?? []) as { reason: string; field: string }[];
    return {
      code,
      reason: code < 300 ? undefined : body.reason,
      causes: new Set(causes.map(({ reason, field }) => `${reason} ${field}`)),
      answer: body.kind === 'Status' ? undefined : comparable(body),
      stored: comparable(now),
      isChanged: version !== known?.newest,
    };
  }

  async #send({
    verb,
    name,
    toStatus,
    body,
    operations: steps,
    manager,
    force,
    version,
  }: Write): Promise<Answer> {
    const path = toStatus ? `${name}/status` : name;
    const known = version === 'none' ? undefined : this.#versions.get(name)?.[version];
    const versioned =
      known === undefined ? body : { ...body, metadata: { ...body.metadata, resourceVersion: known } };
    switch (verb) {
      case 'post':
        return this.#objects.post(name, body);
      case 'put': {
        const { body: live } = await this.#objects.get(name);
        if (live.kind === 'Status') return this.#objects.put(path, this.#objects.object(name, body));
        return this.#objects.put(path, {
          ...live,
          ...body,
          metadata: { ...live.metadata, ...body.metadata },
        });
      }
      case 'merge':
        return this.#objects.merge(path, versioned);
      case 'apply':
        return this.#objects.apply(path, versioned, { manager, force });
      case 'json':
        return this.#objects.json(path, steps);
      case 'delete':
        return this.#objects.remove(name);
      default:
        return verb satisfies never;
    }
  }
}

/** What differs between any two servers. */
const OWN = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'time',
  'namespace',
  'message',
]);

function comparable(object: Loose): Loose {
  return JSON.parse(
    JSON.stringify(object, (key, value: Loose) => {
      if (OWN.has(key)) return undefined;
      // Their order depends on the second in which they were written.
      if (key === 'managedFields')
        return value.toSorted((a: Loose, b: Loose) => (keyOf(a) < keyOf(b) ? -1 : 1));
      return value;
    }),
  );
}

function keyOf({ operation, manager, subresource = '' }: Loose): string {
  return `${operation} ${manager} ${subresource}`;
}
