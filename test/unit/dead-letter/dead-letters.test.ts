/** Dead letters as they are written, watched and replayed, with no time but the test's. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LetterFailure, LetterSubject } from '../../../forwarder/dead-letter/dead-letter.ts';
import { DeadLetters } from '../../../forwarder/dead-letter/dead-letters.ts';
import type { LetterProblem } from '../../../forwarder/dead-letter/letter-problem.ts';
import { MAX_LETTERS, type TriggerLetters } from '../../../forwarder/dead-letter/trigger-letters.ts';
import { ApiError, type ApiErrorDetails } from '../../../forwarder/lib/errors.ts';
import { silentLogger } from '../../../forwarder/lib/logger.ts';
import { Slots } from '../../../forwarder/lib/slots.ts';
import type { TriggerIdentity } from '../../../forwarder/model/trigger.ts';
import { LetterServer } from '../../support/letter-server.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const TRIGGER: TriggerIdentity = { namespace: 'shop', name: 'app', uid: 't-1', generation: 1 };

class Bench {
  readonly clock: ManualClock = new ManualClock();
  readonly server: LetterServer;
  readonly warnings: unknown[] = [];
  readonly problems: (LetterProblem | undefined)[] = [];
  readonly replays: string[] = [];
  readonly stale = new Set<string>();
  /** Whether replays can be seen to. */
  ready = true;
  lists = 0;
  readonly deadLetters: DeadLetters;
  readonly letters: TriggerLetters;

  constructor(server: LetterServer = new LetterServer(), trigger: TriggerIdentity = TRIGGER) {
    this.server = server;
    const { clock, warnings } = this;
    const logger = { ...silentLogger, warn: (_text: string, fields: unknown) => void warnings.push(fields) };
    this.deadLetters = new DeadLetters({
      client: server,
      sources: server,
      clock,
      random: () => 0.5,
      logger,
      writeSlots: new Slots(4),
      identity: 'forwarder',
      ownable: true,
      allNamespaces: false,
    });
    this.letters = this.open(trigger);
  }

  open(trigger: TriggerIdentity): TriggerLetters {
    return this.deadLetters.open(trigger, {
      replay: (uid, value) => {
        if (this.ready) this.replays.push(`${uid} ${value}`);
        return this.ready;
      },
      isStale: (uid) => this.stale.has(uid),
      listed: () => void (this.lists += 1),
      problem: (problem) => void this.problems.push(problem),
    });
  }

  put(name = 'one', rest: Partial<LetterFailure> = {}): void {
    const nowMs = this.clock.now();
    const error = { code: 'TARGET_FAILED', message: 'answered 500' };
    this.letters.put(subject(name), {
      eventType: 'Created',
      resourceVersion: '1',
      attempts: 1,
      error,
      firstFailedMs: nowMs,
      lastFailedMs: nowMs,
      ...rest,
    });
  }

  pass(ms = 0): Promise<void> {
    return this.clock.advance(ms);
  }

  /** Requests since the last look, without names. */
  asked(): string[] {
    return this.server.requests.splice(0).map((line) => line.replace(/ app-[0-9a-f]{10}/, ' one'));
  }
}

function subject(name: string): LetterSubject {
  return {
    apiVersion: 'example.com/v1',
    kind: 'Application',
    namespace: 'shop',
    name,
    uid: `uid-of-${name}`,
  };
}

const refused = (code: ConstructorParameters<typeof ApiError>[0], details: ApiErrorDetails = {}): ApiError =>
  new ApiError(code, 'no', details);

