/** TLS of a trigger's own, on real sockets: whom it trusts, who it is to the server, and that neither is anybody else's. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TlsOptions } from 'node:tls';
import { TargetError } from '../../forwarder/lib/errors.ts';
import type { Address } from '../../forwarder/model/principal.ts';
import type { Target } from '../../forwarder/model/target.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { httpTargets } from '../../forwarder/target/http.ts';
import { knativeTargets } from '../../forwarder/target/knative.ts';
import { openFaasTargets } from '../../forwarder/target/openfaas.ts';
import { TestCa } from '../support/certificates.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { type Possessions, principalWith } from '../support/principals.ts';
import { answer, ScriptedServer } from '../support/scripted-server.ts';
import { assertFails, call, targetContract } from './target.contract.ts';

const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });
const ca = new TestCa();
const otherCa = new TestCa('Other CA');
const tls = { secretRef: { name: 'tls' } };
const UNREACHABLE = { code: 'TARGET_UNREACHABLE', blame: 'target', conclusive: true } as const;

/** A Secret with these keys. */
function secrets(keys: Readonly<Record<string, string>>): Possessions {
  return {
    secrets: Object.fromEntries(Object.entries(keys).map(([key, value]) => [`tls/${key}`, value])),
  };
}

const clientOf = (authority: TestCa): Readonly<Record<string, string>> => {
  const { cert, key } = authority.issue({ name: 'client' });
  return { 'ca.crt': ca.cert, 'tls.crt': cert, 'tls.key': key };
};

/** Targets that share their maker, as those of one process do. */
function makers(clock = new ManualClock()): {
  readonly clock: ManualClock;
  /** `own`: with `http.tls`. */
  readonly http: (origin: string, has: Possessions | (() => Possessions), own?: boolean) => Target;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
} {
  const targets = httpTargets({ clock, guard, env: {} });
  return {
    clock,
    http: (origin, has, own = true) =>
      targets.create(
        { type: 'http', url: `${origin}/fn`, headers: {}, ...(own && { tls }) },
        { reply: 'Result' },
        principalWith(has),
      ),
    [Symbol.asyncDispose]: async () => await targets[Symbol.asyncDispose](),
  };
}

function serverOf(options: Partial<TlsOptions> = {}): Promise<ScriptedServer> {
  return ScriptedServer.start(answer(204), { ...ca.issue(), ...options });
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof TargetError, String(error));
  return error.message;
}

targetContract({
  name: 'HTTP target with an authority of its own',
  targetAt: (origin, clock) => {
    const made = makers(clock);
    return {
      ...made.http(origin, secrets({ 'ca.crt': ca.cert })),
      [Symbol.asyncDispose]: made[Symbol.asyncDispose],
    };
  },
  success: (body) => answer(200, { 'content-type': 'application/json' }, body),
});

