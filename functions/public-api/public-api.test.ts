/** PublicAPI, its routes and policies on a real API server, with a real gateway whose admin API they go through. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { TestProcess } from '../../test/support/child-process.ts';
import { eventually } from '../../test/support/eventually.ts';
import { Actions, condition, type Example, startExample } from '../../test/support/example.ts';
import { apiPolicy, apiRoute } from './parts.ts';
import { publicApi } from './public-api.ts';

const KIND = 'publicapis.api.example.com';
const ROUTE = 'apiroutes.api.example.com';
const POLICY = 'apipolicies.api.example.com';

describe('PublicAPI', { timeout: 240_000 }, () => {
  const actions = new Actions();
  let example: Example;
  let gateway: TestProcess;
  let url: string;

  const startGateway = async (ports: NodeJS.ProcessEnv): Promise<void> => {
    const file = path.join(import.meta.dirname, 'gateway.ts');
    gateway = new TestProcess(process.execPath, [file], { env: { ...process.env, ...ports } });
    await gateway.printed('admin listening on ');
  };
  const portOf = (name: string): string =>
    new RegExp(`${name} listening on (\\d+)`).exec(gateway.output)?.[1] ?? '';

  before(async () => {
    await startGateway({});
    actions.after(async () => await gateway[Symbol.asyncDispose]());
    url = `http://127.0.0.1:${portOf('gateway')}`;
    process.env['GATEWAY_ADMIN_URL'] = `http://127.0.0.1:${portOf('admin')}`;
    example = await startExample(actions, {
      folder: 'public-api',
      functions: { 'public-api': publicApi, 'api-route': apiRoute, 'api-policy': apiPolicy },
      access: 'functions/public-api/deployment.yaml',
    });
  });
  after(() => actions.run());

  const ask = async (pathname: string, init?: RequestInit): Promise<number> =>
    (await fetch(url + pathname, init)).status;
  const answers = (pathname: string, status: number): Promise<boolean> =>
    eventually(`${status} for ${pathname}`, async () => (await ask(pathname)) === status);
  const becomes = (phase: string, routes: number, name = 'shop') =>
    example.until(phase, KIND, name, ({ status }) => {
      return status?.['phase'] === phase && status['routes'] === routes;
    });

  it('is published with its routes and their policies', async () => {
    await example.sample('shop');
    await becomes('Published', 2);
    assert.equal(await ask('/shop/items'), 200);
    assert.equal(await ask('/shop/orders', { method: 'POST' }), 401);
    assert.equal(
      await ask('/shop/orders', { method: 'POST', headers: { authorization: 'Bearer token' } }),
      200,
    );
    assert.match(await example.kubectl('get', KIND), /^shop +\/shop +2 +Published/m);
  });

  it('follows its routes and policies: a new one, an edit, a deletion', async () => {
    await example.apply(
      example
        .file('samples/shop.yaml')
        .split('---\n')
        .filter((one) => one.includes('shop-items'))
        .join('')
        .replaceAll('items', 'carts'),
    );
    await answers('/shop/carts', 200);
    await example.merge(POLICY, 'fair', { spec: { auth: 'ApiKey' } });
    await answers('/shop/items', 401);
    await example.merge(POLICY, 'fair', { spec: { auth: 'None' } });
    await answers('/shop/items', 200);
    await example.kubectl('delete', ROUTE, 'shop-carts');
    await answers('/shop/carts', 404);
    await becomes('Published', 2);
  });

  it('publishes nothing of a route whose policy is not there', async () => {
    await example.merge(ROUTE, 'shop-orders', { spec: { policies: ['nobody'] } });
    const { status } = await example.until(
      'Pending',
      KIND,
      'shop',
      (one) => one.status?.['phase'] === 'Pending',
    );
    assert.equal(status?.conditions?.[0]?.message, 'APIPolicy nobody not found');
    assert.equal(await ask('/shop/orders'), 401);
    await example.merge(ROUTE, 'shop-orders', { spec: { policies: ['customers'] } });
    await becomes('Published', 2);
  });

  it('rolls everything back when the gateway refuses a part of it', async () => {
    const api = JSON.stringify({
      apiVersion: 'api.example.com/v1',
      kind: 'PublicAPI',
      metadata: { name: 'other' },
      spec: { basePath: '/shop', upstream: 'http://other.default.svc' },
    });
    const route = (name: string, pathname: string): string =>
      JSON.stringify({
        apiVersion: 'api.example.com/v1',
        kind: 'APIRoute',
        metadata: { name },
        spec: { api: 'other', path: pathname },
      });
    // The routes are there before their API, so that it publishes both at once; the shop has the second path.
    await example.apply([route('a-fine', '/fine'), route('b-taken', '/items')].join('\n---\n'));
    await example.apply(api);
    const { status } = await becomes('RolledBack', 0, 'other');
    assert.match(String(status?.conditions?.[0]?.message), /^b-taken: 409 .*\/shop\/items belongs to/);
    assert.equal(await ask('/shop/fine'), 404);
    assert.equal(await ask('/shop/items'), 200);

    await example.merge(ROUTE, 'b-taken', { spec: { path: '/free' } });
    await becomes('Published', 2, 'other');
    assert.equal(await ask('/shop/fine'), 200);
    assert.equal(await ask('/shop/free'), 200);
  });

  it('lets two routes change places', async () => {
    const items = { metadata: { name: 'shop-items' }, spec: { path: '/orders' } };
    const orders = { metadata: { name: 'shop-orders' }, spec: { path: '/items' } };
    example.outage = 503;
    for (const { metadata, spec } of [items, orders]) await example.merge(ROUTE, metadata.name, { spec });
    example.outage = undefined;
    await answers('/shop/items', 401);
    await answers('/shop/orders', 200);
    await becomes('Published', 2);
    await example.merge(ROUTE, 'shop-orders', { spec: { path: '/away' } });
    await example.merge(ROUTE, 'shop-items', { spec: { path: '/items' } });
    await example.merge(ROUTE, 'shop-orders', { spec: { path: '/orders' } });
    await answers('/shop/items', 200);
    await answers('/shop/orders', 401);
  });

  it('says that the gateway is away, and restores what a new gateway does not know', async () => {
    const ports = { PORT: portOf('gateway'), ADMIN_PORT: portOf('admin') };
    gateway.child.kill('SIGKILL');
    await gateway.exit();
    await example.merge(KIND, 'shop', { spec: { upstream: 'http://shop-1.default.svc' } });
    const { status } = await example.until('GatewayUnavailable', KIND, 'shop', (one) => {
      return condition(one, 'Ready')?.reason === 'GatewayUnavailable';
    });
    assert.equal(status?.['phase'], 'Pending');
    assert.match(String(status.conditions?.[0]?.message), /ECONNREFUSED/);
    await startGateway(ports);
    await becomes('Published', 2);
    assert.equal(await ask('/shop/items'), 200);
    // What somebody takes away behind the function's back comes again by a repeat, such as `resync` makes.
    await becomes('Published', 2, 'other');
    const admin = String(process.env['GATEWAY_ADMIN_URL']);
    const fine = `${admin}/apis/${example.namespace}.other/routes/a-fine`;
    await fetch(fine, { method: 'DELETE' });
    await answers('/shop/fine', 404);
    await example.kubectl('annotate', KIND, 'other', '--overwrite', 'statewire.dev/redeliver-at=now');
    await answers('/shop/fine', 200);
    assert.match(await example.kubectl('get', 'deadletters', '-o', 'name'), /^$/);
  });

  it('is delivered once the function works again', async () => {
    example.outage = 500;
    await example.merge(KIND, 'shop', { spec: { upstream: 'http://shop-2.default.svc' } });
    await example.untilCalled('public-api', 'updated', 'shop', 500);
    example.outage = undefined;
    await eventually('the new upstream', async () =>
      (await (await fetch(`${url}/shop/items`)).text()).includes('shop-2'),
    );
  });

  it('is forgotten by the gateway before it goes', async () => {
    await example.kubectl('delete', KIND, 'shop');
    assert.equal(await ask('/shop/items'), 404);
    assert.equal(await ask('/shop/free'), 200);
    const other = await example.get(KIND, 'other');
    assert.equal(condition(other, 'Ready')?.status, 'True');
  });

  it('refuses another basePath', async () => {
    await assert.rejects(example.merge(KIND, 'other', { spec: { basePath: '/else' } }), /cannot be changed/);
    // Held by its finalizer, it would hold the namespace of this test.
    await example.kubectl('delete', KIND, 'other');
  });

  for (const [sample, message] of [
    ['bad-policy', /spec\.issuer is needed for auth JWT/],
    ['bad-base', /spec\.basePath in body should match/],
    ['bad-method', /spec\.methods\[0\]: Unsupported value: "FETCH"/],
  ] as const) {
    it(`${sample}.yaml is refused`, async () => {
      await assert.rejects(example.sample(sample), (error: Error) => message.test(error.message));
    });
  }
});