describe('DeadLetters', () => {
  it('creates a letter, then its status', async () => {
    const bench = new Bench();
    bench.put();
    await bench.pass();
    assert.deepEqual(bench.asked(), ['POST ', 'PATCH one/status']);
    assert.equal(bench.server.letter.spec.object['name'], 'one');
    assert.equal(bench.server.letter.status?.['attempts'], 1);
    assert.equal(bench.letters.size, 1);
  });

  it('only writes the status of a letter that is there, and keeps the time of the first failure', async () => {
    const bench = new Bench();
    bench.put();
    await bench.pass(60_000);
    bench.asked();
    bench.put('one', { attempts: 7, error: { code: 'TARGET_TIMEOUT', message: 'no answer' } });
    await bench.pass();
    assert.deepEqual(bench.asked(), ['PATCH one/status']);
    const { status } = bench.server.letter;
    assert.deepEqual(
      [status?.['attempts'], status?.['error']],
      [7, { code: 'TARGET_TIMEOUT', message: 'no answer' }],
    );
    assert.deepEqual(
      [status?.['firstFailedAt'], status?.['lastFailedAt']],
      ['2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'],
    );
  });

  it('writes what was told last, however much came before', async () => {
    const bench = new Bench();
    for (let attempts = 1; attempts <= 5; attempts++) bench.put('one', { attempts });
    await bench.pass();
    assert.deepEqual(bench.asked(), ['POST ', 'PATCH one/status']);
    assert.equal(bench.server.letter.status?.['attempts'], 5);
  });

  it('writes nothing for what is taken back in the same turn', async () => {
    const bench = new Bench();
    bench.put();
    bench.letters.resolve('uid-of-one');
    await bench.pass();
    assert.deepEqual(bench.asked(), []);
    assert.equal(bench.letters.size, 0);
  });

  it('deletes a letter that was resolved while it was being created', async () => {
    const bench = new Bench();
    const gate = Promise.withResolvers<void>();
    bench.server.hold = gate.promise;
    bench.put();
    await bench.pass();
    bench.letters.resolve('uid-of-one');
    gate.resolve();
    await bench.pass();
    assert.deepEqual(bench.asked(), ['POST ', 'DELETE one']);
    assert.equal(bench.server.letters.size, 0);
  });

  it('keeps a letter whose object fails again while it is being deleted', async () => {
    const bench = new Bench();
    bench.put();
    await bench.pass();
    const gate = Promise.withResolvers<void>();
    bench.server.hold = gate.promise;
    bench.letters.resolve('uid-of-one');
    await bench.pass();
    bench.put('one', { attempts: 2 });
    gate.resolve();
    await bench.pass();
    assert.equal(bench.server.letter.status?.['attempts'], 2);
    assert.ok(bench.letters.has('uid-of-one'));
  });

  it('tries again, later and later, while the API server is away', async () => {
    const bench = new Bench();
    bench.server.fault = () => refused('API_UNAVAILABLE');
    bench.put();
    await bench.pass(60_000);
    const tries = bench.asked().length;
    assert.ok(tries >= 5 && tries <= 10, String(tries));
    bench.server.fault = () => undefined;
    await bench.pass(30_000);
    assert.equal(bench.server.letter.status?.['attempts'], 1);
    assert.deepEqual(bench.warnings, []);
  });

  it('finds a letter whose creation was not answered', async () => {
    const bench = new Bench();
    bench.server.lose = ({ method }) => method === 'POST';
    bench.put();
    await bench.pass();
    bench.server.lose = () => false;
    await bench.pass(1000);
    assert.equal(bench.server.letter.status?.['attempts'], 1);
  });

  it('deletes one that may have been created without an answer, unseen', async () => {
    const bench = new Bench();
    bench.letters.close();
    const letters = bench.open({ ...TRIGGER, uid: 't-2' });
    bench.server.lose = ({ method }) => method === 'POST';
    letters.put(subject('one'), {
      eventType: 'Created',
      resourceVersion: '1',
      attempts: 1,
      error: { code: 'X', message: '' },
      firstFailedMs: 0,
      lastFailedMs: 0,
    });
    await bench.pass();
    letters.resolve('uid-of-one');
    await bench.pass(1000);
    assert.equal(bench.server.letters.size, 0);
  });

  it('warns once where it may not write, says so in a condition, and goes on trying', async () => {
    const bench = new Bench();
    bench.server.fault = () => refused('API_FORBIDDEN');
    bench.put('one');
    bench.put('two');
    await bench.pass(60_000);
    assert.deepEqual(bench.warnings.length, 1);
    assert.deepEqual(
      bench.problems.map((problem) => problem?.reason),
      ['DeadLettersForbidden'],
    );
    assert.equal(bench.letters.size, 2);
    bench.server.fault = () => undefined;
    await bench.pass(300_000);
    assert.equal(bench.server.letters.size, 2);
    assert.equal(bench.problems.at(-1), undefined);
  });

  it('holds letters in memory until the kind is installed, then writes them at once', async () => {
    const bench = new Bench();
    bench.server.fault = () => refused('API_NOT_FOUND');
    bench.put();
    await bench.pass(100_000);
    assert.equal(bench.problems[0]?.reason, 'DeadLettersNotInstalled');
    bench.server.fault = () => undefined;
    bench.server.sync();
    await bench.pass();
    assert.equal(bench.server.letter.status?.['attempts'], 1);
  });

  it('gives up in a namespace that is going', async () => {
    const bench = new Bench();
    bench.server.fault = () => refused('API_FORBIDDEN', { causes: [{ reason: 'NamespaceTerminating' }] });
    bench.put();
    await bench.pass(600_000);
    assert.deepEqual(bench.asked(), ['POST ']);
    assert.deepEqual([bench.problems, bench.letters.size], [[], 0]);
  });

  it('tries only once what the server refuses as invalid, and still counts it', async () => {
    const bench = new Bench();
    bench.server.fault = () => refused('API_INVALID');
    bench.put();
    await bench.pass(600_000);
    assert.deepEqual(bench.asked(), ['POST ']);
    assert.equal(bench.problems[0]?.reason, 'DeadLettersInvalid');
    assert.ok(bench.letters.has('uid-of-one'));
  });

  it('writes no more at a time than there are slots', async () => {
    const bench = new Bench();
    for (let n = 0; n < 50; n++) bench.put(`o-${n}`);
    await bench.pass();
    assert.equal(bench.server.letters.size, 50);
    assert.equal(bench.server.mostInFlight, 4);
  });

  it('holds 1,000 letters, and takes the next when one goes', async () => {
    const bench = new Bench();
    for (let n = 0; n < MAX_LETTERS; n++) bench.put(`o-${n}`);
    assert.ok(bench.letters.canHold('uid-of-o-7'));
    assert.ok(!bench.letters.canHold('uid-of-more'));
    assert.deepEqual(
      bench.problems.map((problem) => problem?.reason),
      ['DeadLettersFull'],
    );
    bench.letters.resolve('uid-of-o-7');
    assert.ok(bench.letters.canHold('uid-of-more'));
    assert.equal(bench.problems.at(-1), undefined);
    await bench.pass();
  });
});