describe('http.tls', () => {
  it('reaches a server that a private authority vouches for', async () => {
    await using server = await serverOf();
    await using made = makers();
    const target = made.http(server.origin, secrets({ 'ca.crt': `${otherCa.cert}${ca.cert}` }));
    assert.deepEqual(await call(target, made.clock), { kind: 'empty' });
    assert.equal(made.clock.pending, 0);
  });

  for (const { title, server, keys, problem } of [
    {
      title: 'another authority',
      server: otherCa.issue(),
      keys: { 'ca.crt': ca.cert },
      problem: /TLS: unable to verify the first certificate/,
    },
    {
      title: 'an expired certificate',
      server: ca.issue({ expired: true }),
      keys: { 'ca.crt': ca.cert },
      problem: /TLS: certificate has expired$/,
    },
    {
      title: 'a private authority that only the client certificate is of',
      server: ca.issue(),
      keys: { 'tls.crt': clientOf(ca)['tls.crt'] ?? '' },
      problem: /Secret "tls" has "tls.crt" without "tls.key"$/,
    },
  ]) {
    it(`is the target's failure where the server has ${title}, and the message names the field`, async () => {
      await using scripted = await ScriptedServer.start(answer(204), server);
      await using made = makers();
      const target = made.http(scripted.origin, secrets(keys));
      const message = await messageOf(call(target, made.clock));
      assert.match(message, /^spec\.target\.http\.tls\.secretRef: /);
      assert.match(message, problem);
      await assertFails(call(target, made.clock), { blame: 'target', conclusive: true });
      assert.equal(scripted.requests.length, 0);
    });
  }

  it('is refused where the name of the server is another', async () => {
    await using server = await serverOf();
    await using made = makers();
    const elsewhere = server.origin.replace('127.0.0.1', '127.0.0.2');
    await using atElsewhere = await ScriptedServer.start(
      answer(204),
      { ...ca.issue() },
      { host: '127.0.0.2', port: server.port },
    );
    const target = made.http(elsewhere, secrets({ 'ca.crt': ca.cert }));
    assert.match(await messageOf(call(target, made.clock)), /^spec\.target\.http\.tls\.secretRef: .*TLS: /);
    assert.equal(atElsewhere.requests.length, 0);
  });

  it('trusts nobody else any more, and leaves other triggers as they were', async () => {
    await using server = await ScriptedServer.start(answer(204), otherCa.issue());
    await using made = makers();
    const [own, usual] = [
      made.http(server.origin, secrets({ 'ca.crt': otherCa.cert })),
      made.http(server.origin, {}, false),
    ];
    await call(own, made.clock);
    await assertFails(call(usual, made.clock), UNREACHABLE);
    await call(own, made.clock);
    await assertFails(
      call(made.http(server.origin, secrets({ 'ca.crt': ca.cert })), made.clock),
      UNREACHABLE,
    );
    assert.equal(server.requests.length, 2);
  });

  it('shows its certificate to a server that asks for one', async () => {
    await using server = await serverOf({ ca: ca.cert, requestCert: true, rejectUnauthorized: true });
    await using made = makers();
    const target = made.http(server.origin, secrets(clientOf(ca)));
    await call(target, made.clock);
    await call(target, made.clock);
    assert.equal(server.requests.length, 2);
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`is the target's failure where a server of ${version} asks for a certificate in vain`, async () => {
      await using server = await serverOf({
        ca: ca.cert,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: version,
        maxVersion: version,
      });
      await using made = makers();
      const target = made.http(server.origin, secrets({ 'ca.crt': ca.cert }));
      const message = await messageOf(call(target, made.clock));
      assert.match(message, /^spec\.target\.http\.tls\.secretRef: cannot reach .*: TLS handshake failed/);
      await assertFails(call(target, made.clock), UNREACHABLE);
      assert.equal(server.requests.length, 0);
    });
  }

  it('reads the Secret anew where the server is not trusted any more, and calls once more', async () => {
    await using server = await ScriptedServer.start(answer(204), otherCa.issue());
    await using made = makers();
    const read: string[] = [];
    const target = made.http(server.origin, () => {
      read.push('ca.crt');
      return secrets({ 'ca.crt': read.length === 1 ? ca.cert : otherCa.cert });
    });
    read.length = 0;
    assert.deepEqual(await call(target, made.clock), { kind: 'empty' });
    assert.equal(read.length, 2);
    await call(target, made.clock);
    assert.equal(server.requests.length, 2);
  });

  it('goes over to a new client certificate, on connections of its own', async () => {
    const names: string[] = [];
    await using server = await serverOf({ ca: ca.cert, requestCert: true, rejectUnauthorized: true });
    server.script = (socket, request) => {
      const { subject } = (
        socket as unknown as { getPeerCertificate(): { subject?: { CN?: string | string[] } } }
      ).getPeerCertificate();
      names.push(`${String(subject?.CN)} on ${request.connection}`);
      return answer(204)(socket, request);
    };
    const issued = ['first', 'second'].map((name) => {
      const { cert, key } = ca.issue({ name });
      return secrets({ 'ca.crt': ca.cert, 'tls.crt': cert, 'tls.key': key });
    });
    let now = 0;
    await using made = makers();
    const target = made.http(server.origin, () => issued[now] ?? {});
    await call(target, made.clock);
    await nextTurn(); // until the connection is free again
    await call(target, made.clock);
    now = 1;
    await nextTurn();
    await call(target, made.clock);
    assert.deepEqual(names, ['first on 0', 'first on 0', 'second on 1']);
  });

  it('shares no connection between triggers of two namespaces, also where the Secrets are equal', async () => {
    await using server = await serverOf();
    await using made = makers();
    const keys = secrets({ 'ca.crt': ca.cert });
    for (const name of ['shop/default', 'bank/default', 'shop/default']) {
      await call(made.http(server.origin, { ...keys, name }), made.clock);
      await nextTurn(); // until the connection is free again
    }
    assert.deepEqual(
      server.requests.map(({ connection }) => connection),
      [0, 1, 0],
    );
  });

  it('ends connections that nobody has used for long, once others are made', async () => {
    await using server = await serverOf();
    await using made = makers();
    const bundle = (extra: string): Possessions => secrets({ 'ca.crt': `${ca.cert}${extra}` });
    await call(made.http(server.origin, bundle('')), made.clock);
    await made.clock.advance(600_001);
    await call(made.http(server.origin, bundle(otherCa.cert)), made.clock);
    await server.until(({ open }) => open === 1);
    assert.equal(server.connections, 2);
  });
});

