/**
 * What a function says on a host, and what becomes of it there: as any caller sees it, and as the forwarder reads it.
 *
 * Expected statuses are those of the table in docs/reference/hosts.md, whose columns the tests are named after.
 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { TargetError } from '../../forwarder/lib/errors.ts';
import type { Invocation } from '../../forwarder/model/invocation.ts';
import type { Outcome } from '../../forwarder/model/outcome.ts';
import type { Target } from '../../forwarder/model/target.ts';
import type { HttpAuth } from '../../forwarder/model/trigger.ts';
import { classify } from '../../forwarder/outcome/classify.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { httpTargets } from '../../forwarder/target/http.ts';
import type { TargetEnvironment } from '../../forwarder/target/target-maker.ts';
import type { EventAttributes } from '../../protocol/event.ts';
import { SECRET } from '../fixtures/function-hosts/contract-function.ts';
import { marked, tableRows } from '../support/documents.ts';
import { binaryForm, functionEvent, widget } from '../support/function-events.ts';
import { invocationAt } from '../support/invocations.ts';
import { principalWith } from '../support/principals.ts';

const HOSTS_PAGE = 'docs/reference/hosts.md';

/** Columns of the table, each a test. */
const HOST_CELLS = [
  'success',
  'requeue',
  'permanent',
  'retry-after',
  'throw',
  'timeout',
  'too large',
  'bad input',
  'signature',
] as const;
type Cell = (typeof HOST_CELLS)[number];

/** A running host of the contract function. */
export interface HostUnderTest extends AsyncDisposable {
  /** Of a host behind HTTP. */
  readonly url?: string;
  /** Of a host with a target of its own. @defaultValue plain HTTP to `url` */
  readonly target?: (targets: TargetEnvironment) => OwnTarget;
}

/** A target and what made it. */
export interface OwnTarget {
  readonly target: Target;
  readonly maker: AsyncDisposable;
}

export interface FunctionHostSuite {
  /** As the table names it. */
  readonly name: string;
  readonly start: () => Promise<HostUnderTest>;
  /** The same with a `webhookSecret`. */
  readonly startSigned?: () => Promise<HostUnderTest>;
  /** Cells that this host cannot have, each with the reason. */
  readonly without?: Partial<Record<Cell, string>>;
  /** It hangs up on a body that is too large, so that its 413 may be lost on the way. */
  readonly hangsUp?: boolean;
}

const ENVIRONMENT: TargetEnvironment = {
  clock: systemClock,
  guard: createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] }),
  env: { AWS_REGION: 'eu-central-1' },
};

/** More than any host takes. */
const TOO_LARGE_BYTES = 7 * 1024 * 1024;

