/** A recorded watch, cut after every byte of it: whoever goes on from there ends up the same, and tells the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Discovery } from '../../forwarder/kube/discovery.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { Slots } from '../../forwarder/lib/slots.ts';
import type { Delta } from '../../forwarder/model/delta.ts';
import { noMeter } from '../../forwarder/model/metrics.ts';
import { Source } from '../../forwarder/source/source.ts';
import { until } from '../support/drive.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { APPLICATIONS } from '../support/objects.ts';
import { RecordedWatch } from '../support/recorded-watch.ts';

/** Longer than any wait before a watch is opened again, and shorter than a watch may be silent. */
const PATIENCE_MS = 60_000;

interface Told {
  readonly server: RecordedWatch;
  readonly deltas: readonly Delta[];
  readonly synced: number;
}

async function follow(server: RecordedWatch): Promise<Told> {
  const clock = new ManualClock();
  const discovery = { resolve: () => Promise.resolve(APPLICATIONS), invalidate: () => undefined };
  const source = new Source({
    watch: { apiVersion: 'example.com/v1', kind: 'Application' },
    transport: server,
    // A class with private parts; a source uses what is given here.
    discovery: discovery as unknown as Discovery,
    clock,
    random: () => 0,
    logger: silentLogger,
    meter: noMeter,
    listSlots: new Slots(1),
    auditSlots: new Slots(1),
    auditIntervalMs: 0,
  });
  const deltas: Delta[] = [];
  let synced = 0;
  source.subscribe({
    resolved: () => undefined,
    delta: (delta) => void deltas.push(delta),
    synced: () => void (synced += 1),
    health: () => undefined,
  });
  const stop = new AbortController();
  let ended = false;
  void source.run(stop.signal).then(() => (ended = true));
  const over = (): boolean =>
    deltas.at(-1)?.head.resourceVersion === RecordedWatch.lastVersion && server.done;
  for (let ms = 0; ms < PATIENCE_MS && !over(); ms += 1000) await clock.advance(1000);
  // Nothing comes after the last.
  await clock.advance(1000);
  stop.abort(new Error('over'));
  await until(clock, 'end of the source', () => ended);
  return { server, deltas, synced };
}

/** What was told, in order; without what lists show again of an object as it was told last. */
function news(deltas: readonly Delta[]): string[] {
  const last = new Map<string, string>();
  return deltas.flatMap(({ type, head, raw = '' }) => {
    const { uid, resourceVersion } = head;
    const state = type === 'Deleted' ? 'gone' : raw.slice(raw.indexOf('"metadata"'));
    if (type === 'Listed' && last.get(uid) === state) return [];
    assert.notEqual(last.get(uid), state, `${type} ${uid} ${resourceVersion} was told before`);
    last.set(uid, state);
    return [`${type} ${uid} ${resourceVersion} ${state}`];
  });
}

function exists(deltas: readonly Delta[]): string[] {
  const objects = new Map<string, string>();
  for (const { type, head } of deltas) {
    if (type === 'Deleted') objects.delete(head.uid);
    else objects.set(head.uid, `${head.uid} ${head.name}`);
  }
  return [...objects.values()].toSorted();
}

describe('A recorded watch that is cut once, after any byte,', () => {
  for (const [streaming, how] of [
    [true, 'reset'],
    [false, 'end'],
  ] as const) {
    const begins = streaming ? 'a streaming list' : 'a list in pages';
    it(`and begins with ${begins}, is told as one that is not, when ${how === 'end' ? 'the answer just ends' : 'the connection is lost'}`, async (t) => {
      const begun = (afterBytes: number): RecordedWatch => new RecordedWatch({ afterBytes, how, streaming });
      const whole = await follow(begun(1_000_000));
      const expected = news(whole.deltas);
      const bytes = whole.server.sent;
      assert.ok(
        RecordedWatch.events >= 50 && expected.length > 50,
        `${expected.length} of the events are news`,
      );
      assert.deepEqual(exists(whole.deltas), RecordedWatch.objects);
      assert.equal(whole.synced, 2);
      for (let afterBytes = 0; afterBytes <= bytes; afterBytes++) {
        const { server, deltas, synced } = await follow(begun(afterBytes));
        assert.deepEqual(news(deltas), expected, `cut after ${afterBytes} bytes`);
        assert.ok(server.done, `cut after ${afterBytes} bytes`);
        assert.equal(synced, 2, `cut after ${afterBytes} bytes`);
        const lists = server.opened.pages + (streaming ? server.opened.stream : 0);
        assert.ok(lists <= 3, `${lists} lists when cut after ${afterBytes} bytes`);
      }
      t.diagnostic(`${bytes + 1} cuts`);
    });
  }
});
