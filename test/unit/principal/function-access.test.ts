import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeAccess } from '../../../forwarder/kube/kube-access.ts';
import { functionApiServer } from '../../../forwarder/principal/function-access.ts';
import { asking, failure, refuse, triggerIn, world, type World } from './principal-world.ts';

describe('Access for functions', () => {
  const MINUTE_MS = 60_000;
  const token = (all: World, lifeMs?: number): (() => unknown) => {
    return () => {
      const [{ body = '' } = assert.fail()] = all.requests.slice(-1);
      const { expirationSeconds } = (JSON.parse(body) as { spec: { expirationSeconds: number } }).spec;
      const expirationTimestamp = new Date(
        all.clock.now() + (lifeMs ?? expirationSeconds * 1000),
      ).toISOString();
      return { status: { token: `token-${all.requests.length}`, expirationTimestamp } };
    };
  };
  const ask = async (all: World, callMs: number, namespace = 'shop'): Promise<string> => {
    const { access } = all.principals.of(triggerIn(namespace, true));
    return (await (access ?? assert.fail())(callMs, asking)).token;
  };

  it('is there only where the trigger hands a token over', () => {
    const { principals, principal } = world();
    assert.equal(principal.access, undefined);
    assert.equal(typeof principals.of(triggerIn('shop', true)).access, 'function');
  });

  it("is the API server's address and authority, with a token of the ServiceAccount for that server", async () => {
    const all = world();
    all.answer = token(all);
    const { access } = all.principals.of(triggerIn('shop', true));
    const expiresAt = new Date(all.clock.now() + 600_000).toISOString();
    assert.deepEqual(await access?.(30_000, asking), {
      server: 'https://api:6443',
      certificateAuthority: 'CA',
      token: 'token-1',
      expiresAt,
    });
    const [{ method, path, body = '' } = assert.fail()] = all.requests;
    assert.equal(`${method} ${path}`, 'POST /api/v1/namespaces/shop/serviceaccounts/caller/token');
    assert.deepEqual((JSON.parse(body) as { spec: unknown }).spec, { expirationSeconds: 600 });
  });

  for (const { callMs, lifeSeconds } of [
    { callMs: 1000, lifeSeconds: 600 },
    { callMs: 4 * MINUTE_MS, lifeSeconds: 600 },
    { callMs: 15 * MINUTE_MS, lifeSeconds: 1920 },
    { callMs: 1_743_500, lifeSeconds: 3660 },
  ]) {
    it(`asks for ${lifeSeconds} s where a call may take ${callMs / 1000} s`, async () => {
      const all = world();
      all.answer = token(all);
      await ask(all, callMs);
      assert.match(all.requests[0]?.body ?? '', new RegExp(`"expirationSeconds":${lifeSeconds}\\b`));
    });
  }

  it('is shared by all calls until a token has a fifth of its life left, or less than a call and a minute', async () => {
    const all = world();
    all.answer = token(all);
    assert.deepEqual(await Promise.all([ask(all, 30_000), ask(all, 30_000)]), ['token-1', 'token-1']);
    await all.clock.advance(479_999);
    assert.equal(await ask(all, 30_000), 'token-1');
    // 600 s as well, of which two minutes and a bit are too little for this one.
    assert.equal(await ask(all, 4 * MINUTE_MS), 'token-2');
    await all.clock.advance(1);
    assert.equal(await ask(all, 30_000), 'token-2');
    assert.equal(await ask(all, 30_000, 'bank'), 'token-3');
  });

  it('is refused where the API server gives tokens that end too soon', async () => {
    const all = world();
    all.answer = token(all, 600_000);
    const error = await failure(ask(all, 10 * MINUTE_MS));
    assert.deepEqual(
      [error.code, error.message],
      [
        'TARGET_MISCONFIGURED',
        'spec.x: tokens of ServiceAccount "caller" end before delivery.timeout and a minute are over',
      ],
    );
  });

  it('is used on while the API server is away, but for as long as it lasts', async () => {
    const all = world();
    all.answer = token(all);
    await ask(all, 30_000);
    all.answer = refuse('API_UNAVAILABLE');
    await all.clock.advance(400_000);
    assert.equal(await ask(all, 30_000), 'token-1');
    await all.clock.advance(120_000);
    const error = await failure(ask(all, 30_000));
    assert.deepEqual(
      [error.code, error.message],
      ['TARGET_UNAVAILABLE', 'spec.x: no new token of ServiceAccount "caller" can be had now'],
    );
  });

  it('names the ServiceAccount that is not there, and the right that lacks', async () => {
    const all = world();
    all.answer = refuse('API_NOT_FOUND');
    assert.equal(
      (await failure(ask(all, 1))).message,
      'spec.x: there is no ServiceAccount "caller" in this namespace',
    );
    all.answer = refuse('API_FORBIDDEN');
    assert.match((await failure(ask(all, 1))).message, /lacks the right .*: create serviceaccounts\/token$/);
  });
});

describe('functionApiServer', () => {
  const at = (
    server: string,
    given?: string,
    tls: KubeAccess['tls'] = () => ({ ca: 'CA', rejectUnauthorized: true }),
  ) => functionApiServer({ server: new URL(server), tls }, given)(asking);

  it("is the forwarder's own API server, or the one that is named, with the authority that the forwarder trusts", () => {
    assert.deepEqual(at('https://10.0.0.1:6443'), {
      server: 'https://10.0.0.1:6443',
      certificateAuthority: 'CA',
    });
    assert.deepEqual(at('https://10.0.0.1:6443', 'https://api.example.com'), {
      server: 'https://api.example.com',
      certificateAuthority: 'CA',
    });
    assert.deepEqual(
      at('https://api', undefined, () => ({ rejectUnauthorized: true })),
      { server: 'https://api' },
    );
  });

  for (const server of ['http://127.0.0.1:8001', 'https://rancher.example.com/k8s/clusters/c-1']) {
    it(`is not ${server}, and says which option helps`, async () => {
      const error = await failure(Promise.resolve().then(() => at(server)));
      assert.equal(
        error.message,
        'spec.x: the API server is not known as https://host:port; set --function-api-server',
      );
      assert.deepEqual(at(server, 'https://api'), { server: 'https://api', certificateAuthority: 'CA' });
    });
  }

  it('says where its authority cannot be read', async () => {
    const unreadable = (): never => {
      throw new Error('ENOENT: ca.crt');
    };
    const error = await failure(Promise.resolve().then(() => at('https://api', undefined, unreadable)));
    assert.equal(error.code, 'TARGET_UNAVAILABLE');
    assert.match(error.message, /^spec\.x: the API server's certificate authority cannot be read: ENOENT/);
  });
});