describe('A replay', () => {
  it('is taken, then its annotation is removed', async () => {
    const bench = new Bench();
    bench.put();
    await bench.pass();
    bench.server.annotate('now');
    await bench.pass();
    assert.deepEqual(bench.replays, ['uid-of-one now']);
    assert.deepEqual(bench.server.letter.metadata.annotations, {});
  });

  it('is taken once for each value, also where one comes while another is removed', async () => {
    const bench = new Bench();
    bench.put();
    await bench.pass();
    const gate = Promise.withResolvers<void>();
    bench.server.hold = gate.promise;
    bench.server.annotate('first');
    await bench.pass();
    bench.server.annotate('second');
    gate.resolve();
    await bench.pass(1000);
    assert.deepEqual(bench.replays, ['uid-of-one first', 'uid-of-one second']);
    assert.deepEqual(bench.server.letter.metadata.annotations, {});
    bench.server.annotate('second');
    await bench.pass(1000);
    assert.equal(bench.replays.length, 3);
  });

  it('waits until the pipeline can tell, with its annotation in place', async () => {
    const bench = new Bench();
    bench.put();
    await bench.pass();
    bench.ready = false;
    bench.server.annotate('now');
    await bench.pass();
    assert.deepEqual(bench.server.letter.metadata.annotations, { 'statewire.dev/replay': 'now' });
    bench.ready = true;
    bench.letters.sweep();
    await bench.pass();
    assert.deepEqual(bench.replays, ['uid-of-one now']);
    assert.deepEqual(bench.server.letter.metadata.annotations, {});
  });
});