describe('openfaas.tls', () => {
  it('reaches a gateway that a private authority vouches for', async () => {
    await using server = await serverOf();
    const clock = new ManualClock();
    const targets = openFaasTargets({ clock, guard, env: {} });
    await using _made = { [Symbol.asyncDispose]: async () => await targets[Symbol.asyncDispose]() };
    const create = (authority: TestCa): Target =>
      targets.create(
        { type: 'openfaas', name: 'fn', gateway: server.origin, async: false, tls },
        { reply: 'Result' },
        principalWith(secrets({ 'ca.crt': authority.cert })),
      );
    assert.deepEqual(await call(create(ca), clock), { kind: 'empty' });
    assert.match(await messageOf(call(create(otherCa), clock)), /^spec\.target\.openfaas\.tls\.secretRef: /);
    assert.equal(server.requests.length, 1);
  });
});

describe("An Addressable's CACerts", () => {
  function knativeTarget(clock: ManualClock, address: (fresh: boolean) => Address): Target {
    const targets = knativeTargets({ clock, guard, env: {} });
    const ref = { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'application' };
    return {
      ...targets.create({ type: 'knative', ref }, { reply: 'Result' }, principalWith({ address })),
      [Symbol.asyncDispose]: async () => await targets[Symbol.asyncDispose](),
    };
  }

  it('are trusted for its calls, and followed when they are rotated', async () => {
    await using server = await serverOf();
    const clock = new ManualClock();
    let caCerts = otherCa.cert;
    await using target = knativeTarget(clock, (fresh) => ({
      url: server.origin,
      caCerts: fresh ? ca.cert : caCerts,
    }));
    const message = await messageOf(call(target, clock));
    assert.match(message, /^spec\.target\.knative\.ref: status\.address\.CACerts: cannot reach .*: TLS: /);
    assert.deepEqual(await call(target, clock), { kind: 'empty' });
    caCerts = ca.cert;
    await nextTurn(); // until the connection is free again
    assert.deepEqual(await call(target, clock), { kind: 'empty' });
    assert.equal(server.requests.length, 2);
    assert.equal(server.connections, 1);
  });

  it('that hold no certificate stop its calls', async () => {
    await using server = await serverOf();
    const clock = new ManualClock();
    await using target = knativeTarget(clock, () => ({ url: server.origin, caCerts: 'canary' }));
    await assertFails(call(target, clock), {
      code: 'TARGET_MISCONFIGURED',
      blame: 'target',
      conclusive: true,
    });
    assert.equal(
      await messageOf(call(target, clock)),
      'spec.target.knative.ref: status.address.CACerts: holds no certificates in PEM',
    );
  });
});
