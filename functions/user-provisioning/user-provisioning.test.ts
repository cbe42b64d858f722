/** UserProvisioningRequest: a trigger that publishes to a real NATS server, and three functions that consume. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { NatsServer } from '../../test/support/brokers/nats-server.ts';
import { TestProcess } from '../../test/support/child-process.ts';
import { eventually } from '../../test/support/eventually.ts';
import {
  Actions,
  condition,
  type Example,
  type ExampleObject,
  startExample,
} from '../../test/support/example.ts';
import { serveOn } from '../../test/support/serve.ts';

const KIND = 'userprovisioningrequests.identity.example.com';
const CONDITIONS = ['UserReady', 'Notified', 'BillingReady'];

/** The systems of the company: they keep what is put, and send a mail once for each key. */
class Company {
  readonly users = new Map<string, { email: string; displayName: string }>();
  readonly subscriptions = new Map<string, { plan: string }>();
  readonly mails = new Map<string, { to: string }>();
  /** Calls that were made, repeats too. */
  mailCalls = 0;
  billingIsAway = false;

  answer(method: string, url: string, key: string, body: string): { status: number; text?: string } {
    const [, collection, id = ''] = url.split('/');
    if (collection === 'mails') {
      this.mailCalls++;
      this.mails.set(key, JSON.parse(body) as { to: string });
      return { status: 202 };
    }
    if (collection === 'subscriptions' && this.billingIsAway) return { status: 503 };
    const store: Map<string, unknown> = collection === 'users' ? this.users : this.subscriptions;
    if (method === 'DELETE') return { status: store.delete(id) ? 204 : 404 };
    const value = JSON.parse(body) as { plan?: string };
    if (value.plan === 'Enterprise') return { status: 402, text: 'no contract' };
    store.set(id, value);
    return { status: 200, text: '{}' };
  }
}

