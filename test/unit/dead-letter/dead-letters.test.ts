/** Dead letters as they are written, with no time but the test's. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_LETTERS } from '../../../forwarder/dead-letter/trigger-letters.ts';
import { apiRefusal, LetterBench, subject, TRIGGER } from '../../support/letter-bench.ts';

describe('DeadLetters', () => {
  it('creates a letter, then its status', async () => {
    const bench = new LetterBench();
    bench.put();
    await bench.pass();
    assert.deepEqual(bench.asked(), ['POST ', 'PATCH one/status']);
    assert.equal(bench.server.letter.spec.object['name'], 'one');
    assert.equal(bench.server.letter.status?.['attempts'], 1);
    assert.equal(bench.letters.size, 1);
  });

  it('only writes the status of a letter that is there, and keeps the time of the first failure', async () => {
    const bench = new LetterBench();
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
    const bench = new LetterBench();
    for (let attempts = 1; attempts <= 5; attempts++) bench.put('one', { attempts });
    await bench.pass();
    assert.deepEqual(bench.asked(), ['POST ', 'PATCH one/status']);
    assert.equal(bench.server.letter.status?.['attempts'], 5);
  });

  it('writes nothing for what is taken back in the same turn', async () => {
    const bench = new LetterBench();
    bench.put();
    bench.letters.resolve('uid-of-one');
    await bench.pass();
    assert.deepEqual(bench.asked(), []);
    assert.equal(bench.letters.size, 0);
  });

  it('deletes a letter that was resolved while it was being created', async () => {
    const bench = new LetterBench();
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
    const bench = new LetterBench();
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
    const bench = new LetterBench();
    bench.server.fault = () => apiRefusal('API_UNAVAILABLE');
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
    const bench = new LetterBench();
    bench.server.lose = ({ method }) => method === 'POST';
    bench.put();
    await bench.pass();
    bench.server.lose = () => false;
    await bench.pass(1000);
    assert.equal(bench.server.letter.status?.['attempts'], 1);
  });

  it('deletes one that may have been created without an answer, unseen', async () => {
    const bench = new LetterBench();
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
    const bench = new LetterBench();
    bench.server.fault = () => apiRefusal('API_FORBIDDEN');
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
    const bench = new LetterBench();
    bench.server.fault = () => apiRefusal('API_NOT_FOUND');
    bench.put();
    await bench.pass(100_000);
    assert.equal(bench.problems[0]?.reason, 'DeadLettersNotInstalled');
    bench.server.fault = () => undefined;
    bench.server.sync();
    await bench.pass();
    assert.equal(bench.server.letter.status?.['attempts'], 1);
  });

  it('gives up in a namespace that is going', async () => {
    const bench = new LetterBench();
    bench.server.fault = () => apiRefusal('API_FORBIDDEN', { causes: [{ reason: 'NamespaceTerminating' }] });
    bench.put();
    await bench.pass(600_000);
    assert.deepEqual(bench.asked(), ['POST ']);
    assert.deepEqual([bench.problems, bench.letters.size], [[], 0]);
  });

  it('tries only once what the server refuses as invalid, and still counts it', async () => {
    const bench = new LetterBench();
    bench.server.fault = () => apiRefusal('API_INVALID');
    bench.put();
    await bench.pass(600_000);
    assert.deepEqual(bench.asked(), ['POST ']);
    assert.equal(bench.problems[0]?.reason, 'DeadLettersInvalid');
    assert.ok(bench.letters.has('uid-of-one'));
  });

  it('writes no more at a time than there are slots', async () => {
    const bench = new LetterBench();
    for (let n = 0; n < 50; n++) bench.put(`o-${n}`);
    await bench.pass();
    assert.equal(bench.server.letters.size, 50);
    assert.equal(bench.server.mostInFlight, 4);
  });

  it('holds 1,000 letters, and takes the next when one goes', async () => {
    const bench = new LetterBench();
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

describe('At the end', () => {
  it('letters that are being written are written', async () => {
    const bench = new LetterBench();
    bench.put();
    const stopped = bench.deadLetters.stop();
    await bench.pass();
    await stopped;
    assert.equal(bench.server.letter.status?.['attempts'], 1);
    assert.equal(bench.clock.pending, 0);
  });

  it('an API server that is away holds nobody up', async () => {
    const bench = new LetterBench();
    bench.server.fault = () => apiRefusal('API_UNAVAILABLE');
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
