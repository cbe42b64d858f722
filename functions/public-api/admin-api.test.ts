/** What is asked of a gateway, and in which order, where it is in a mood. */
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { createServer } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type Served, serveOn } from '../../test/support/serve.ts';
import { GatewayRoutes, GatewayUnavailableError } from './admin-api.ts';
import type { GatewayRoute } from './desired.ts';

const route = (path: string): GatewayRoute => ({ path, methods: ['GET'], upstream: 'u', policies: {} });

describe('the routes of an API at a gateway', () => {
  const routes = new Map<string, unknown>();
  /** By method and name, what is answered instead. */
  const moods = new Map<string, number>();
  const asked: string[] = [];
  let gateway: Served;
  let admin: GatewayRoutes;

  before(async () => {
    gateway = await serveOn(
      createServer((request, response) => {
        void text(request).then((body) => {
          const { method = '' } = request;
          const name = (request.url ?? '').split('/').slice(4).join('/');
          const call = `${method} ${name}`.trim();
          const mood = moods.get(call);
          if (method !== 'GET') asked.push(call);
          if (mood !== undefined) response.writeHead(mood).end('no');
          else if (method === 'GET') response.end(JSON.stringify(Object.fromEntries(routes)));
          else if (method === 'DELETE') response.writeHead(routes.delete(name) ? 204 : 404).end();
          else response.writeHead(routes.set(name, JSON.parse(body)) && 204).end();
        });
      }),
    );
    admin = new GatewayRoutes(gateway.url, 'default.shop', new AbortController().signal);
  });
  after(async () => await gateway[Symbol.asyncDispose]());
  beforeEach(() => {
    routes.clear();
    moods.clear();
    asked.length = 0;
    routes.set('a', route('/a'));
    routes.set('b', route('/b'));
  });

  it('are left alone where they are as they should be', async () => {
    assert.equal(await admin.publish({ a: route('/a'), b: route('/b') }), undefined);
    assert.deepEqual(asked, []);
  });

  it('give their paths up before others take them', async () => {
    await admin.publish({ a: route('/b'), b: route('/a') });
    assert.deepEqual(asked, ['DELETE a', 'DELETE b', 'PUT a', 'PUT b']);
  });

  it('are as before once one was refused', async () => {
    moods.set('PUT c', 409);
    assert.equal(await admin.publish({ a: { ...route('/a'), upstream: 'v' }, c: route('/c') }), 'c: 409 no');
    assert.deepEqual(Object.fromEntries(routes), { a: route('/a'), b: route('/b') });
  });

  it('may have names that every object in JavaScript knows', async () => {
    routes.set('constructor', route('/c'));
    await admin.publish({ a: route('/a'), b: route('/b') });
    assert.deepEqual(asked, ['DELETE constructor']);
  });

  it('are withdrawn also where somebody else was faster', async () => {
    moods.set('DELETE a', 404);
    assert.equal(await admin.withdraw(), undefined);
    assert.deepEqual([...routes.keys()], ['a']);
  });

  it('are not said to be withdrawn where the gateway refuses that', async () => {
    moods.set('DELETE b', 409);
    assert.equal(await admin.withdraw(), 'b: 409 no');
  });

  for (const [status, reason] of [
    [401, 'the token is wrong'],
    [404, 'the address is'],
    [302, 'nobody is followed'],
    [429, 'it has too much to do'],
    [503, 'it does not work'],
  ] as const) {
    it(`are unknown after ${status}: ${reason}`, async () => {
      moods.set('PUT c', status);
      await assert.rejects(admin.publish({ c: route('/c') }), GatewayUnavailableError);
    });
  }
});