describe('UserProvisioningRequest', { timeout: 240_000 }, () => {
  const actions = new Actions();
  const company = new Company();
  let example: Example;
  let consumers: TestProcess;
  let env: NodeJS.ProcessEnv;
  let nats: NatsServer;

  const startConsumers = async (): Promise<void> => {
    consumers = new TestProcess(process.execPath, [path.join(import.meta.dirname, 'consumers.ts')], { env });
    await consumers.printed('consuming');
  };
  const ready = (name: string): Promise<ExampleObject> =>
    example.until('all conditions', KIND, name, (one) =>
      CONDITIONS.every((type) => condition(one, type)?.status === 'True'),
    );

  before(async () => {
    nats = await NatsServer.start();
    actions.after(async () => await nats[Symbol.asyncDispose]());
    await nats.createStream('provisioning');
    const backend = await serveOn(
      createServer((request, response) => {
        void text(request).then((body) => {
          const key = String(request.headers['idempotency-key']);
          const answer = company.answer(request.method ?? '', request.url ?? '', key, body);
          response.writeHead(answer.status).end(answer.text);
        });
      }),
    );
    actions.after(async () => await backend[Symbol.asyncDispose]());
    example = await startExample(actions, {
      folder: 'user-provisioning',
      functions: {},
      target: () => ({ nats: { url: nats.url, subject: 'provisioning.requests' } }),
    });
    const { server, caPem } = example.cluster;
    env = {
      ...process.env,
      NATS_URL: nats.url,
      USERS_URL: backend.url,
      MAIL_URL: backend.url,
      BILLING_URL: backend.url,
      API_SERVER: server,
      API_TOKEN: await example.tokenOf('functions/user-provisioning/deployment.yaml'),
      API_CA: caPem,
    };
    await startConsumers();
    actions.after(async () => await consumers[Symbol.asyncDispose]());
  });
  after(() => actions.run());

  it('is done by three functions, each of which states its own condition', async () => {
    await example.sample('ada');
    const { status, metadata } = await ready('ada');
    assert.equal(status?.['userId'], metadata.uid);
    assert.equal(status['subscriptionId'], `sub-${metadata.uid}`);
    assert.equal(company.users.get(metadata.uid)?.email, 'ada@example.com');
    assert.deepEqual(
      [...company.mails.values()].map(({ to }) => to),
      ['ada@example.com'],
    );
    const managers = (metadata['managedFields'] as { manager: string; subresource?: string }[])
      .filter(({ subresource }) => subresource === 'status')
      .map(({ manager }) => manager);
    assert.deepEqual(managers.toSorted(), [
      'statewire/user-provisioning/billing',
      'statewire/user-provisioning/notification',
      'statewire/user-provisioning/user',
    ]);
    assert.match(await example.kubectl('get', KIND), /^ada +ada@example.com +Team +True +True +True/m);
  });

  it('follows an edit, and greets once', async () => {
    await example.merge(KIND, 'ada', { spec: { displayName: 'Ada L.', plan: 'Free' } });
    const { metadata } = await example.get(KIND, 'ada');
    await eventually('the new name and plan', () => {
      const isNamed = company.users.get(metadata.uid)?.displayName === 'Ada L.';
      return isNamed && company.subscriptions.get(metadata.uid)?.plan === 'Free' && company.mailCalls > 1;
    });
    assert.equal(company.mails.size, 1);
  });

  it('goes on with the others while one system is away, and catches up', async () => {
    company.billingIsAway = true;
    await example.apply(example.file('samples/ada.yaml').replaceAll(/\bada\b/g, 'bob'));
    const before = await example.until('user and mail', KIND, 'bob', (one) =>
      ['UserReady', 'Notified'].every((type) => condition(one, type)?.status === 'True'),
    );
    assert.equal(condition(before, 'BillingReady'), undefined);
    company.billingIsAway = false;
    await ready('bob');
  });

  it('tells what a system refuses', async () => {
    await example.merge(KIND, 'bob', { spec: { plan: 'Enterprise' } });
    const { status, metadata } = await example.until('refused', KIND, 'bob', (one) => {
      return condition(one, 'BillingReady')?.status === 'False';
    });
    const refusal = status?.conditions?.find(({ type }) => type === 'BillingReady');
    assert.equal(refusal?.message, '402 no contract');
    // The subscription from before the edit is there still.
    assert.equal(status?.['subscriptionId'], `sub-${metadata.uid}`);
    assert.equal(company.subscriptions.get(metadata.uid)?.plan, 'Team');
    await example.merge(KIND, 'bob', { spec: { plan: 'Team' } });
    await ready('bob');
  });

  it('is not held up by a message that nobody can read', async () => {
    await nats.publish('provisioning.requests', 'no JSON');
    await example.apply(example.file('samples/ada.yaml').replaceAll(/\bada\b/g, 'dan'));
    await ready('dan');
    assert.match(consumers.output, /given up: it is not JSON/);
  });

  it('loses nothing while the functions do not run', async () => {
    consumers.child.kill('SIGKILL');
    await consumers.exit();
    await example.apply(example.file('samples/ada.yaml').replaceAll(/\bada\b/g, 'eve'));
    await example.kubectl('delete', KIND, 'bob');
    const bobs = (): number =>
      [...company.users.values()].filter(({ email }) => email.startsWith('bob')).length;
    assert.equal(bobs(), 1);
    await startConsumers();
    await ready('eve');
    await eventually('bob is gone', () => bobs() === 0);
  });

  it('is withdrawn when it is deleted', async () => {
    const { metadata } = await example.get(KIND, 'ada');
    await example.kubectl('delete', KIND, 'ada');
    await eventually('ada is gone', () => {
      return !company.users.has(metadata.uid) && !company.subscriptions.has(metadata.uid);
    });
  });

  for (const [sample, message] of [
    ['bad-email', /spec\.email in body should match/],
    ['bad-plan', /spec\.costCenter is needed for a plan that costs/],
  ] as const) {
    it(`${sample}.yaml is refused`, async () => {
      await assert.rejects(example.sample(sample), (error: Error) => message.test(error.message));
    });
  }
});
