/** What happens to the object while its account is being made: on a cluster in memory, with a backend that takes its time. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { KubernetesObject } from '@statewire/functions';
import { MemoryCluster, testFunction, type TestFunction } from '@statewire/functions/testing';
import { type Served, serveOn } from '../../test/support/serve.ts';
import { user } from './parts.ts';

const REF = { apiVersion: 'identity.example.com/v1', kind: 'UserProvisioningRequest' };

describe('a consumer', () => {
  const accounts = new Map<string, { displayName: string }>();
  let whilePut: (() => Promise<unknown>) | undefined;
  let status = 200;
  let backend: Served;
  let cluster: MemoryCluster;
  let tested: TestFunction;
  let ada: KubernetesObject;

  const request = (displayName: string): object => ({
    ...REF,
    metadata: { name: 'ada', namespace: 'default' },
    spec: { email: 'ada@example.com', displayName, plan: 'Free' },
  });
  const edit = (displayName: string): Promise<unknown> => cluster.apply(request(displayName) as never);
  const remove = (): Promise<unknown> => cluster.delete({ ...REF, name: 'ada', namespace: 'default' });

  before(async () => {
    backend = await serveOn(
      createServer((incoming, response) => {
        void text(incoming).then(async (body) => {
          const id = (incoming.url ?? '').split('/')[2] ?? '';
          if (incoming.method === 'DELETE') {
            response.writeHead(accounts.delete(id) ? 204 : 404).end();
            return;
          }
          const meanwhile = whilePut;
          whilePut = undefined;
          await meanwhile?.();
          if (status === 200) accounts.set(id, JSON.parse(body) as { displayName: string });
          response.writeHead(status).end();
        });
      }),
    );
    process.env['USERS_URL'] = backend.url;
  });
  after(async () => await backend[Symbol.asyncDispose]());
  beforeEach(() => {
    accounts.clear();
    status = 200;
    cluster = new MemoryCluster();
    ada = cluster.add(request('Ada') as never);
    tested = testFunction(user, { cluster });
  });

  it('does what an edit says that came while it was at work', async () => {
    whilePut = () => edit('Ada L.');
    await tested.created(ada);
    assert.equal(accounts.get(ada.metadata.uid)?.displayName, 'Ada L.');
  });

  it('does not undo what a later event had done meanwhile', async () => {
    whilePut = async () => {
      await edit('Ada L.');
      await tested.updated(ada);
    };
    await tested.created(ada);
    assert.equal(accounts.get(ada.metadata.uid)?.displayName, 'Ada L.');
  });

  it('leaves no account behind where the request was deleted while it was at work', async () => {
    whilePut = async () => {
      await remove();
      await tested.deleted(ada);
    };
    await tested.created(ada);
    assert.equal(accounts.size, 0);
  });

  it('withdraws by a late event what was left behind by a process that was killed', async () => {
    accounts.set(ada.metadata.uid, { displayName: 'Ada' });
    await remove();
    await tested.updated(ada);
    assert.equal(accounts.size, 0);
  });

  it('changes nothing when it gets the same event again', async () => {
    await tested.created(ada);
    const before = await cluster.get({ ...REF, name: 'ada', namespace: 'default' });
    await tested.created(ada);
    assert.deepEqual(await cluster.get({ ...REF, name: 'ada', namespace: 'default' }), before);
  });

  for (const [answer, retried] of [
    [503, true],
    [429, true],
    [401, true],
    [403, false],
    [422, false],
  ] as const) {
    it(`${retried ? 'is called again' : 'tells a refusal'} after ${answer}`, async () => {
      status = answer;
      const { result } = await tested.created(ada);
      assert.equal(result.error?.retryable, retried ? true : undefined);
      const now = await cluster.get({ ...REF, name: 'ada', namespace: 'default' });
      const { conditions = [] } = (now?.['status'] ?? {}) as { conditions?: { reason: string }[] };
      assert.deepEqual(
        conditions.map(({ reason }) => reason),
        retried ? [] : ['Refused'],
      );
    });
  }
});
