import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OpenApi } from '../../../forwarder/kube/openapi.ts';
import { ApiError } from '../../../forwarder/lib/errors.ts';
import type { KubeClient } from '../../../forwarder/model/kube-client.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const WIDGET = { group: 'example.com', version: 'v1', kind: 'Widget' };
const INDEX = {
  paths: { 'apis/example.com/v1': { serverRelativeURL: '/openapi/v3/apis/example.com/v1?hash=1' } },
};
const DOCUMENT = {
  components: { schemas: { Widget: { type: 'object', 'x-kubernetes-group-version-kind': [WIDGET] } } },
};

/** A server that answers documents only when told, and what it was asked for. */
function server(answer: Promise<void>): { readonly asked: string[]; readonly openApi: OpenApi } {
  const asked: string[] = [];
  const client: KubeClient = {
    request: async ({ path }) => {
      asked.push(path);
      if (path === '/openapi/v3') return { status: 200, text: JSON.stringify(INDEX) };
      await answer;
      return { status: 200, text: JSON.stringify(DOCUMENT) };
    },
  };
  return { asked, openApi: new OpenApi({ client, clock: new ManualClock() }) };
}

describe('OpenApi', () => {
  it('reads a document once for all who ask at the same time', async () => {
    const gate = Promise.withResolvers<void>();
    const { asked, openApi } = server(gate.promise);
    const all = [openApi.schemaOf(WIDGET), openApi.schemaOf(WIDGET), openApi.schemaOf(WIDGET)];
    gate.resolve();
    const [first, ...others] = await Promise.all(all);
    assert.ok(first !== undefined);
    for (const other of others) assert.equal(other, first);
    assert.deepEqual(asked, ['/openapi/v3', '/openapi/v3/apis/example.com/v1']);
  });

  it('reads it again after a failure, which everybody hears of', async () => {
    const gate = Promise.withResolvers<void>();
    const { asked, openApi } = server(gate.promise);
    const all = [openApi.schemaOf(WIDGET), openApi.schemaOf(WIDGET)];
    gate.reject(new ApiError('API_UNAVAILABLE', 'away'));
    const ended = await Promise.allSettled(all);
    assert.deepEqual(
      ended.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    await assert.rejects(openApi.schemaOf(WIDGET), { code: 'API_UNAVAILABLE' });
    assert.equal(asked.length, 3);
  });
});
