/** `payload.token` on a real control plane: functions behind TLS write as the trigger's ServiceAccount, and may do no more. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import * as z from 'zod';
import { customResource } from '../../functions/sdk/custom-resource.ts';
import { defineFunction, type HandlerContext } from '../../functions/sdk/define-function.ts';
import { type HttpListener, toHttp } from '../../functions/sdk/http.ts';
import type { ApiAccess, EventData } from '../../protocol/event.ts';
import { TestCa } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Bench, startBench, widgetCrd } from '../support/widgets.ts';

type Handler = (context: HandlerContext<unknown>) => Promise<void>;

interface World {
  readonly bench: Bench;
  /** What the function got, as the forwarder sent it. */
  readonly accesses: ApiAccess[];
  /** Takes the place of the SDK. */
  answer: HttpListener | undefined;
  readonly bind: () => Promise<void>;
  readonly unbind: () => Promise<void>;
}

const ROLE = [
  { apiGroups: ['*'], resources: ['widgets'], verbs: ['get'] },
  { apiGroups: ['*'], resources: ['widgets/status'], verbs: ['patch'] },
];

/** A trigger with a token of the ServiceAccount `writer`, for a handler behind TLS, and a role for that account. */
async function world(t: TestContext, handler: Handler, trigger: object = {}): Promise<World> {
  const folder = await temporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  const ca = new TestCa();
  const authority = path.join(folder.path, 'ca.pem');
  await writeFile(authority, ca.cert);
  const made: { -readonly [K in keyof World]?: World[K] } = { accesses: [], answer: undefined };

  const names: { group?: string } = {};
  const bench = await startBench(t, {
    env: { NODE_EXTRA_CA_CERTS: authority },
    crd: (group) => {
      names.group = group;
      return widgetCrd(group);
    },
  });
  const { group = '' } = names;
  const Widget = customResource({ group, version: 'v1', kind: 'Widget', spec: z.looseObject({}) });
  const listener = toHttp(defineFunction(Widget, { created: handler, updated: handler }), {
    writeLog: () => undefined,
  });
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const rawBody = await buffer(request);
    const { access } = JSON.parse(rawBody.toString()) as EventData;
    if (access !== undefined) made.accesses?.push(access);
    (made.answer ?? listener)(Object.assign(request, { rawBody }), response);
  };
  const server = createServer(ca.issue(), (request, response) => void take(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const { namespace, cluster } = bench;
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'writer', namespace } };
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'writer' };
  const subjects = [{ kind: 'ServiceAccount', name: 'writer', namespace }];
  await bench.apply({ ...rbac, kind: 'Role', rules: ROLE });
  const bind = (): Promise<void> => bench.apply({ ...rbac, kind: 'RoleBinding', roleRef, subjects });
  await bind();
  await cluster.kubectl(['-n', namespace, 'create', 'serviceaccount', 'writer']);
  await bench.trigger({
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    spec: { payload: { token: true }, serviceAccountName: 'writer', ...trigger },
  });
  return Object.assign(made as World, {
    bench,
    bind,
    unbind: async () => {
      await cluster.kubectl(['-n', namespace, 'delete', 'rolebinding', 'writer']);
    },
  });
}

const on: Handler = async ({ patchStatus }) => {
  await patchStatus({
    status: { phase: 'On' },
    conditions: [{ type: 'Ready', status: 'True', reason: 'Done' }],
  });
};

interface Stored {
  readonly metadata: { readonly managedFields: readonly { manager: string; subresource?: string }[] };
  readonly status?: { readonly phase?: string };
}

async function phase({ bench }: World, name: string): Promise<string | undefined> {
  return (await bench.get<Stored>(`widgets.${bench.group}`, name)).status?.phase;
}

/** What the forwarder last logged as the error of that widget. */
function errorOf({ bench }: World, name: string): string | undefined {
  const { logs } = bench.forwarder;
  return logs.findLast(({ msg, key, error }) => msg === 'invoked' && key?.endsWith(`/${name}`) && error)
    ?.error;
}

