/** Letters that were there before: after a restart, of other triggers, annotated or deleted by people. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LetterServer } from '../../support/letter-server.ts';
import { LetterBench, TRIGGER } from '../../support/letter-bench.ts';

describe('A replay', () => {
  it('is taken, then its annotation is removed', async () => {
    const bench = new LetterBench();
    bench.put();
    await bench.pass();
    bench.server.annotate('now');
    await bench.pass();
    assert.deepEqual(bench.replays, ['uid-of-one now']);
    assert.deepEqual(bench.server.letter.metadata.annotations, {});
  });

  it('is taken once for each value, also where one comes while another is removed', async () => {
    const bench = new LetterBench();
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
    const bench = new LetterBench();
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
    const before = new LetterBench();
    before.put('one');
    await before.pass();
    await before.deadLetters.stop();
    before.asked();
    return before.server;
  }

  it('are known after a restart, and left as they are', async () => {
    const bench = new LetterBench(await written());
    await bench.pass();
    assert.ok(bench.letters.has('uid-of-one'));
    assert.equal(bench.lists, 1);
    assert.deepEqual(bench.asked(), []);
  });

  it('go where nothing is left that they stand for', async () => {
    const server = await written();
    const bench = new LetterBench(server);
    bench.stale.add('uid-of-one');
    await bench.pass();
    assert.deepEqual([server.letters.size, bench.letters.size], [0, 0]);
  });

  it('stay where they come from another process, which knows more', async () => {
    const server = await written();
    const { letter } = server;
    server.remove(letter);
    const bench = new LetterBench(server);
    bench.stale.add('uid-of-one');
    await bench.pass();
    server.put(letter);
    await bench.pass();
    assert.deepEqual([server.letters.size, bench.letters.has('uid-of-one')], [1, true]);
  });

  it('go where their trigger was made anew', async () => {
    const server = await written();
    const bench = new LetterBench(server, { ...TRIGGER, uid: 't-2' });
    await bench.pass();
    assert.deepEqual([server.letters.size, bench.letters.size], [0, 0]);
  });

  it('stay where they are of a trigger that is not run here', async () => {
    const server = await written();
    const bench = new LetterBench(server, { ...TRIGGER, name: 'other', uid: 't-2' });
    await bench.pass();
    assert.deepEqual([server.letters.size, bench.letters.size], [1, 0]);
  });

  it('are told to a pipeline that starts later', async () => {
    const bench = new LetterBench(await written(), { ...TRIGGER, name: 'other', uid: 't-2' });
    await bench.pass();
    const later = bench.open(TRIGGER);
    await bench.pass();
    assert.ok(later.has('uid-of-one'));
  });

  it('are told again to a pipeline that takes the place of another', async () => {
    const bench = new LetterBench(await written());
    await bench.pass();
    bench.letters.close();
    assert.equal(bench.server.watches, 0);
    const next = bench.open(TRIGGER);
    await bench.pass();
    assert.ok(next.has('uid-of-one'));
  });

  it('are dropped where a person deletes them, until the object fails again', async () => {
    const bench = new LetterBench(await written());
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
    const bench = new LetterBench(await written());
    await bench.pass();
    bench.put('two');
    bench.deadLetters.remove(TRIGGER);
    bench.letters.close();
    await bench.pass();
    assert.equal(bench.server.letters.size, 0);
  });
});
