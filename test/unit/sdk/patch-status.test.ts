import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ApiAnswer, ApiRequest } from '../../../functions/sdk/cluster/api-request.ts';
import { patchStatus } from '../../../functions/sdk/cluster/patch-status.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const PATH = '/apis/example.com/v1/namespaces/demo/widgets/web';
const subject = {
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'web', namespace: 'demo', uid: 'uid-1', generation: 1 },
};
const found = { status: 200, body: { ...subject, metadata: { ...subject.metadata, resourceVersion: '7' } } };
const written = {
  status: 200,
  body: { ...subject, metadata: { ...subject.metadata, resourceVersion: '8' } },
};
const refused = (status: number, message = ''): ApiAnswer => ({ status, body: { message } });

/** Runs one write against answers in their order; the last one stays. An Error is a request without an answer. */
function write(...answers: readonly (ApiAnswer | Error)[]) {
  const clock = new ManualClock();
  const stop = new AbortController();
  const requests: ApiRequest[] = [];
  const running = patchStatus({
    path: PATH,
    subject,
    statement: { status: { phase: 'On' } },
    send: async (request) => {
      const next = answers[Math.min(requests.length, answers.length - 1)] ?? assert.fail();
      requests.push(request);
      if (next instanceof Error) throw next;
      return next;
    },
    fieldManager: 'statewire/widgets',
    clock,
    signal: stop.signal,
  }).catch((error: unknown) => error as Error);
  return { clock, stop, requests, running };
}

const methods = (requests: readonly ApiRequest[]): string => requests.map(({ method }) => method).join(' ');

describe('patchStatus', () => {
  it('applies with the version that it has seen, in the name of the trigger', async () => {
    const { running, requests } = write(found, written);
    assert.equal(await running, 'written');
    assert.deepEqual(requests[1], {
      method: 'PATCH',
      path: `${PATH}/status`,
      query: { fieldManager: 'statewire/widgets', force: 'true' },
      apply: {
        apiVersion: 'example.com/v1',
        kind: 'Widget',
        metadata: { name: 'web', namespace: 'demo', resourceVersion: '7' },
        status: { phase: 'On' },
      },
    });
  });

  for (const [reason, answer] of [
    ['a conflict', refused(409)],
    ['a server that is busy', refused(429)],
    ['a server that fails', refused(503)],
    ['a lost connection', new Error('socket hang up')],
  ] as const) {
    it(`looks again after ${reason}, and writes`, async () => {
      const { clock, running, requests } = write(found, answer, found, written);
      await clock.advance(100);
      assert.equal(await running, 'written');
      assert.equal(methods(requests), 'GET PATCH GET PATCH');
      assert.equal(clock.pending, 0);
    });
  }

  it('gives up after eight tries, with waits that grow', async () => {
    const { clock, running, requests } = write(refused(503, 'apiserver is shutting down'));
    await clock.advance(100 * 2 ** 7);
    assert.equal(((await running) as Error).message, `GET ${PATH}: 503 apiserver is shutting down`);
    assert.equal(requests.length, 8);
  });

  for (const status of [400, 401, 403, 422]) {
    it(`says at once that it was refused with ${status}`, async () => {
      const { running, requests } = write(found, refused(status, 'no'));
      assert.equal(((await running) as Error).message, `PATCH ${PATH}/status: ${status} no`);
      assert.equal(requests.length, 2);
    });
  }

  it('waits no longer once the call is over', async () => {
    const { clock, stop, running } = write(refused(503));
    await clock.advance(10);
    stop.abort(new Error('deadline'));
    assert.equal(((await running) as Error).message, 'deadline');
    assert.equal(clock.pending, 0);
  });

  it('writes nothing about another object of that name', async () => {
    const other = { status: 200, body: { ...subject, metadata: { ...subject.metadata, uid: 'uid-2' } } };
    const { running, requests } = write(other);
    assert.equal(await running, 'gone');
    assert.equal(methods(requests), 'GET');
  });
});
