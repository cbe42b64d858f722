/** A status that a function writes itself, on the real API server: with the token of an event, and as a pod. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { customResource, type KubernetesObject } from '../../functions/sdk/custom-resource.ts';
import { defineFunction, type StatewireFunction } from '../../functions/sdk/define-function.ts';
import { toLambda } from '../../functions/sdk/lambda.ts';
import * as z from 'zod';
import { apiEndpoint } from '../../functions/sdk/cluster/api-access.ts';
import { ApiCluster } from '../../functions/sdk/cluster/api-cluster.ts';
import { apiSender, type SendToApi } from '../../functions/sdk/cluster/api-request.ts';
import { systemClock } from '../../functions/sdk/clock.ts';
import {
  applyYaml,
  sharedLocalCluster,
  testNamespace,
  uniqueGroup,
  type Cleanup,
} from '../support/cluster.ts';
import { functionEvent } from '../support/function-events.ts';
import { connectApi, type KubeApi } from '../support/kube-api.ts';
import { widgetCrd } from '../support/widgets.ts';

interface World {
  readonly api: KubeApi;
  readonly path: string;
  readonly group: string;
  readonly object: KubernetesObject;
  readonly access: { server: string; token: string; certificateAuthority: string; expiresAt: string };
  readonly send: SendToApi;
  readonly cluster: ApiCluster;
  readonly status: () => Promise<Record<string, unknown> | undefined>;
}

const { signal } = new AbortController();

/** A widget `web` of a kind of this test's own, whose status may have another schema. */
async function world(t: Cleanup, change: (crd: Crd) => void = () => undefined): Promise<World> {
  const cluster = await sharedLocalCluster();
  const namespace = await testNamespace(t);
  const group = uniqueGroup('patch');
  const crd = widgetCrd(group) as Crd;
  change(crd);
  await applyYaml(JSON.stringify(crd));
  t.after(async () => {
    await cluster.kubectl(['delete', 'crd', `widgets.${group}`, '--wait=false']);
  });
  const api = connectApi(t, cluster);
  const list = `/apis/${group}/v1/namespaces/${namespace}/widgets`;
  const object = await api.call<KubernetesObject>('POST', list, {
    apiVersion: `${group}/v1`,
    kind: 'Widget',
    metadata: { name: 'web' },
    spec: { size: 1 },
  });
  const { server, token, caPem } = cluster;
  const send = apiSender(() => ({ server, token, certificateAuthority: caPem }), signal);
  return {
    api,
    path: `${list}/web`,
    group,
    object,
    access: { server, token, certificateAuthority: caPem, expiresAt: '2099-01-01T00:00:00Z' },
    send,
    cluster: new ApiCluster({ send, fieldManager: 'statewire/widgets', clock: systemClock, signal }),
    status: async () => (await api.call<{ status?: Record<string, unknown> }>('GET', `${list}/web`)).status,
  };
}

interface Crd {
  spec: {
    versions: {
      subresources?: unknown;
      schema: { openAPIV3Schema: { properties: { status: { properties: Record<string, unknown> } } } };
    }[];
  };
}

function statusProperties(crd: Crd): Record<string, unknown> {
  return crd.spec.versions[0]?.schema.openAPIV3Schema.properties.status.properties ?? {};
}

const ready = { type: 'Ready', status: 'True', reason: 'Done' } as const;

function widgets(group: string, mode: 'patch' | 'return'): StatewireFunction {
  const Widget = customResource({
    group,
    version: 'v1',
    kind: 'Widget',
    spec: z.object({ size: z.number() }),
  });
  return defineFunction(Widget, {
    created: async ({ patchStatus }) => {
      const statement = { status: { phase: 'On' }, conditions: [ready] };
      if (mode === 'return') return statement;
      assert.equal(await patchStatus(statement), 'written');
      return undefined;
    },
  });
}

