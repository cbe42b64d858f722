/** What a new forwarder makes of what an earlier one has handled. `STATEWIRE_SOAK=1`: with 20,000 objects. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Call } from '../support/function-host.ts';
import { eventually, quietFor } from '../support/eventually.ts';
import { FaultWorld } from '../support/fault-world.ts';
import { widgetCrd } from '../support/widgets.ts';

const OBJECTS = process.env['STATEWIRE_SOAK'] === '1' ? 20_000 : 2000;
/** A delivery is recorded within a second. */
const RECORDED_MS = 3000;

const nameOf = ({ key }: Call): string => key.split('/')[1] ?? '';
const names = (stem: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${stem}-${index}`);

/** A CRD whose spec has one more field, with a default: every object changes, and nobody has changed one. */
function upgraded(group: string): unknown {
  return widgetCrd(group, {
    spec: {
      type: 'object',
      default: {},
      'x-kubernetes-preserve-unknown-fields': true,
      properties: {
        tier: { type: 'string' },
        size: { type: 'integer', format: 'int64' },
        color: { type: 'string', default: 'blue' },
      },
    },
  });
}

describe('A forwarder that starts again', { concurrency: 1 }, () => {
  it(`sends none of ${OBJECTS} handled objects, also where a CRD got a new default`, async (t) => {
    const world = await FaultWorld.start(t, {
      churn: { objects: OBJECTS },
      trigger: { spec: { delivery: { concurrency: 50 } } },
    });
    await world.churn.fill();
    await world.settled(OBJECTS * 20);
    await quietFor(RECORDED_MS);
    const { host } = world.bench;
    assert.equal(host.calls.length, OBJECTS);
    /** Restarts, and changes one object to see when everything before it was looked at. */
    const restartQuietly = async (end: () => Promise<unknown>, size: number): Promise<void> => {
      const before = host.calls.length;
      await world.restart();
      await eventually(
        'all are known',
        async () => (await world.metric('statewire_watched_objects')) === OBJECTS,
        { withinMs: 120_000 },
      );
      await world.bench.patch('c-0', { spec: { size } });
      await eventually('the change is sent', () => host.calls.length > before);
      await quietFor(RECORDED_MS);
      assert.deepEqual(
        host.calls.slice(before).map((call) => `${call.type} ${nameOf(call)}`),
        ['updated c-0'],
      );
      await end();
    };
    await world.kill();
    await restartQuietly(() => world.kill(), -1);
    await restartQuietly(() => world.stop(), -2);
    await world.bench.applyCrd(upgraded(world.bench.group));
    const object = await eventually('the default shows', async () => {
      const read = await world.bench.get<{ spec: { color?: string } }>('widget', 'c-1');
      return read.spec.color === undefined ? undefined : read;
    });
    assert.equal(object.spec.color, 'blue');
    await restartQuietly(() => world.kill(), -3);
  });

  for (const how of ['kill', 'stop'] as const) {
    it(`after a ${how} sends exactly what was created, changed and deleted meanwhile`, async (t) => {
      const world = await FaultWorld.start(t, { churn: { objects: 0 } });
      const { bench, api } = world;
      const { host } = bench;
      const [gone, changed, labelled] = [names('gone', 100), names('changed', 100), names('labelled', 50)];
      await bench.createMany([...gone, ...changed, ...labelled, 'gone-again']);
      await eventually('all are handled', () => host.calls.length === 251);
      await quietFor(RECORDED_MS);
      const uids = new Map(host.calls.map((call) => [nameOf(call), call.headers['ce-partitionkey']]));
      await world[how]();
      await Promise.all([
        ...[...gone, 'gone-again'].map((name) => api.call('DELETE', world.path(name))),
        ...changed.map((name) => api.call('PATCH', world.path(name), { spec: { size: -1 } })),
        ...labelled.map((name) => api.call('PATCH', world.path(name), { metadata: { labels: { a: 'b' } } })),
      ]);
      await bench.createMany(['new', 'gone-again']);
      await world.restart();
      const expected = [
        ...gone.map((name) => `deleted ${name} GoneWhileAway`),
        ...changed.map((name) => `updated ${name} Watch`),
        'created gone-again Watch',
        'created new Watch',
        'deleted gone-again GoneWhileAway',
      ].toSorted();
      const later = (): Call[] => host.calls.slice(251);
      await eventually('all of it is sent', () => later().length >= expected.length);
      await quietFor(RECORDED_MS);
      const said = later().map((call) => `${call.type} ${nameOf(call)} ${call.data.reason}`);
      assert.deepEqual(said.toSorted(), expected);
      assert.ok(
        said.indexOf('deleted gone-again GoneWhileAway') < said.indexOf('created gone-again Watch'),
        'the end of the first life comes before the second one',
      );
      for (const call of later().filter(({ type }) => type === 'deleted')) {
        assert.equal(call.data.final, 'unknown');
        assert.equal(call.headers['ce-partitionkey'], uids.get(nameOf(call)));
        assert.equal(call.id, `${String(uids.get(nameOf(call)))}:deleted`);
        assert.deepEqual(Object.keys(call.data.object).toSorted(), ['apiVersion', 'kind', 'metadata']);
      }
    });
  }
});
