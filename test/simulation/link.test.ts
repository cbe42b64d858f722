import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { Dice } from './dice.ts';
import { Link } from './link.ts';
import { VirtualClock } from './virtual-clock.ts';
import { Weather } from './weather.ts';

const LATENCY_MS = 5;
const FRAMES = 500;

/** What a process has read of a watch on which the server tells something every millisecond, or several things. */
async function readThrough(seed: number): Promise<number[]> {
  const clock = new VirtualClock();
  const weather = new Weather();
  weather.latencyMs = LATENCY_MS;
  const source = new Readable({ read: () => undefined });
  const link = new Link({
    clock,
    dice: new Dice(seed),
    weather,
    handle: () => ({ status: 200, headers: {}, stream: source }),
    onStage: () => undefined,
  });
  const read: number[] = [];
  const opened = link
    .open({ path: '/', query: {}, headTimeoutMs: 1000, signal: new AbortController().signal })
    .then((body) => body.on('data', (frame: Buffer) => read.push(Number(frame))));
  await clock.runUntil(2 * LATENCY_MS);
  await opened;
  for (let frame = 0; frame < FRAMES; frame++)
    clock.after(Math.floor(frame / 2), () => source.push(String(frame)));
  await clock.runUntil(FRAMES + 4 * LATENCY_MS);
  return read;
}

describe('A link of the simulation', () => {
  it('brings what a watch tells in order, also what comes in the same millisecond', async () => {
    const sent = Array.from({ length: FRAMES }, (_, frame) => frame);
    for (const seed of [1, 2, 3]) assert.deepEqual(await readThrough(seed), sent);
  });
});