const quiet = { writeLog: () => undefined };
const waiting = { clientContext: { custom: { idempotencyKey: 'k' } } };

describe('patchStatus', () => {
  it('writes as the trigger with the token that the event carries, and hides it from the handler', async (t) => {
    const { group, object, access, api, path } = await world(t);
    const seen: unknown[] = [];
    const fn = widgets(group, 'patch');
    const spying = defineFunction(fn.resource, {
      created: (context) => {
        seen.push(JSON.stringify(context.event));
        return fn.handlers.created?.(context);
      },
    });
    const event = functionEvent({ object, data: { access } });
    const result = await toLambda(spying, quiet)(event, waiting);
    assert.deepEqual(result, { apiVersion: 'statewire.dev/v1alpha1', kind: 'FunctionResult' });
    assert.ok(!String(seen[0]).includes(access.token));
    const stored = await api.call<KubernetesObject>('GET', path);
    const { lastTransitionTime, ...condition } = (
      stored['status'] as { conditions: Record<string, unknown>[] }
    ).conditions[0] as Record<string, unknown>;
    assert.equal(typeof lastTransitionTime, 'string');
    assert.deepEqual(condition, { ...ready, message: '', observedGeneration: 1 });
    const managers = stored.metadata['managedFields'] as {
      manager: string;
      operation: string;
      subresource?: string;
    }[];
    assert.deepEqual(
      managers
        .filter(({ subresource }) => subresource === 'status')
        .map(({ manager, operation }) => [manager, operation]),
      [['statewire/widgets', 'Apply']],
    );
  });

  it('writes what the same handler returns, where nobody takes the answer', async (t) => {
    const { group, object, access, status } = await world(t);
    const fn = widgets(group, 'return');
    const event = functionEvent({ object, data: { access } });
    const result = await toLambda(fn, { ...quiet, status: 'write' })(event);
    assert.equal(result.status, undefined);
    assert.equal(result.conditions, undefined);
    assert.equal((await status())?.['phase'], 'On');
  });

  it('wins against others who write at the same time, and takes nothing of theirs', async (t) => {
    const { cluster, object, api, path, status } = await world(t);
    const storm = Array.from({ length: 10 }, (_, count) =>
      api.call('PATCH', `${path}/status`, { status: { count } }),
    );
    const outcomes = await Promise.all([
      ...Array.from({ length: 3 }, (_, part) =>
        cluster.patchStatus(object, { conditions: [{ ...ready, type: `T${part}` }] }, { part: `p${part}` }),
      ),
      ...storm,
    ]);
    assert.deepEqual(outcomes.slice(0, 3), ['written', 'written', 'written']);
    const { conditions, count } = (await status()) as { conditions: { type: string }[]; count: number };
    assert.deepEqual(conditions.map(({ type }) => type).toSorted(), ['T0', 'T1', 'T2']);
    assert.equal(typeof count, 'number');
  });

  it('does not reach an object that is made anew between its look and its write', async (t) => {
    const { send, object, api, path, status } = await world(t);
    let swapped = false;
    const swapping: SendToApi = async (request) => {
      if (request.method === 'PATCH' && !swapped) {
        swapped = true;
        await api.call('DELETE', path);
        const { apiVersion, kind, metadata } = object;
        const again = { apiVersion, kind, metadata: { name: metadata.name }, spec: { size: 2 } };
        await api.call('POST', path.replace(/\/web$/, ''), again);
      }
      return send(request);
    };
    const cluster = new ApiCluster({
      send: swapping,
      fieldManager: 'statewire/w',
      clock: systemClock,
      signal,
    });
    assert.equal(await cluster.patchStatus(object, { status: { phase: 'On' } }), 'gone');
    assert.equal(await status(), undefined);
  });

  it('keeps what others have in a list of conditions that is one value', async (t) => {
    const { cluster, object, status } = await world(t, (crd) => {
      const list = statusProperties(crd)['conditions'] as Record<string, unknown>;
      delete list['x-kubernetes-list-type'];
      delete list['x-kubernetes-list-map-keys'];
    });
    for (const type of ['A', 'B', 'C']) {
      await cluster.patchStatus(object, { conditions: [{ ...ready, type }] }, { part: type });
    }
    const { conditions } = (await status()) as { conditions: { type: string }[] };
    assert.deepEqual(
      conditions.map(({ type }) => type),
      ['A', 'B', 'C'],
    );
  });

  it('adds to a condition only what its kind declares', async (t) => {
    const { cluster, object, status } = await world(t, (crd) => {
      const { items } = statusProperties(crd)['conditions'] as {
        items: { properties: Record<string, unknown> };
      };
      for (const field of ['observedGeneration', 'message', 'lastTransitionTime'])
        delete items.properties[field];
    });
    await cluster.patchStatus(object, { conditions: [ready] });
    assert.deepEqual((await status())?.['conditions'], [ready]);
  });

  it('writes the status of a kind without the subresource', async (t) => {
    const { cluster, object, status } = await world(t, (crd) => {
      for (const version of crd.spec.versions) delete version.subresources;
    });
    assert.equal(await cluster.patchStatus(object, { status: { phase: 'On' } }), 'written');
    assert.deepEqual(await status(), { phase: 'On' });
  });

  it('says at once what the API server refuses for good', async (t) => {
    const { cluster, object } = await world(t);
    await assert.rejects(cluster.patchStatus(object, { status: { phase: 7 } }), {
      name: 'ApiFailure',
      message: /^PATCH \/apis\/.*\/status: 500 failed to create typed patch object/,
    });
    await assert.rejects(cluster.get({ apiVersion: 'example.com/v9', kind: 'Nothing', name: 'x' }), {
      message: 'the API server does not serve example.com/v9 Nothing',
    });
  });

  it('says what is missing where a token is not taken', async (t) => {
    const { object, access, group } = await world(t);
    const event = functionEvent({ object, data: { access: { ...access, token: 'not-a-token' } } });
    const { error } = await toLambda(widgets(group, 'patch'), quiet)(event, waiting);
    assert.equal(error?.retryable, true);
    assert.match(error?.message ?? '', /401 Unauthorized$/);
    assert.ok(!(error?.message ?? '').includes('not-a-token'));
  });
});