describe('Letters that exist', () => {
  async function written(): Promise<LetterServer> {
    const before = new Bench();
    before.put('one');
    await before.pass();
    await before.deadLetters.stop();
    before.asked();
    return before.server;
  }

  it('are known after a restart, and left as they are', async () => {
    const bench = new Bench(await written());
    await bench.pass();
    assert.ok(bench.letters.has('uid-of-one'));
    assert.equal(bench.lists, 1);
    assert.deepEqual(bench.asked(), []);
  });

  it('go where nothing is left that they stand for', async () => {
    const server = await written();
    const bench = new Bench(server);
    bench.stale.add('uid-of-one');
    await bench.pass();
    assert.deepEqual([server.letters.size, bench.letters.size], [0, 0]);
  });

  it('stay where they come from another process, which knows more', async () => {
    const server = await written();
    const { letter } = server;
    server.remove(letter);
    const bench = new Bench(server);
    bench.stale.add('uid-of-one');
    await bench.pass();
    server.put(letter);
    await bench.pass();
    assert.deepEqual([server.letters.size, bench.letters.has('uid-of-one')], [1, true]);
  });

  it('go where their trigger was made anew', async () => {
    const server = await written();
    const bench = new Bench(server, { ...TRIGGER, uid: 't-2' });
    await bench.pass();
    assert.deepEqual([server.letters.size, bench.letters.size], [0, 0]);
  });

  it('stay where they are of a trigger that is not run here', async () => {
    const server = await written();
    const bench = new Bench(server, { ...TRIGGER, name: 'other', uid: 't-2' });
    await bench.pass();
    assert.deepEqual([server.letters.size, bench.letters.size], [1, 0]);
  });

  it('are told to a pipeline that starts later', async () => {
    const bench = new Bench(await written(), { ...TRIGGER, name: 'other', uid: 't-2' });
    await bench.pass();
    const later = bench.open(TRIGGER);
    await bench.pass();
    assert.ok(later.has('uid-of-one'));
  });

  it('are told again to a pipeline that takes the place of another', async () => {
    const bench = new Bench(await written());
    await bench.pass();
    bench.letters.close();
    assert.equal(bench.server.watches, 0);
    const next = bench.open(TRIGGER);
    await bench.pass();
    assert.ok(next.has('uid-of-one'));
  });

  it('are dropped where a person deletes them, until the object fails again', async () => {
    const bench = new Bench(await written());
    await bench.pass();
    bench.server.remove(bench.server.letter);
    await bench.pass();
    assert.equal(bench.letters.size, 0);
    assert.deepEqual(bench.asked(), []);
    bench.put();
    await bench.pass();
    assert.equal(bench.server.letters.size, 1);
  });

  it('go with their trigger, also one that is still being written', async () => {
    const bench = new Bench(await written());
    await bench.pass();
    bench.put('two');
    bench.deadLetters.remove(TRIGGER);
    bench.letters.close();
    await bench.pass();
    assert.equal(bench.server.letters.size, 0);
  });
});

describe('At the end', () => {
  it('letters that are being written are written', async () => {
    const bench = new Bench();
    bench.put();
    const stopped = bench.deadLetters.stop();
    await bench.pass();
    await stopped;
    assert.equal(bench.server.letter.status?.['attempts'], 1);
    assert.equal(bench.clock.pending, 0);
  });

  it('an API server that is away holds nobody up', async () => {
    const bench = new Bench();
    bench.server.fault = () => refused('API_UNAVAILABLE');
    bench.put();
    await bench.pass(100);
    let isOver = false;
    const stopped = bench.deadLetters.stop().then(() => (isOver = true));
    await bench.pass(1999);
    assert.ok(!isOver);
    await bench.pass(1);
    await stopped;
    assert.equal(bench.clock.pending, 0);
  });
});
