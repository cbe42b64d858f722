import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asking, failure, refuse, triggerIn, world, type World } from './principal-world.ts';

const ref = { name: 'keys', key: 'api' };

describe('Secrets of a principal', () => {
  it("are read from the trigger's namespace, once for a minute and for all who ask at once", async () => {
    const { clock, requests, principal } = world();
    const read = (): Promise<string> => principal.secret(ref, asking).then(String);
    assert.deepEqual(await Promise.all([read(), read(), read()]), ['one', 'one', 'one']);
    await clock.advance(59_999);
    await read();
    assert.deepEqual(
      requests.map(({ method, path }) => `${method} ${path}`),
      ['GET /api/v1/namespaces/shop/secrets/keys'],
    );
    await clock.advance(1);
    await read();
    assert.equal(requests.length, 2);
  });

  it('are read anew where they are doubted, once a second at most: who doubts sooner waits', async () => {
    const { clock, requests, principal } = world();
    await principal.secret(ref, asking);
    const doubted = principal.secret(ref, { ...asking, fresh: true });
    await clock.advance(999);
    assert.equal(requests.length, 1);
    await clock.advance(1);
    assert.equal(String(await doubted), 'one');
    assert.equal(requests.length, 2);
    await clock.advance(1000);
    await principal.secret(ref, { ...asking, fresh: true });
    assert.equal(requests.length, 3);
  });

  it('are used on while the API server cannot tell', async () => {
    const all = world();
    await all.principal.secret(ref, asking);
    await all.clock.advance(120_000);
    all.answer = refuse('API_UNAVAILABLE');
    assert.equal(String(await all.principal.secret(ref, asking)), 'one');
    all.answer = refuse('API_NOT_FOUND');
    assert.equal((await failure(all.principal.secret(ref, asking))).code, 'TARGET_MISCONFIGURED');
    all.answer = refuse('API_UNAVAILABLE');
    const error = await failure(all.principal.secret(ref, asking));
    assert.deepEqual([error.code, error.conclusive], ['TARGET_UNAVAILABLE', false]);
  });

  it('are given whole as they were at one time, and are read no more often for it', async () => {
    const all = world();
    all.answer = () => ({ data: { 'tls.crt': btoa('certificate'), 'tls.key': btoa('key') } });
    const read = async (fresh = false): Promise<Record<string, string>> => {
      const data = await all.principal.secretData({ name: 'keys' }, { ...asking, fresh });
      return Object.fromEntries(Array.from(data, ([key, value]) => [key, String(value)]));
    };
    const first = { 'tls.crt': 'certificate', 'tls.key': 'key' };
    assert.deepEqual(await read(), first);
    all.answer = () => ({ data: { 'tls.crt': btoa('renewed') } });
    assert.deepEqual(await read(), first);
    assert.equal(all.requests.length, 1);
    await all.clock.advance(1000);
    assert.deepEqual(await read(true), { 'tls.crt': 'renewed' });
    all.answer = refuse('API_NOT_FOUND');
    await all.clock.advance(60_000);
    const error = await failure(read());
    assert.equal(error.message, 'spec.x: there is no Secret "keys" in this namespace');
  });

  for (const { title, answer, message } of [
    {
      title: 'is not there',
      answer: refuse('API_NOT_FOUND'),
      message: 'spec.x: there is no Secret "keys" in this namespace',
    },
    {
      title: 'may not be read',
      answer: refuse('API_FORBIDDEN'),
      message: 'spec.x: the forwarder lacks the right for Secret "keys": get secrets',
    },
    {
      title: 'has no such key',
      answer: () => ({ data: { other: btoa('canary') } }),
      message: 'spec.x: Secret "keys" has no key "api"',
    },
    { title: 'has no data', answer: () => ({}), message: 'spec.x: Secret "keys" has no key "api"' },
    {
      title: 'has an empty value',
      answer: () => ({ data: { api: '' } }),
      message: 'spec.x: Secret "keys" has nothing under key "api"',
    },
  ]) {
    it(`name the field where one ${title}, and it is looked for again by the next call`, async () => {
      const all = world();
      all.answer = answer;
      const error = await failure(all.principal.secret(ref, asking));
      assert.deepEqual(
        [error.code, error.conclusive, error.message],
        ['TARGET_MISCONFIGURED', true, message],
      );
      if (title === 'has an empty value') await all.clock.advance(60_000);
      all.answer = () => ({ data: { api: btoa('there') } });
      assert.equal(String(await all.principal.secret(ref, asking)), 'there');
    });
  }
});

