/**
 * The hard case: A was handled and recorded, B was delivered and not recorded yet, the forwarder is killed, and while it
 * is down the object goes back to A. The function has seen B last, so A must be sent again, although it is what the
 * record says.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import { FaultWorld } from '../support/fault-world.ts';
import type { TriggerYaml } from '../support/widgets.ts';

/** A delivery is recorded within a second. */
const RECORDED_MS = 2500;

interface Case {
  readonly what: string;
  readonly trigger: TriggerYaml;
  /** Patches that make A and B of an object. */
  readonly a: object;
  readonly b: object;
  readonly subresource?: string;
  /** What B is sent as. @defaultValue updated */
  readonly asB?: string;
}

const CASES: readonly Case[] = [
  { what: 'the spec', trigger: {}, a: { spec: { size: 1 } }, b: { spec: { size: 2 } } },
  {
    what: 'labels',
    trigger: { spec: { changes: ['Labels'] } },
    a: { metadata: { labels: { tier: 'a' } } },
    b: { metadata: { labels: { tier: 'b' } } },
  },
  {
    what: 'annotations',
    trigger: { spec: { changes: ['Annotations'] } },
    a: { metadata: { annotations: { tier: 'a' } } },
    b: { metadata: { annotations: { tier: 'b' } } },
  },
  {
    what: 'the status',
    trigger: { spec: { changes: ['Status'] } },
    a: { status: { phase: 'A' } },
    b: { status: { phase: 'B' } },
    subresource: 'status',
  },
  {
    what: 'a field',
    trigger: { spec: { fields: ['metadata.labels.tier'] } },
    a: { metadata: { labels: { tier: 'a' } } },
    b: { metadata: { labels: { tier: 'b' } } },
  },
  {
    what: 'a label selector',
    trigger: { watch: { labelSelector: { matchLabels: { tier: 'a' } } } },
    a: { metadata: { labels: { tier: 'a' } } },
    b: { metadata: { labels: { tier: 'b' } } },
    asB: 'deleted',
  },
  {
    what: 'a field selector',
    trigger: { watch: { fieldSelector: 'spec.tier=a' } },
    a: { spec: { tier: 'a' } },
    b: { spec: { tier: 'b' } },
    asB: 'deleted',
  },
];

describe('A state that was left and taken up again around a crash', { concurrency: 4 }, () => {
  for (const { what, trigger, a, b, subresource, asB = 'updated' } of CASES) {
    for (const when of ['during', 'right after'] as const) {
      it(`is sent again where ${what} counts and the kill comes ${when} the call in between`, async (t) => {
        const world = await FaultWorld.start(t, { churn: { objects: 0 }, trigger });
        const { bench } = world;
        const { host } = bench;
        const patch = (name: string, what: object): Promise<void> =>
          bench.patch(name, what, subresource === undefined ? {} : { subresource });
        // The other one's only purpose is that its record has just been written, and the next write is some time off.
        await bench.widgets({ name: 'one' }, { name: 'other' });
        await patch('one', a);
        await patch('other', a);
        await eventually('both are sent', () => host.of('one').length > 0 && host.of('other').length > 0);
        await quietFor(RECORDED_MS);
        const before = host.of('one').length;
        const killed = Promise.withResolvers<void>();
        let armed = false;
        const kill = (): void => void world.kill().then(killed.resolve, killed.reject);
        host.answer = ({ key }) => {
          if (!armed && key.endsWith('/other')) return {};
          if (!key.endsWith('/one')) return {};
          if (when === 'during') {
            kill();
            return { after: killed.promise };
          }
          setTimeout(kill, 50);
          return {};
        };
        armed = true;
        await patch('other', b);
        await patch('one', b);
        await killed.promise;
        host.answer = () => ({});
        assert.deepEqual(
          host
            .of('one')
            .slice(before)
            .map(({ type }) => type),
          [asB],
          'B was sent before the kill',
        );
        await patch('one', a);
        await world.restart();
        await eventually('A is sent again', () => host.of('one').length > before + 1);
        await quietFor(1000);
        const after = host.of('one').slice(before + 1);
        const last = after.at(-1);
        assert.ok(last !== undefined && last.type !== 'deleted', last?.type);
        const { metadata, ...rest } = last.data.object;
        assert.match(
          JSON.stringify({ labels: metadata.labels, annotations: metadata.annotations, ...rest }),
          /"a"|"A"|"size":1/,
        );
        assert.equal(
          new Set(host.of('one').map(({ id }) => id)).size,
          host.of('one').length,
          'each has an id',
        );
      });
    }
  }
});