describe('apiEndpoint', () => {
  const files: Record<string, string> = {
    '/var/run/secrets/kubernetes.io/serviceaccount/token': 'pod-token\n',
    '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt': 'CA',
  };
  const pod = (host?: string) => ({
    env: { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: '6443' },
    readFile: (path: string) => files[path] ?? assert.fail(path),
  });
  const access = { server: 'https://api.example.com:6443/ignored', token: 'event-token', expiresAt: '' };

  it('is the ServiceAccount of a pod', () => {
    assert.deepEqual(apiEndpoint(undefined, pod('10.0.0.1')), {
      server: 'https://10.0.0.1:6443',
      token: 'pod-token',
      certificateAuthority: 'CA',
    });
    assert.equal(apiEndpoint(undefined, pod('fd00::1')).server, 'https://[fd00::1]:6443');
  });

  it('is what the event carries, also in a pod', () => {
    assert.deepEqual(apiEndpoint(access, pod('10.0.0.1')), {
      server: 'https://api.example.com:6443',
      token: 'event-token',
      certificateAuthority: undefined,
    });
  });

  it('is refused where a token would travel in clear', () => {
    for (const server of ['http://api.example.com', 'api.example.com', '']) {
      assert.throws(() => apiEndpoint({ ...access, server }, pod()), /is no https address$/);
    }
  });

  it('is missed by name where there is neither', () => {
    assert.throws(
      () => apiEndpoint(undefined, pod()),
      /^Error: no access to the API server: .*payload\.token/,
    );
  });
});
