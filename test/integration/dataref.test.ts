/** `payload.dataref` on a real control plane: an object that is too large for the target arrives all the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { systemClock } from '../../functions/sdk/clock.ts';
import { ApiCluster } from '../../functions/sdk/cluster/api-cluster.ts';
import { apiSender } from '../../functions/sdk/cluster/api-request.ts';
import { customResource } from '../../functions/sdk/custom-resource.ts';
import { defineFunction } from '../../functions/sdk/define-function.ts';
import { run } from '../../functions/sdk/run.ts';
import type { StructuredEvent } from '../../protocol/event.ts';
import { eventually } from '../support/eventually.ts';
import { connectApi } from '../support/kube-api.ts';
import { answer, ScriptedServer } from '../support/scripted-server.ts';
import { type Bench, startBench } from '../support/widgets.ts';

/** What Lambda takes of an `Event` is 1 MiB, what etcd takes of an object a half more. */
const LARGE = 'x'.repeat(1_100_000);
const { signal } = new AbortController();

const env = (lambda: ScriptedServer): Record<string, string> => ({
  AWS_ENDPOINT_URL_LAMBDA: lambda.origin,
  AWS_ACCESS_KEY_ID: 'a',
  AWS_SECRET_ACCESS_KEY: 'b',
  AWS_EC2_METADATA_DISABLED: 'true',
});

/** The events that Lambda was sent about that widget. */
function eventsFor(lambda: ScriptedServer, name: string): StructuredEvent<Widget>[] {
  return lambda.requests
    .filter(({ path }) => path.endsWith('/invocations'))
    .map(({ body }) => JSON.parse(body) as StructuredEvent<Widget>)
    .filter((event) => event.name === name);
}

interface Widget {
  readonly metadata: { readonly uid: string };
  readonly spec?: { readonly text: string };
}

async function makeLarge({ group, namespace }: Bench, api: ReturnType<typeof connectApi>, name: string) {
  const path = `/apis/${group}/v1/namespaces/${namespace}/widgets`;
  const object = { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name }, spec: { text: LARGE } };
  const made = await api.call<Widget>('POST', path, object);
  return { path: `${path}/${name}`, uid: made.metadata.uid };
}

describe('An object larger than its target takes', () => {
  it('is sent as its identity and API path, and the function reads it whole', async (t) => {
    await using lambda = await ScriptedServer.start(answer(202));
    const bench = await startBench(t, { env: env(lambda) });
    const api = connectApi(t, bench.cluster);
    const target = {
      lambda: { functionName: 'large', region: 'eu-central-1', invocationType: 'Event' },
    };
    await bench.trigger({ spec: { target, payload: { dataref: true } } });
    await bench.widgets({ name: 'small', spec: { text: 'hi' } });
    const { path, uid } = await makeLarge(bench, api, 'large');
    const { event, small } = await eventually('both are sent', () => {
      const [event] = eventsFor(lambda, 'large');
      const [small] = eventsFor(lambda, 'small');
      return event && small && { event, small };
    });
    assert.equal('dataref' in small, false);
    assert.equal(small.data.object.spec?.text, 'hi');
    assert.equal(event.dataref, path);
    assert.deepEqual(event.data.object, {
      apiVersion: `${bench.group}/v1`,
      kind: 'Widget',
      metadata: { name: 'large', namespace: bench.namespace, uid },
    });

    const { server, token, caPem } = bench.cluster;
    const cluster = new ApiCluster({
      send: apiSender(() => ({ server, token, certificateAuthority: caPem }), signal),
      fieldManager: 'statewire/widget',
      clock: systemClock,
      signal,
    });
    const spec = z.object({ text: z.string() });
    const Kind = customResource({ group: bench.group, version: 'v1', kind: 'Widget', spec });
    const seen: unknown[] = [];
    const fn = defineFunction(Kind, {
      created: async ({ object, patchStatus }) => {
        const { managedFields, name } = object.metadata;
        seen.push({ name, managedFields, length: object.spec.text.length });
        await patchStatus({ status: { phase: 'Read' } });
      },
    });
    const quiet = { cluster, writeLog: () => undefined };
    const { result } = await run(fn, event, {}, quiet);
    assert.equal(result.error, undefined);
    assert.deepEqual(seen, [{ name: 'large', managedFields: undefined, length: LARGE.length }]);
    assert.equal((await api.call<{ status: { phase: string } }>('GET', path)).status.phase, 'Read');

    await api.call('DELETE', path);
    const gone = await run(fn, event, {}, quiet);
    assert.deepEqual([gone.result.error, seen.length], [undefined, 1]);
  });

  it('is given up without dataref, with both sizes in its dead letter', async (t) => {
    await using lambda = await ScriptedServer.start(answer(202));
    const bench = await startBench(t, { env: env(lambda) });
    const target = {
      lambda: { functionName: 'large', region: 'eu-central-1', invocationType: 'Event' },
    };
    await bench.trigger({ spec: { target } });
    await makeLarge(bench, connectApi(t, bench.cluster), 'large');
    const letter = await eventually('the dead letter', async () => {
      const args = ['-n', bench.namespace, 'get', 'deadletters', '--output=json'];
      const { items } = JSON.parse(await bench.cluster.kubectl(args)) as {
        items: { status?: { error?: { code: string; message: string } } }[];
      };
      return items[0]?.status?.error;
    });
    assert.equal(letter.code, 'TARGET_TOO_LARGE');
    assert.match(
      letter.message,
      /^object of 1100\d{3} bytes is larger than the 1040384 bytes the target takes$/,
    );
    assert.deepEqual(eventsFor(lambda, 'large'), []);
  });
});
