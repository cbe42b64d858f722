/** Secrets and tokens of the trigger's namespace, on their way to the function and nowhere else. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { TestCa } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { startForwarder } from '../support/forwarder-process.ts';
import { OpenFaasGateway } from '../support/openfaas-gateway.ts';
import { answer, ScriptedServer } from '../support/scripted-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Bench, startBench } from '../support/widgets.ts';

const secretRef = { name: 'keys', key: 'function' };

function secret({ namespace }: Bench, stringData: Record<string, string>): unknown {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys', namespace }, stringData };
}

function target({ host }: Bench, auth: object): Record<string, unknown> {
  return { target: { http: { url: host.url, auth } } };
}

/** Whose token that is, if it is one for the audience. */
async function holder({ cluster }: Bench, token: string | undefined, audience: string): Promise<unknown> {
  const review = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, audiences: [audience] },
  };
  const args = ['create', '--filename=-', '--output=json'];
  const { status } = JSON.parse(await cluster.kubectl(args, JSON.stringify(review))) as {
    status: { authenticated?: boolean; user: { username?: string } };
  };
  return status.authenticated === true ? status.user.username : undefined;
}

describe('A target with credentials', () => {
  it('waits for its Secret, follows its rotation, and shows it to nobody', async (t) => {
    const bench = await startBench(t);
    const { cluster, host, namespace, forwarder } = bench;
    await bench.trigger({ spec: target(bench, { bearer: { secretRef } }) });
    await bench.widgets({ name: 'one' });
    const missing = await eventually('the condition names the field', async () => {
      const condition = await bench.condition('widget', 'TargetReachable');
      return condition?.status === 'False' ? condition : undefined;
    });
    assert.equal(
      missing.message,
      'spec.target.http.auth.bearer.secretRef: there is no Secret "keys" in this namespace',
    );
    assert.equal(missing.reason, 'TargetMisconfigured');
    await bench.apply(secret(bench, { other: 'canary-other' }));
    await eventually('it was looked for again', () =>
      forwarder.logs.some(({ error }) => error?.includes('Secret "keys" has no key "function"')),
    );
    assert.equal(host.calls.length, 0);

    await bench.apply(secret(bench, { function: 'canary-first\n' }));
    await eventually('it is called once the Secret is there', () => host.calls.length === 1);
    assert.equal(host.calls[0]?.headers.authorization, 'Bearer canary-first');
    assert.equal(host.calls[0]?.headers['ce-statewireattempt'], '1');
    await eventually('the condition is mended', async () => {
      return (await bench.condition('widget', 'TargetReachable'))?.status === 'True';
    });

    // A function that takes the new key only, says what it got, and fails for good.
    host.answer = ({ headers }) =>
      headers.authorization === 'Bearer canary-second'
        ? { status: 204 }
        : { status: 401, body: { youSent: headers.authorization } };
    await bench.apply(secret(bench, { function: 'canary-second' }));
    await bench.widgets({ name: 'two' });
    await eventually('the new key is used', () =>
      host.of('two').some(({ headers }) => headers.authorization === 'Bearer canary-second'),
    );
    host.answer = ({ headers }) => ({ status: 422, body: { youSent: headers.authorization } });
    await bench.widgets({ name: 'poison' });
    await eventually('it is given up', async () =>
      (await cluster.kubectl(['-n', namespace, 'get', 'deadletters', '--output=name'])).includes(
        'deadletter',
      ),
    );

    const everything = await cluster.kubectl([
      '-n',
      namespace,
      'get',
      `functiontriggers,deadletters,events,triggercheckpoints,widgets.${bench.group}`,
      '--output=json',
    ]);
    assert.ok(everything.includes('[redacted]'), 'the function said something');
    const said = [everything, ...forwarder.logs.map((line) => JSON.stringify(line)), ...forwarder.other];
    assert.deepEqual(
      said.filter((text) => text.includes('canary-') || text.includes(btoa('canary-first'))),
      [],
    );
  });

  it("gets tokens of the trigger's ServiceAccount", async (t) => {
    const bench = await startBench(t);
    const { cluster, host, namespace } = bench;
    await cluster.kubectl(['-n', namespace, 'create', 'serviceaccount', 'caller']);
    const spec = {
      ...target(bench, { serviceAccountToken: { audience: 'orders' } }),
      serviceAccountName: 'caller',
    };
    await bench.trigger({ spec });
    await bench.widgets({ name: 'one' });
    await eventually('it is called', () => host.calls.length === 1);
    const token = host.calls[0]?.headers.authorization?.replace('Bearer ', '');
    assert.equal(await holder(bench, token, 'orders'), `system:serviceaccount:${namespace}:caller`);
    await bench.widgets({ name: 'two' });
    await eventually('it is called again', () => host.calls.length === 2);
    assert.equal(host.calls[1]?.headers.authorization, host.calls[0]?.headers.authorization);
  });

  it('gets Secrets by the API, too, where triggers come from a file', async (t) => {
    const bench = await startBench(t);
    await using folder = await temporaryFolder();
    const file = path.join(folder.path, 'triggers.yaml');
    const headersFrom = [{ name: 'x-api-key', secretRef }];
    const trigger = bench.triggerObject({
      spec: { target: { http: { url: bench.host.url, headersFrom } } },
    });
    await writeFile(file, JSON.stringify(trigger));
    await bench.apply(secret(bench, { function: 'from-a-secret' }));
    await startForwarder(t, {
      kubeconfigPath: bench.cluster.kubeconfigPath,
      args: ['--triggers', file, '--checkpoint', 'memory'],
    });
    await bench.widgets({ name: 'one' });
    await eventually('it is called', () => bench.host.calls.length === 1);
    assert.equal(bench.host.calls[0]?.headers['x-api-key'], 'from-a-secret');
  });

  it('is reached at its private authority, and followed to the next without a restart', async (t) => {
    const bench = await startBench(t);
    const [first, second] = [new TestCa('first'), new TestCa('second')];
    const tls = { secretRef: { name: 'keys' } };
    const server = await ScriptedServer.start(answer(204), first.issue());
    const { origin, port } = server;
    await bench.apply(secret(bench, { 'ca.crt': second.cert }));
    await bench.trigger({ spec: { target: { http: { url: `${origin}/fn`, tls } } } });
    await bench.widgets({ name: 'one' });
    const condition = await eventually('the condition names the field', async () => {
      const found = await bench.condition('widget', 'TargetReachable');
      return found?.status === 'False' ? found : undefined;
    });
    assert.match(
      condition.message,
      /^spec\.target\.http\.tls\.secretRef: cannot reach https:.*: TLS: unable to verify/,
    );
    assert.equal(server.requests.length, 0);
    await bench.apply(secret(bench, { 'ca.crt': first.cert }));
    await eventually('it is called', () => server.requests.length === 1);
    assert.equal(server.requests[0]?.headers['ce-statewireattempt'], '1');

    await server[Symbol.asyncDispose]();
    await bench.apply(secret(bench, { 'ca.crt': second.cert }));
    await using moved = await ScriptedServer.start(answer(204), second.issue(), { port });
    await bench.widgets({ name: 'two' });
    await eventually('it is called where another authority vouches', () => moved.requests.length === 1);
  });

  it("gets a function's token from a gateway of OpenFaaS", async (t) => {
    const bench = await startBench(t);
    const { cluster, namespace } = bench;
    await cluster.kubectl(['-n', namespace, 'create', 'serviceaccount', 'caller']);
    await using gateway = await OpenFaasGateway.start();
    const auth = { tokenExchange: { audience: 'gateway.example.com' } };
    const openfaas = { name: 'widget', namespace: 'fn', gateway: gateway.origin, auth };
    await bench.trigger({ spec: { target: { openfaas }, serviceAccountName: 'caller' } });
    await bench.widgets({ name: 'one' });
    await eventually('the function is called', () => gateway.calls.length === 1);
    const [{ subject_token: token, audience } = assert.fail()] = gateway.exchanges;
    assert.equal(
      await holder(bench, token, 'gateway.example.com'),
      `system:serviceaccount:${namespace}:caller`,
    );
    assert.equal(audience, 'fn:widget');
    assert.equal(gateway.calls[0]?.path, '/function/widget.fn');
  });
});