export function functionHostContract(suite: FunctionHostSuite): void {
  const { name, start, startSigned, without = {}, hangsUp = false } = suite;
  describe(name, async () => {
    const row = tableRows(HOSTS_PAGE, 'host', ...HOST_CELLS).find(({ host }) => host === name);
    assert.ok(row, `${HOSTS_PAGE} has no row for ${name}`);
    const host = await start();
    const own = host.target?.(ENVIRONMENT);
    const target = own?.target ?? httpTarget(host.url ?? assert.fail('neither a URL nor a target'));
    after(async () => {
      await target[Symbol.asyncDispose]();
      await own?.maker[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    });

    /** Delivers as the forwarder does. */
    async function deliver(
      spec: object,
      attributes: Partial<EventAttributes> = {},
      through: Target = target,
    ): Promise<Outcome> {
      const dataJson = JSON.stringify({ object: widget(spec), reason: 'Watch' });
      const made = invocationAt(systemClock, { dataJson });
      const invocation: Invocation = {
        ...made,
        attributes: { ...made.attributes, kind: 'Widget', ...attributes },
      };
      const reply = await through.invoke(invocation, new AbortController().signal).catch((error: unknown) => {
        assert.ok(error instanceof TargetError, String(error));
        return error;
      });
      return classify(reply, { reply: 'Result' });
    }

    /** What the table says of a cell: the status that any caller sees. */
    const promised = (cell: Cell): string => marked(row[cell] ?? '')[0] ?? '';

    /** Holds the table to what the host answers; not for a host without statuses. */
    async function assertStatus(cell: Cell, spec: object, attributes: Partial<EventAttributes> = {}) {
      if (host.url === undefined) return;
      const { status } = await post(
        host.url,
        binaryForm(functionEvent({ object: widget(spec), attributes })),
      );
      assert.equal(String(status), promised(cell));
    }

    const test = (cell: Cell, body: () => Promise<void>): void => {
      it(cell, { skip: without[cell] ?? false }, body);
    };

    test('success', async () => {
      const outcome = await deliver({ step: 'success' });
      assert.equal(outcome.kind, 'success');
      const { idempotencyKey, attempt, source } = outcome.result?.status ?? {};
      assert.deepEqual([idempotencyKey, attempt], ['a'.repeat(64), 1]);
      assert.equal(source, 'statewire://cluster-1/shop/application');
      await assertStatus('success', { step: 'success' });
    });

    test('requeue', async () => {
      const outcome = await deliver({ step: 'requeue' });
      assert.deepEqual(
        [outcome.kind, 'requeueAfterMs' in outcome && outcome.requeueAfterMs],
        ['success', 30_000],
      );
      await assertStatus('requeue', { step: 'requeue' });
    });

    test('permanent', async () => {
      const outcome = await deliver({ step: 'permanent' });
      assert.deepEqual(failureOf(outcome), ['permanent', 'FUNCTION_ERROR', 'never', undefined]);
      await assertStatus('permanent', { step: 'permanent' });
    });

    test('retry-after', async () => {
      const outcome = await deliver({ step: 'retry-after' });
      assert.deepEqual(failureOf(outcome), ['retry', 'FUNCTION_ERROR', 'quota', 30_000]);
      await assertStatus('retry-after', { step: 'retry-after' });
    });

    test('throw', async () => {
      const outcome = await deliver({ step: 'throw' });
      assert.deepEqual(failureOf(outcome), ['retry', 'FUNCTION_ERROR', 'boom', undefined]);
      await assertStatus('throw', { step: 'throw' });
      const half = await deliver({ step: 'error beside a status' });
      assert.deepEqual([half.kind, half.result?.status], ['retry', { phase: 'Degraded' }]);
    });

    test('timeout', async () => {
      const soon = (): string => new Date(Date.now() + 400).toISOString();
      const outcome = await deliver({ step: 'timeout' }, { statewiredeadline: soon() });
      assert.deepEqual(failureOf(outcome), [
        'retry',
        'FUNCTION_ERROR',
        'stopped before the deadline of the call',
        undefined,
      ]);
      await assertStatus('timeout', { step: 'timeout' }, { statewiredeadline: soon() });
    });

    test('too large', async () => {
      const spec = { step: 'success', filler: 'x'.repeat(TOO_LARGE_BYTES) };
      const seen = failureOf(await deliver(spec)).slice(0, 2);
      if (hangsUp && seen[1] === 'TARGET_ABORTED') assert.deepEqual(seen, ['retry', 'TARGET_ABORTED']);
      else assert.deepEqual(seen, ['permanent', 'TARGET_TOO_LARGE']);
      if (host.url === undefined) return;
      const { headers, body } = binaryForm(functionEvent({ object: widget(spec) }));
      const sent = hangsUp
        ? { headers: { ...headers, 'content-length': String(body.length) } }
        : { headers, body };
      assert.equal(String((await post(host.url, sent)).status), promised('too large'));
    });

    test('bad input', async () => {
      if (host.url === undefined) {
        const outcome = await deliver({ size: 'no step' });
        assert.deepEqual(failureOf(outcome).slice(0, 2), ['permanent', 'FUNCTION_ERROR']);
        return;
      }
      const sent = { headers: { 'content-type': 'application/json' }, body: '{"no":"event"}' };
      assert.equal(String((await post(host.url, sent)).status), promised('bad input'));
      const foreign = functionEvent({ object: widget({}, { kind: 'Gadget' }) });
      const refused = await post(host.url, binaryForm(foreign));
      assert.equal(refused.status, 422);
      assert.match(refused.text, /"retryable":false/);
    });

    test('signature', async () => {
      assert.ok(startSigned);
      await using signedHost = await startSigned();
      const url = signedHost.url ?? assert.fail('no URL');
      const { headers, body } = binaryForm(functionEvent({ object: widget({ step: 'success' }) }));
      const by = (id: string, signedBody: string) => ({
        headers: { ...headers, ...signature(id, signedBody) },
        body,
      });
      const id = headers['ce-id'] ?? '';
      assert.equal((await post(url, by(id, body))).status, 200);
      await using signing = httpTarget(url, { hmac: { secretRef: { name: 'webhook', key: 'secret' } } });
      assert.equal(
        (await deliver({ step: 'success' }, {}, signing)).kind,
        'success',
        'signed by the forwarder',
      );
      const refused = Number(promised('signature'));
      assert.equal((await post(url, { headers, body })).status, refused, 'unsigned');
      assert.equal((await post(url, by(id, `${body} `))).status, refused, 'another body');
      assert.equal((await post(url, by('other', body))).status, refused, 'another event');
      const deletion = by(id, body);
      deletion.headers['ce-type'] = 'dev.statewire.resource.deleted';
      assert.equal((await post(url, deletion)).status, refused, 'made a deletion');
    });
  });
}

function failureOf(outcome: Outcome): readonly unknown[] {
  if (outcome.kind === 'success') return [outcome.kind];
  const { code, message, retryAfterMs } = outcome.failure;
  return [outcome.kind, code, message, retryAfterMs];
}

interface Sent {
  readonly headers: Record<string, string>;
  /** Absent: announced and not sent. */
  readonly body?: string;
}

/** Not by fetch, which fails where a host answers before it has read the whole body. */
function post(url: string, { headers, body }: Sent): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', headers, agent: false });
    outgoing.once('response', (response) => {
      outgoing.on('error', () => undefined);
      void text(response).then((all) => {
        outgoing.destroy();
        resolve({ status: response.statusCode ?? 0, text: all });
      }, reject);
    });
    outgoing.once('error', reject);
    if (body === undefined) outgoing.flushHeaders();
    else outgoing.end(body);
  });
}

function signature(id: string, body: string): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}

function httpTarget(url: string, auth?: HttpAuth): Target {
  const targets = httpTargets(ENVIRONMENT);
  return {
    ...targets.create(
      { type: 'http', url, headers: {}, ...(auth !== undefined && { auth }) },
      { reply: 'Result' },
      principalWith({ secrets: { 'webhook/secret': SECRET } }),
    ),
    [Symbol.asyncDispose]: async () => await targets[Symbol.asyncDispose](),
  };
}
