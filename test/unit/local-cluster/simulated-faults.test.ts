import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError } from '../../../forwarder/lib/errors.ts';
import {
  callKube,
  makeMap,
  mapNames,
  MAPS,
  simulate,
  watchMaps,
  withCode,
} from '../../support/simulated-kube.ts';

describe('a fault', () => {
  it('of an answer that is lost leaves what the server did', async () => {
    const { kube, api } = simulate();
    api.fault = ({ method }) => (method === 'POST' ? { kind: 'lost-answer' } : undefined);
    await assert.rejects(makeMap(kube, 'a'), withCode('API_UNAVAILABLE'));
    assert.deepEqual(await mapNames(kube), ['a']);
  });

  it('of a request that is lost, or that nobody accepts, does nothing', async () => {
    const { kube, api } = simulate();
    for (const kind of ['lost-request', 'unreachable'] as const) {
      api.fault = ({ method }) => (method === 'POST' ? { kind } : undefined);
      await assert.rejects(makeMap(kube, 'a'), withCode('API_UNAVAILABLE'));
    }
    api.fault = () => undefined;
    api.refusing = true;
    await assert.rejects(makeMap(kube, 'a'), withCode('API_UNAVAILABLE'));
    api.refusing = false;
    assert.deepEqual(await mapNames(kube), []);
  });

  it('of throttling says when to come again', async () => {
    const { kube, api } = simulate();
    api.fault = () => ({ kind: 'refuse', status: 429, retryAfterSeconds: 7 });
    await assert.rejects(
      makeMap(kube, 'a'),
      (error) => withCode('API_THROTTLED')(error) && (error as ApiError).retryAfterMs === 7000,
    );
  });

  it('of silence ends with the patience of whoever asked', async () => {
    const { kube, api, clock } = simulate();
    api.fault = () => ({ kind: 'silence' });
    const asked = assert.rejects(
      callKube(kube, { method: 'GET', path: MAPS, timeoutMs: 400 }),
      withCode('API_UNAVAILABLE'),
    );
    await clock.advance(400);
    await asked;
  });

  it('of a cut hands on what came before it', async () => {
    const { kube, api, clock } = simulate();
    await makeMap(kube, 'a');
    api.fault = () => ({ kind: 'cut', afterBytes: 10 });
    const signal = new AbortController().signal;
    const body = await kube.open({ path: MAPS, query: {}, headTimeoutMs: 1000, signal });
    const chunks: Buffer[] = [];
    const ends: string[] = [];
    body.on('data', (chunk: Buffer) => chunks.push(chunk));
    body.on('error', (error) => ends.push(error.message));
    body.on('end', () => ends.push('end'));
    await clock.advance(10);
    assert.deepEqual([Buffer.concat(chunks).length, ends], [10, ['connection lost']]);
  });

  for (const { how, ends } of [
    { how: 'end', ends: ['end'] },
    { how: 'lost', ends: ['lost'] },
    { how: 'stall', ends: [] },
  ] as const) {
    it(`of every watch: ${how}`, async () => {
      const { kube, api, clock } = simulate();
      const lines = await watchMaps(kube, { resourceVersion: '4' });
      api.breakWatches(how);
      await makeMap(kube, 'a');
      await clock.advance(0);
      assert.deepEqual(lines, ends);
    });
  }
});