describe('Tokens of a principal', () => {
  const token = ({ clock, requests }: World, lifeMs = 3_600_000): (() => unknown) => {
    return () => ({
      status: {
        token: `token-${requests.length}`,
        expirationTimestamp: new Date(clock.now() + lifeMs).toISOString(),
      },
    });
  };

  it("are the ServiceAccount's, for that audience, and are kept for most of their life", async () => {
    const all = world();
    all.answer = token(all);
    assert.equal(await all.principal.token('orders', asking), 'token-1');
    await all.clock.advance(2_879_000);
    assert.equal(await all.principal.token('orders', asking), 'token-1');
    assert.equal(await all.principal.token('bills', asking), 'token-2');
    await all.clock.advance(1000);
    assert.equal(await all.principal.token('orders', asking), 'token-3');
    const [{ method, path, body = '' } = assert.fail()] = all.requests;
    assert.equal(`${method} ${path}`, 'POST /api/v1/namespaces/shop/serviceaccounts/caller/token');
    assert.partialDeepStrictEqual(JSON.parse(body), { spec: { audiences: ['orders'] } });
  });

  it('are made anew where one was refused, but not one after the other', async () => {
    const all = world();
    all.answer = token(all);
    await all.principal.token('orders', asking);
    assert.equal(await all.principal.token('orders', { ...asking, fresh: true }), 'token-1');
    await all.clock.advance(10_000);
    assert.equal(await all.principal.token('orders', { ...asking, fresh: true }), 'token-2');
  });

  it('name the right that lacks', async () => {
    const all = world();
    all.answer = refuse('API_FORBIDDEN');
    const error = await failure(all.principal.token('orders', asking));
    assert.match(
      error.message,
      /lacks the right for ServiceAccount "caller": create serviceaccounts\/token$/,
    );
  });

  it('are never those of another ServiceAccount', async () => {
    const all = world();
    all.answer = token(all);
    const other = all.principals.of(triggerIn('bank'));
    assert.equal(await all.principal.token('orders', asking), 'token-1');
    assert.equal(await other.token('orders', asking), 'token-2');
    assert.deepEqual([all.principal.ambient, other.ambient], [true, false]);
  });
});

describe('Addressables of a principal', () => {
  const service = { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'fn' };
  for (const { title, status, kind = 'Service', code, message } of [
    {
      title: 'has no status yet',
      status: undefined,
      code: 'TARGET_UNAVAILABLE',
      message: 'spec.x: Service "fn" has no status.address.url',
    },
    {
      title: 'has an address that is no URL',
      status: { address: { url: 'file:///etc/passwd' } },
      code: 'TARGET_MISCONFIGURED',
      message: 'spec.x: status.address.url of Service "fn" must begin with http:// or https://',
    },
    {
      title: 'is of a kind that is not served',
      kind: 'Nothing',
      code: 'TARGET_MISCONFIGURED',
      message: 'spec.x: Nothing of serving.knative.dev/v1 is not served by this cluster',
    },
    {
      title: 'is of no namespace',
      kind: 'Wide',
      code: 'TARGET_MISCONFIGURED',
      message: 'spec.x: Wide of serving.knative.dev/v1 is not a kind of namespaced objects',
    },
  ]) {
    it(`say so where one ${title}`, async () => {
      const all = world();
      all.answer = () => ({ status });
      const error = await failure(all.principal.address({ ...service, kind }, asking));
      assert.deepEqual([error.code, error.conclusive, error.message], [code, true, message]);
    });
  }

  it('are found in the namespace of the trigger', async () => {
    const all = world();
    all.answer = () => ({ status: { address: { url: 'http://fn.shop.svc', audience: 'a' } } });
    assert.deepEqual(await all.principal.address(service, asking), {
      url: 'http://fn.shop.svc',
      audience: 'a',
    });
    assert.equal(all.requests[0]?.path, '/apis/serving.knative.dev/v1/namespaces/shop/services/fn');
  });

  const plain = { url: 'http://fn.shop.svc' };
  const secure = { url: 'https://fn.shop.svc', CACerts: 'PEM', audience: 'a' };
  for (const { title, status, url } of [
    { title: 'the one', status: { address: secure }, url: secure.url },
    { title: 'the first of a list', status: { addresses: [plain, { url: 'http://b' }] }, url: plain.url },
    {
      title: 'the one with https of a list',
      status: { address: plain, addresses: [plain, {}, secure, { url: 'https://b' }] },
      url: secure.url,
    },
    {
      title: 'the one with https, also where the list is another',
      status: { address: secure, addresses: [{ url: 'https://b' }] },
      url: secure.url,
    },
  ]) {
    it(`have one address, ${title}, with whom to trust and whom a token is for`, async () => {
      const all = world();
      all.answer = () => ({ status });
      const found = await all.principal.address(service, asking);
      const { CACerts: caCerts, audience } = secure;
      assert.deepEqual(found, url === secure.url ? { url, caCerts, audience } : { url });
    });
  }
});
