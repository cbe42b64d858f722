/** AIGatewayConfig and its parts on a real API server, behind an OpenFaaS gateway, with a real AI gateway to configure. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { TestProcess } from '../../test/support/child-process.ts';
import { eventually } from '../../test/support/eventually.ts';
import { Actions, condition, type Example, hostAt, startExample } from '../../test/support/example.ts';
import { startOpenFaaSFunction } from '../../test/support/openfaas-function.ts';
import { handlers } from './openfaas.ts';

const KIND = 'aigatewayconfigs.gateway.example.com';
const MODEL = 'llmmodels.gateway.example.com';

interface Rendered {
  readonly models: readonly { readonly name: string; readonly model: string }[];
  readonly routes: readonly { readonly model: string; readonly weight: number }[];
  readonly rateLimit?: object;
}

describe('AIGatewayConfig', { timeout: 240_000 }, () => {
  const actions = new Actions();
  let example: Example;
  let child: TestProcess;
  let gateway: { readonly url: string; readonly adminUrl: string };

  const startGateway = async (ports: NodeJS.ProcessEnv): Promise<void> => {
    const file = path.join(import.meta.dirname, 'gateway.ts');
    child = new TestProcess(process.execPath, [file], { env: { ...process.env, ...ports } });
    await child.printed('admin listening on ');
  };
  const portOf = (name: string): string =>
    new RegExp(`${name} listening on (\\d+)`).exec(child.output)?.[1] ?? '';

  before(async () => {
    await startGateway({});
    actions.after(async () => await child[Symbol.asyncDispose]());
    gateway = {
      url: `http://127.0.0.1:${portOf('gateway')}`,
      adminUrl: `http://127.0.0.1:${portOf('admin')}`,
    };
    process.env['GATEWAY_ADMIN_ORIGINS'] = `http://else.example.com, ${gateway.adminUrl}`;
    const hosts = await Promise.all(
      Object.entries(handlers).map(async ([name, handler]) => {
        const served = await startOpenFaaSFunction(handler);
        actions.after(async () => await served[Symbol.asyncDispose]());
        return [name, hostAt(served.url)] as const;
      }),
    );
    example = await startExample(actions, {
      folder: 'ai-gateway',
      functions: Object.fromEntries(hosts),
      access: 'deploy/openfaas/ai-gateway-rbac.yaml',
      target: (name, origin) => ({ openfaas: { name, gateway: origin } }),
      replace: { 'http://ai-gateway-admin.default.svc:8001': gateway.adminUrl },
    });
  });
  after(() => actions.run());

  const ready = (name: string, reason: string) =>
    example.until(reason, KIND, name, (one) => condition(one, 'Ready')?.reason === reason);
  const inConfigMap = async (): Promise<Rendered> => {
    const { data } = await example.get<{ data: Record<string, string> }>('configmap', 'chat-ai-gateway');
    return JSON.parse(data['gateway.json'] ?? '') as Rendered;
  };
  const ask = async (input: string): Promise<unknown> => {
    const response = await fetch(`${gateway.url}/${example.namespace}/live/polite`, {
      method: 'POST',
      body: input,
    });
    return response.ok ? await response.json() : response.status;
  };

  it('waits for what it refers to, and names it', async () => {
    await example.sample('chat');
    const { status } = await ready('chat', 'NotFound');
    assert.equal(status?.['phase'], 'Pending');
    assert.match(
      String(status.conditions?.[0]?.message),
      /^LLMModel\/large, .*RateLimitPolicy\/standard not found$/,
    );
  });

  it('is rendered once everything is there', async () => {
    await example.sample('parts');
    const { status } = await ready('chat', 'Applied');
    assert.deepEqual(status?.['appliedModels'], ['large', 'small']);
    const config = await eventually('the ConfigMap', inConfigMap);
    assert.deepEqual(config.routes, [
      { model: 'small', weight: 90 },
      { model: 'large', weight: 10 },
    ]);
    assert.deepEqual(config.rateLimit, { requestsPerMinute: 600 });
    assert.match(await example.kubectl('get', KIND), /^chat +Applied +\["large","small"\]/m);
  });

  it('follows an edit of what it refers to', async () => {
    const before = (await example.get(KIND, 'chat')).status;
    await example.merge(MODEL, 'large', { spec: { model: 'large-5' } });
    await eventually('the new model', async () => {
      const { models } = await inConfigMap();
      return models.find(({ name }) => name === 'large')?.model === 'large-5';
    });
    await example.until('another digest', KIND, 'chat', ({ status }) => {
      return status?.['configDigest'] !== before?.['configDigest'];
    });
    await example.until(
      'it was told',
      MODEL,
      'large',
      (one) => condition(one, 'Told')?.message === '1 configuration',
    );
  });

  it('keeps what is in force while what it refers to does not fit', async () => {
    const config = await inConfigMap();
    await example.merge('llmroutingpolicies.gateway.example.com', 'mostly-small', {
      spec: { fallbackRef: 'huge' },
    });
    const { status } = await ready('chat', 'DoesNotFit');
    assert.equal(status?.['phase'], 'Invalid');
    assert.deepEqual(status['appliedModels'], ['large', 'small']);
    assert.deepEqual(await inConfigMap(), config);
    await example.merge('llmroutingpolicies.gateway.example.com', 'mostly-small', {
      spec: { fallbackRef: 'large' },
    });
    await ready('chat', 'Applied');
  });

  it('keeps what is in force while a part is gone, and goes on once it is back', async () => {
    const config = await inConfigMap();
    await example.kubectl('delete', 'ratelimitpolicies.gateway.example.com', 'standard');
    const { status } = await ready('chat', 'NotFound');
    assert.equal(status?.conditions?.[0]?.message, 'RateLimitPolicy/standard not found');
    assert.deepEqual(status['appliedModels'], ['large', 'small']);
    assert.deepEqual(await inConfigMap(), config);
    await example.sample('parts');
    await ready('chat', 'Applied');
  });

  it('repairs its ConfigMap, and writes nothing where there is nothing new', async () => {
    await example.kubectl('delete', 'configmap', 'chat-ai-gateway');
    await eventually('the ConfigMap', inConfigMap);
    const before = (await example.get(KIND, 'chat')).status;
    await example.kubectl('annotate', KIND, 'chat', '--overwrite', 'statewire.dev/redeliver-at=now');
    const called = example.calls.length;
    await eventually('another call', () => example.calls.slice(called).some(({ name }) => name === 'chat'));
    assert.deepEqual((await example.get(KIND, 'chat')).status, before);
  });

  it('is told to a gateway by its admin API', async () => {
    await example.sample('chat-admin');
    await ready('live', 'Applied');
    assert.deepEqual(await ask('who?'), { model: 'llama-3-8b', text: 'Answer politely: who?' });
  });

  it('says what the gateway refuses, which goes on with what it had', async () => {
    await example.merge(MODEL, 'small', { spec: { model: 'unlicensed-1' } });
    const { status } = await ready('live', 'RefusedByGateway');
    assert.equal(status?.['phase'], 'Failed');
    assert.match(String(status.conditions?.[0]?.message), /422 .*no licence for unlicensed-1/);
    assert.deepEqual(await ask('who?'), { model: 'llama-3-8b', text: 'Answer politely: who?' });
    await example.merge(MODEL, 'small', { spec: { model: 'llama-4-8b' } });
    await ready('live', 'Applied');
    assert.deepEqual(await ask('who?'), { model: 'llama-4-8b', text: 'Answer politely: who?' });
  });

  it('says that the gateway is away, and tells it once it is there, also what it forgot', async () => {
    child.child.kill('SIGKILL');
    await child.exit();
    await example.merge(MODEL, 'small', { spec: { model: 'llama-5-8b' } });
    const { status } = await ready('live', 'GatewayUnavailable');
    assert.equal(status?.['phase'], 'Failed');
    assert.match(String(status.conditions?.[0]?.message), /ECONNREFUSED/);
    await startGateway({ PORT: new URL(gateway.url).port, ADMIN_PORT: new URL(gateway.adminUrl).port });
    await ready('live', 'Applied');
    assert.deepEqual(await ask('who?'), { model: 'llama-5-8b', text: 'Answer politely: who?' });
  });

  it('calls no URL but those of gateways', async () => {
    const text = example.file('samples/chat-admin.yaml').replace('name: live', 'name: stranger');
    await example.apply(text.replace(gateway.adminUrl, 'http://127.0.0.1:9'));
    const { status } = await ready('stranger', 'AdminUrlNotAllowed');
    assert.equal(status?.['phase'], 'Invalid');
    await example.kubectl('delete', KIND, 'stranger');
  });

  it('goes where its gateway was never reached', async () => {
    const text = example.file('samples/chat-admin.yaml').replace('name: live', 'name: nowhere');
    const origin = 'http://127.0.0.1:9';
    process.env['GATEWAY_ADMIN_ORIGINS'] += `,${origin}`;
    await example.apply(text.replace(gateway.adminUrl, origin));
    await ready('nowhere', 'GatewayUnavailable');
    await example.kubectl('delete', KIND, 'nowhere');
  });

  it('goes on publishing to where it began', async () => {
    const publish = { to: 'ConfigMap', adminUrl: null };
    await assert.rejects(example.merge(KIND, 'live', { spec: { publish } }), /publish cannot be changed/);
  });

  it('is delivered once the function works again', async () => {
    example.outage = 500;
    await example.merge(KIND, 'live', { spec: { modelRefs: ['large', 'small'], promptTemplateRefs: [] } });
    await example.untilCalled('ai-gateway', 'updated', 'live', 500);
    example.outage = undefined;
    await eventually('no template', async () => (await ask('who?')) === 404);
  });

  it('is taken back from the gateway before it goes, and its ConfigMap goes with it', async () => {
    await example.kubectl('delete', KIND, 'live', 'chat');
    const answer = await fetch(`${gateway.adminUrl}/configs/${example.namespace}/live`);
    assert.equal(answer.status, 404);
    await example.untilGone('configmap', 'chat-ai-gateway');
  });

  for (const [sample, message] of [
    ['bad-publish', /spec\.publish\.adminUrl is needed for AdminAPI/],
    ['bad-template', /spec\.template must have a place for/],
    ['bad-weights', /at least one of spec\.routes must have a weight/],
  ] as const) {
    it(`${sample}.yaml is refused`, async () => {
      await assert.rejects(example.sample(sample), (error: Error) => message.test(error.message));
    });
  }
});
