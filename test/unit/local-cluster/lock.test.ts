import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type LockOptions, withLock } from '../../../local-cluster/lock.ts';

describe('withLock', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'statewire-lock-'));
    file = path.join(folder, '.lock');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const noPause = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const foreign = (pid: number, host = os.hostname()): string =>
    JSON.stringify({ pid, host, token: 'theirs' });
  const take = (options: LockOptions): Promise<string> =>
    withLock(file, { pause: noPause, ...options }, async () => readFileSync(file, 'utf8'));

  it('names its owner while the work runs, and leaves nothing behind', async () => {
    assert.equal(JSON.parse(await take({})).pid, process.pid);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('leaves nothing behind when the work fails', async () => {
    const work = withLock(file, {}, () => Promise.reject(new Error('no')));
    await assert.rejects(work, { message: 'no' });
    assert.deepEqual(readdirSync(folder), []);
  });

  it('never lets two run at a time', async () => {
    let running = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await noPause();
      running--;
    };
    await Promise.all(Array.from({ length: 8 }, () => withLock(file, { pause: noPause }, work)));
    assert.equal(most, 1);
  });

  it('waits for a living owner and says whom it waits for', async () => {
    writeFileSync(file, foreign(4711));
    const waited: number[] = [];
    const onWait = (pid: number): void => {
      waited.push(pid);
      if (waited.length === 3) rmSync(file);
    };
    await take({ onWait, isAlive: () => true });
    assert.deepEqual(waited, [4711, 4711, 4711]);
  });

  it('stops waiting when asked to', async () => {
    writeFileSync(file, foreign(4711));
    const stop = new AbortController();
    const onWait = (): void => stop.abort(new Error('enough'));
    await assert.rejects(take({ onWait, isAlive: () => true, signal: stop.signal }), { message: 'enough' });
    assert.equal(readFileSync(file, 'utf8'), foreign(4711));
  });

  for (const { reason, content, isAlive, ageMs } of [
    { reason: 'the owner is dead', content: foreign(4711), isAlive: false, ageMs: 0 },
    {
      reason: 'the owner has not touched it for long, whoever has its id now',
      content: foreign(4711),
      isAlive: true,
      ageMs: 120_000,
    },
    {
      reason: 'an owner on another host has not touched it for long',
      content: foreign(1, 'elsewhere'),
      isAlive: false,
      ageMs: 120_000,
    },
    {
      reason: 'it was never written to its end, long ago',
      content: '{"pid":',
      isAlive: false,
      ageMs: 120_000,
    },
  ]) {
    it(`takes over a lock where ${reason}`, async () => {
      writeFileSync(file, content);
      const then = new Date(Date.now() - ageMs);
      utimesSync(file, then, then);
      assert.equal(JSON.parse(await take({ isAlive: () => isAlive })).pid, process.pid);
      assert.ok(!existsSync(file));
    });
  }

  it('does not believe that an owner on another host is dead', async () => {
    writeFileSync(file, foreign(4711, 'elsewhere'));
    let waits = 0;
    await take({ isAlive: () => false, onWait: () => void (++waits === 2 && rmSync(file)) });
    assert.equal(waits, 2);
  });

  it('gives way to another process that takes over the same stale lock', async () => {
    writeFileSync(file, foreign(4711));
    let pauses = 0;
    const pause = async (): Promise<void> => {
      pauses++;
      // The first pause follows our takeover: somebody else replaces it, works, and ends at the third.
      if (pauses === 1) writeFileSync(file, foreign(4712));
      if (pauses === 3) rmSync(file);
    };
    const waited: number[] = [];
    await take({ isAlive: (pid) => pid !== 4711, pause, onWait: (pid) => waited.push(pid) });
    assert.deepEqual(waited, [4712, 4712]);
  });
});
