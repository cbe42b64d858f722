import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { customResource } from '../../../functions/sdk/custom-resource.ts';
import { defineFunction } from '../../../functions/sdk/define-function.ts';
import { permanent, retryAfter } from '../../../functions/sdk/errors.ts';
import { done } from '../../../functions/sdk/results.ts';
import { labelMatcher } from '../../../functions/sdk/testing/label-matcher.ts';
import {
  eventFor,
  MemoryCluster,
  recordEvents,
  replayEvents,
  testFunction,
  type HostName,
} from '../../../functions/sdk/testing.ts';
import { toFetch } from '../../../functions/sdk/fetch.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const Widget = customResource({
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  spec: z.object({ size: z.number(), base: z.string().optional() }),
});

const widgets = defineFunction(Widget, {
  created: ({ object, attempt, reason, log }) => {
    log.info('sizing', { size: object.spec.size });
    return done({ status: { size: object.spec.size, attempt, reason } });
  },
  updated: async ({ object, cluster, patchStatus }) => {
    const { name, namespace } = object.metadata;
    const base = await cluster.get({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: object.spec.base ?? '',
      namespace,
    });
    if (base === undefined) throw retryAfter('30s', `no ConfigMap ${object.spec.base}`);
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `${name}-made`, ...(namespace !== undefined && { namespace }) },
    });
    await patchStatus({ conditions: [{ type: 'Ready', status: 'True', reason: 'Made' }] });
  },
  deleted: () => {
    throw permanent('never');
  },
});
const web = { metadata: { name: 'web' }, spec: { size: 3 } };
const stamp = { apiVersion: 'statewire.dev/v1alpha1', kind: 'FunctionResult' };
const HOSTS: readonly HostName[] = [
  'lambda',
  'http',
  'express',
  'openfaas',
  'knative',
  'cloud-function',
  'azure',
  'fetch',
];

describe('testFunction', () => {
  it('makes a whole event of what a test says', async () => {
    const { result, logs } = await testFunction(widgets).created(web, { attempt: 2, reason: 'Replay' });
    assert.deepEqual(result, { ...stamp, status: { size: 3, attempt: 2, reason: 'Replay' } });
    assert.deepEqual(
      logs.map(({ msg, key, size }) => [msg, key, size]),
      [['sizing', 'default/web', 3]],
    );
  });

  it('tells what was thrown', async () => {
    const { result, thrown } = await testFunction(widgets).deleted(web);
    assert.deepEqual(result.error, { message: 'never', retryable: false });
    assert.ok(thrown instanceof Error);
  });

  for (const host of HOSTS) {
    it(`answers alike through ${host}`, async () => {
      const tested = testFunction(widgets, { host, cluster: new MemoryCluster() });
      const statuses = host === 'lambda' ? [undefined, undefined, undefined] : [200, 500, 422];
      const made = await tested.created(web);
      assert.deepEqual(
        [made.status, made.result.status],
        [statuses[0], { size: 3, attempt: 1, reason: 'Watch' }],
      );
      const later = await tested.updated({ ...web, spec: { size: 1, base: 'b' } });
      assert.deepEqual(
        [later.status, later.result.error],
        [statuses[1], { message: 'no ConfigMap b', retryable: true, retryAfter: '30s' }],
      );
      const never = await tested.deleted(web);
      assert.deepEqual(
        [never.status, never.result.error],
        [statuses[2], { message: 'never', retryable: false }],
      );
    });
  }

  it('lets handlers read and write a cluster in memory', async () => {
    const clock = new ManualClock();
    const cluster = new MemoryCluster(
      [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'base', namespace: 'default' } }],
      { clock },
    );
    const object = cluster.add({
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name: 'web', namespace: 'default' },
      spec: { size: 1, base: 'base' },
    });
    const { result } = await testFunction(widgets, { cluster, clock }).updated(object);
    assert.equal(result.error, undefined);
    assert.deepEqual(
      cluster.objects().map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      ['ConfigMap base', 'Widget web', 'ConfigMap web-made'],
    );
    assert.deepEqual(cluster.objects()[1]?.['status'], {
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Made',
          message: '',
          lastTransitionTime: '2026-01-01T00:00:00Z',
          observedGeneration: 1,
        },
      ],
    });
  });
});

describe('a recording', () => {
  it('holds each event and its result, and is replayed against another version', async () => {
    await using folder = await temporaryFolder();
    const file = path.join(folder.path, 'events.jsonl');
    const handler = toFetch(widgets, { ...recordEvents(file), writeLog: () => undefined });
    for (const type of ['Created', 'Deleted'] as const) {
      const event = eventFor(Widget, type, web);
      const access = { server: 'https://a', token: 'secret-token', expiresAt: '' };
      await handler(
        new Request('http://function.test/', {
          method: 'POST',
          headers: { 'content-type': 'application/cloudevents+json' },
          body: JSON.stringify({ ...event, data: { ...event.data, access } }),
        }),
      );
    }
    assert.ok(!readFileSync(file, 'utf8').includes('secret-token'));
    const mended = { ...widgets, handlers: { ...widgets.handlers, deleted: () => done() } };
    const runs = await replayEvents(mended, file);
    assert.deepEqual(
      runs.map(({ event, recorded, result }) => [
        event.type.split('.').at(-1),
        recorded.error?.message,
        result.error,
      ]),
      [
        ['created', undefined, undefined],
        ['deleted', 'never', undefined],
      ],
    );
    assert.deepEqual(runs[0]?.result, runs[0]?.recorded);
  });
});

describe('labelMatcher', () => {
  const labels = { app: 'web', tier: 'gold' };
  for (const [selector, matches] of [
    ['', true],
    ['app', true],
    ['!app', false],
    ['!other', true],
    ['app=web,tier==gold', true],
    ['app=web,tier!=gold', false],
    ['other!=x', true],
    ['app in (a, web),tier notin (silver)', true],
    ['other in (a)', false],
    ['other notin (a)', true],
  ] as const) {
    it(`${matches ? 'takes' : 'leaves'} them by "${selector}"`, () => {
      assert.equal(labelMatcher(selector)(labels), matches);
    });
  }

  it('refuses what it does not understand', () => {
    assert.throws(() => labelMatcher('app>1 or so'), /label selector "app>1 or so" is not understood/);
  });
});
