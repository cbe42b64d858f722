/** OpenFaaS: a stand-in of its watchdog and node template (test/support/openfaas-function.ts). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openFaasTargets } from '../../forwarder/target/openfaas.ts';
import { toOpenFaaS } from '../../functions/sdk/openfaas.ts';
import { contractFunction, plain, signed } from '../fixtures/function-hosts/contract-function.ts';
import { binaryForm, functionEvent, widget } from '../support/function-events.ts';
import { principalWith } from '../support/principals.ts';
import { startOpenFaaSFunction } from '../support/openfaas-function.ts';
import { functionHostContract } from './function-host.contract.ts';

functionHostContract({
  name: 'OpenFaaS',
  start: async () => {
    const host = await startOpenFaaSFunction(toOpenFaaS(contractFunction, plain));
    return {
      url: host.url,
      // The function is behind no gateway here: it answers every path.
      target: (environment) => {
        const maker = openFaasTargets(environment);
        const spec = { type: 'openfaas', name: 'contract', gateway: host.url, async: false } as const;
        return { maker, target: maker.create(spec, { reply: 'Result' }, principalWith()) };
      },
      [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
    };
  },
  startSigned: () => startOpenFaaSFunction(toOpenFaaS(contractFunction, signed), { rawBody: true }),
});

describe('the stand-in for OpenFaaS', () => {
  it('answers a throw with 200 and its text, as the template does', async () => {
    await using host = await startOpenFaaSFunction(() => {
      throw new TypeError('boom');
    });
    const response = await fetch(host.url, { method: 'POST' });
    assert.deepEqual([response.status, await response.text()], [200, 'TypeError: boom']);
    assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
  });

  it('ends a call at exec_timeout with a mark, as the watchdog does', async () => {
    await using host = await startOpenFaaSFunction(() => new Promise(() => undefined), { execTimeoutMs: 50 });
    const response = await fetch(host.url, { method: 'POST' });
    assert.deepEqual([response.status, response.headers.get('x-openfaas-internal')], [504, 'of-watchdog']);
  });
});

describe('toOpenFaaS', () => {
  const send = (url: string, spec: object, headers: Record<string, string> = {}) => {
    const sent = binaryForm(functionEvent({ object: widget(spec), attributes: { statewiredeadline: '' } }));
    return fetch(url, { method: 'POST', headers: { ...sent.headers, ...headers }, body: sent.body });
  };

  it('gives up before exec_timeout, so that an answer is left', async () => {
    process.env['exec_timeout'] = '1s';
    const handler = toOpenFaaS(contractFunction, plain);
    delete process.env['exec_timeout'];
    await using host = await startOpenFaaSFunction(handler, { execTimeoutMs: 10_000 });
    const response = await send(host.url, { step: 'timeout' });
    assert.deepEqual([response.status, response.headers.get('x-openfaas-internal')], [500, null]);
  });

  it("gives up before the caller's X-Timeout", async () => {
    await using host = await startOpenFaaSFunction(toOpenFaaS(contractFunction, plain));
    assert.equal((await send(host.url, { step: 'timeout' }, { 'x-timeout': '300ms' })).status, 500);
  });

  it('says how to get at the body where a signature cannot be checked', async () => {
    await using host = await startOpenFaaSFunction(toOpenFaaS(contractFunction, signed));
    const response = await send(host.url, { step: 'success' });
    assert.equal(response.status, 500);
    assert.match(await response.text(), /set RAW_BODY=true/);
  });

  it('takes structured events with RAW_BODY=true', async () => {
    await using host = await startOpenFaaSFunction(toOpenFaaS(contractFunction, plain), { rawBody: true });
    const response = await fetch(host.url, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify(functionEvent({ object: widget({ step: 'requeue' }) })),
    });
    assert.deepEqual(
      [response.status, ((await response.json()) as { requeueAfter: string }).requeueAfter],
      [200, '30s'],
    );
  });
});
