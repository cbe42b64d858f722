/** Knative: its runtime for Node.js functions, in a process of its own. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { knativeTargets } from '../../forwarder/target/knative.ts';
import { principalWith } from '../support/principals.ts';
import { binaryForm, functionEvent, widget } from '../support/function-events.ts';
import { cachedPackage } from '../support/cached-packages.ts';
import { TestProcess } from '../support/child-process.ts';
import { functionHostContract } from './function-host.contract.ts';

const module = fileURLToPath(new URL('../fixtures/function-hosts/contract-function.ts', import.meta.url));
const script = fileURLToPath(new URL('../support/knative-runtime.ts', import.meta.url));

async function start(name: string, raw?: 'raw'): Promise<{ url: string } & AsyncDisposable> {
  const folder = await cachedPackage({ name: 'faas-js-runtime', version: '4.0.1' });
  const args = [script, folder, module, name, ...(raw === undefined ? [] : [raw])];
  const child = new TestProcess(process.execPath, args);
  await child.printed('listening on ');
  const [, port = ''] = /listening on (\d+)/.exec(child.output) ?? [];
  return {
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

functionHostContract({
  name: 'Knative',
  start: async () => {
    const host = await start('handle');
    return {
      ...host,
      target: (environment) => {
        const maker = knativeTargets(environment);
        const apiVersion = 'serving.knative.dev/v1';
        const ref = {
          apiVersion,
          group: 'serving.knative.dev',
          version: 'v1',
          kind: 'Service',
          name: 'contract',
        };
        const principal = principalWith({ address: () => ({ url: host.url }) });
        return { maker, target: maker.create({ type: 'knative', ref }, { reply: 'Result' }, principal) };
      },
    };
  },
  startSigned: () => start('handleSigned', 'raw'),
  hangsUp: true,
});

describe('toKnative', () => {
  it('answers with an event where the sender asks for one, and the same with the same id', async () => {
    await using host = await start('handle');
    const send = async (spec: object) => {
      const { headers, body } = binaryForm(functionEvent({ object: widget(spec) }));
      const response = await fetch(host.url, {
        method: 'POST',
        headers: { ...headers, prefer: 'reply' },
        body,
      });
      await response.text();
      const attributes = [...response.headers].filter(([name]) => name.startsWith('ce-'));
      return { status: response.status, attributes: Object.fromEntries(attributes) };
    };
    const { status, attributes } = await send({ step: 'success' });
    const { 'ce-id': id, ...rest } = attributes;
    assert.equal(status, 200);
    assert.deepEqual(rest, {
      'ce-specversion': '1.0',
      'ce-type': 'dev.statewire.function.result',
      'ce-source': 'statewire://function',
      'ce-subject': '/apis/example.com/v1/namespaces/demo/widgets/web',
    });
    assert.equal((await send({ step: 'success' })).attributes['ce-id'], id);
    assert.notEqual((await send({ step: 'requeue' })).attributes['ce-id'], id);
    assert.deepEqual(await send({ step: 'permanent' }), { status: 422, attributes: {} });
  });
});