describe('A function with the token of its trigger', () => {
  it("writes status as the trigger's ServiceAccount, in the name of the trigger, over TLS", async (t) => {
    const all = await world(t, on);
    const { bench, accesses } = all;
    await bench.widgets({ name: 'one' }, { name: 'two' });
    await eventually('both are written', async () =>
      (await phase(all, 'one')) === 'On' && (await phase(all, 'two')) === 'On' ? true : undefined,
    );
    const { metadata } = await bench.get<Stored>(`widgets.${bench.group}`, 'one');
    const writers = metadata.managedFields.filter(({ subresource }) => subresource === 'status');
    assert.deepEqual(
      writers.map(({ manager }) => manager),
      ['statewire/widget'],
    );
    const [{ server, certificateAuthority, token, expiresAt } = assert.fail()] = accesses;
    const { cluster, namespace } = bench;
    assert.equal(server, new URL(cluster.server).origin);
    assert.equal(certificateAuthority, cluster.caPem);
    const leftMs = Date.parse(expiresAt) - Date.now();
    assert.ok(leftMs > 90_000 && leftMs <= 601_000, expiresAt);
    assert.deepEqual(new Set(accesses.map((one) => one.token)), new Set([token]), 'calls share it');
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
    const { status } = JSON.parse(
      await cluster.kubectl(['create', '--filename=-', '--output=json'], JSON.stringify(review)),
    ) as { status: { authenticated: boolean; user: { username: string } } };
    assert.ok(status.authenticated, 'the API server takes it for itself');
    assert.equal(status.user.username, `system:serviceaccount:${namespace}:writer`);
  });

  it('is refused what its role does not grant, and what is taken from it meanwhile, as its own failure', async (t) => {
    const delivery = { maxAttempts: 1 };
    const all = await world(
      t,
      async (context) => {
        const { metadata } = context.object as { metadata: { name: string; namespace: string } };
        if (metadata.name === 'nosy') {
          const { namespace } = metadata;
          await context.cluster.list({ apiVersion: 'v1', kind: 'Secret', namespace });
        }
        await on(context);
      },
      { delivery },
    );
    const { bench } = all;
    await bench.widgets({ name: 'nosy' });
    const denied = await eventually('it is refused', () => errorOf(all, 'nosy'));
    const user = `system:serviceaccount:${bench.namespace}:writer`;
    assert.match(denied, new RegExp(`: 403 secrets is forbidden: User "${user}" cannot list resource`));

    await all.unbind();
    await bench.widgets({ name: 'late' });
    assert.match(
      await eventually('the right is gone', () => errorOf(all, 'late')),
      /: 403 widgets\..* "late" is forbidden/,
    );
    const letters = await bench.cluster.kubectl([
      '-n',
      bench.namespace,
      'get',
      'deadletters',
      '--output=json',
    ]);
    assert.match(letters, /is forbidden: User/);
    assert.equal((await bench.condition('widget', 'TargetReachable'))?.status, 'True');

    await all.bind();
    await bench.patch('late', { spec: { size: 2 } });
    await eventually('the next state is written', async () => (await phase(all, 'late')) === 'On');
  });

  it('is the only one who gets it', async (t) => {
    const all = await world(t, on, {
      delivery: { maxAttempts: 2, backoff: { initial: '10ms', max: '20ms' } },
    });
    const { bench, accesses } = all;
    const { cluster, namespace, forwarder } = bench;
    await bench.widgets({ name: 'one' });
    await eventually('it is written', async () => (await phase(all, 'one')) === 'On');
    // One that repeats what it was sent, in an error and in a result.
    all.answer = (_request, response) => {
      const youSent = accesses.at(-1)?.token;
      response.writeHead(500, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ youSent }));
    };
    await bench.widgets({ name: 'poison' });
    await eventually('it is given up', async () =>
      (await cluster.kubectl(['-n', namespace, 'get', 'deadletters', '--output=name'])).includes(
        'deadletter',
      ),
    );
    all.answer = (_request, response) => {
      const youSent = accesses.at(-1)?.token;
      const events = [{ type: 'Normal', reason: 'Told', message: `you sent ${youSent}` }];
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ kind: 'FunctionResult', status: { phase: youSent }, events }));
    };
    await bench.widgets({ name: 'parrot' });
    await eventually('it is written', async () => (await phase(all, 'parrot')) === '[redacted]');
    await eventually('the Event is there', async () =>
      (await cluster.kubectl(['-n', namespace, 'get', 'events', '--output=json'])).includes('you sent'),
    );

    const kinds = `functiontriggers,deadletters,events,triggercheckpoints,widgets.${bench.group}`;
    const args = ['-n', namespace, 'get', kinds, '--show-managed-fields', '--output=json'];
    const everything = await eventually('a checkpoint is written', async () => {
      const text = await cluster.kubectl(args);
      return text.includes('"kind": "TriggerCheckpoint"') ? text : undefined;
    });
    const metrics = await (await forwarder.get('/metrics')).text();
    const said = [
      everything,
      metrics,
      ...forwarder.logs.map((line) => JSON.stringify(line)),
      ...forwarder.other,
    ];
    assert.ok(said.some((text) => text.includes('[redacted]')));
    const [{ token } = assert.fail()] = accesses;
    // Not even the beginning of what it says of its owner.
    const claims = token.split('.')[1]?.slice(0, 40) ?? assert.fail();
    assert.deepEqual(
      said.filter((text) => text.includes(token) || text.includes(claims)),
      [],
    );
  });

  it('waits for its ServiceAccount, and the trigger names the field', async (t) => {
    const all = await world(t, on, { serviceAccountName: 'nobody' });
    const { bench, accesses } = all;
    await bench.widgets({ name: 'one' });
    const missing = await eventually('the condition says so', async () => {
      const condition = await bench.condition('widget', 'TargetReachable');
      return condition?.status === 'False' ? condition : undefined;
    });
    assert.equal(
      missing.message,
      'spec.payload.token: there is no ServiceAccount "nobody" in this namespace',
    );
    assert.equal(missing.reason, 'TargetMisconfigured');
    assert.deepEqual(accesses, []);
    await bench.cluster.kubectl(['-n', bench.namespace, 'create', 'serviceaccount', 'nobody']);
    await eventually('it is called', () => accesses.length > 0);
  });
});
