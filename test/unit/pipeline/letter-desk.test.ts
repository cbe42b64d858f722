/** Letters and records that a crash has parted find each other again. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DeadLetters } from '../../../forwarder/dead-letter/dead-letters.ts';
import { silentLogger } from '../../../forwarder/lib/logger.ts';
import { Slots } from '../../../forwarder/lib/slots.ts';
import { recipeOf } from '../../../forwarder/filter/recipe.ts';
import { ObjectRecord } from '../../../forwarder/filter/record.ts';
import { objectKey } from '../../../forwarder/model/kube-object.ts';
import type { Trigger } from '../../../forwarder/model/trigger.ts';
import { Entries, Entry } from '../../../forwarder/pipeline/entry.ts';
import { LetterDesk } from '../../../forwarder/pipeline/letter-desk.ts';
import { LetterServer } from '../../support/letter-server.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const IDENTITY = { namespace: 'shop', name: 'app', uid: 't-1', generation: 1 };
const TRIGGER = {
  identity: IDENTITY,
  spec: { watch: { apiVersion: 'example.com/v1', kind: 'Application', owns: [] } },
} as unknown as Trigger;

class Start {
  readonly clock: ManualClock = new ManualClock();
  readonly entries: Entries = new Entries();
  readonly wishes: string[] = [];
  isStored = true;
  readonly server: LetterServer;
  readonly desk: LetterDesk;

  constructor(server: LetterServer) {
    this.server = server;
    const { clock, entries } = this;
    const deadLetters = new DeadLetters({
      client: server,
      sources: server,
      clock,
      random: () => 0.5,
      logger: silentLogger,
      writeSlots: new Slots(4),
      identity: 'forwarder',
      ownable: true,
      allNamespaces: true,
    });
    this.desk = new LetterDesk({
      deadLetters,
      entries,
      intake: { wish: (key, { reason, value = '' }) => void this.wishes.push(`${key} ${reason} ${value}`) },
      clock,
      isStored: () => this.isStored,
      trigger: () => TRIGGER,
      problem: () => undefined,
    });
    this.desk.open();
  }

  /** An object as a checkpoint may remember it. */
  known(uid: string, how: 'given up' | 'handled' | 'pending'): Entry {
    const recipe = recipeOf({ kind: 'changes', classes: ['Spec'] }, 'statewire/app');
    const key = objectKey(uid);
    const head = { key, uid, namespace: 'shop', name: uid, resourceVersion: '42', deleting: false };
    const record = new ObjectRecord(head, recipe, 'digest', 'g1', 0);
    record.phase = how === 'handled' ? 'handled' : 'new';
    if (how === 'handled') record.handled = record.current;
    record.exhausted = how === 'given up';
    record.attempts = how === 'given up' ? 3 : 0;
    const entry = new Entry(key, record);
    this.entries.add(entry);
    return entry;
  }

  async seen(): Promise<void> {
    await this.clock.advance(0);
    this.desk.allSeen();
    await this.clock.advance(0);
  }

  get letters(): string[] {
    return [...this.server.letters.values()].map(({ spec }) => spec.object['name'] ?? '');
  }
}

async function written(...uids: string[]): Promise<LetterServer> {
  const before = new Start(new LetterServer());
  for (const uid of uids) before.known(uid, 'given up');
  await before.seen();
  before.desk.close();
  return before.server;
}

describe('At a start', () => {
  it('what was given up without a letter gets one, once', async () => {
    const start = new Start(new LetterServer());
    start.known('a', 'given up');
    await start.seen();
    const { attempts, resourceVersion, error } = start.server.letter.status ?? assert.fail();
    assert.deepEqual([attempts, resourceVersion], [3, '42']);
    assert.equal((error as { readonly code: string }).code, 'UNKNOWN');
    // Somebody deletes it: a later list is no start.
    start.server.remove(start.server.letter);
    await start.seen();
    start.server.sync();
    await start.seen();
    assert.deepEqual(start.letters, []);
  });

  it('a letter stays that has an object which was given up, or is still to be sent', async () => {
    const start = new Start(await written('a', 'b'));
    start.known('a', 'given up');
    start.known('b', 'pending');
    await start.seen();
    assert.deepEqual(start.letters, ['a', 'b']);
    assert.deepEqual(
      start.server.requests.filter((line) => line.startsWith('POST')).length,
      2,
      'none is written again',
    );
  });

  it('a letter goes whose object was handled or is no more, and none before all is seen', async () => {
    const start = new Start(await written('a', 'b'));
    start.known('a', 'handled');
    await start.clock.advance(60_000);
    assert.deepEqual(start.letters, ['a', 'b']);
    await start.seen();
    assert.deepEqual(start.letters, []);
  });

  it('a replay that was asked for meanwhile is taken once all is seen', async () => {
    const server = await written('a');
    server.annotate('while away');
    const start = new Start(server);
    start.known('a', 'given up');
    await start.clock.advance(60_000);
    assert.deepEqual(start.wishes, []);
    await start.seen();
    assert.deepEqual(start.wishes, ['a Replay while away']);
    assert.deepEqual(server.letter.metadata.annotations, {});
  });
});

describe('A replay', () => {
  it('keeps its annotation until what it asks for is stored', async () => {
    const start = new Start(await written('a'));
    start.known('a', 'given up');
    await start.seen();
    start.isStored = false;
    start.server.annotate('now');
    await start.clock.advance(60_000);
    start.desk.stored();
    await start.clock.advance(60_000);
    assert.deepEqual(start.wishes, ['a Replay now']);
    assert.deepEqual(start.server.letter.metadata.annotations, { 'statewire.dev/replay': 'now' });
    start.isStored = true;
    start.desk.stored();
    await start.clock.advance(60_000);
    assert.deepEqual(start.wishes, ['a Replay now'], 'once');
    assert.deepEqual(start.server.letter.metadata.annotations, {});
  });
});
