/** Segments as TriggerCheckpoints on a real API server. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { load } from 'js-yaml';
import { KubeSegmentStores } from '../../forwarder/checkpoint/kube-segment-store.ts';
import { writeDocument } from '../../forwarder/checkpoint/segment-document.ts';
import { HttpKubeClient } from '../../forwarder/kube/kube-client.ts';
import { loadAccess } from '../../forwarder/kube/load-access.ts';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { ApiError } from '../../forwarder/lib/errors.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import type { TriggerIdentity } from '../../forwarder/model/trigger.ts';
import { segmentStoreContract } from '../contract/segment-store.contract.ts';
import { applyYaml, sharedLocalCluster, testNamespace } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { connectApi } from '../support/kube-api.ts';
import { sampleHeader, sampleSegment } from '../support/segments.ts';

const CRD = 'deploy/crds/triggercheckpoint.yaml';

const cluster = await sharedLocalCluster();
const namespace = await testNamespace({ after });
for (const crd of ['deploy/crds/functiontrigger.yaml', CRD]) await applyYaml(readFileSync(crd, 'utf8'));
const api = connectApi({ after }, cluster);
const access = await loadAccess({
  kubeconfig: cluster.kubeconfigPath,
  clock: systemClock,
  logger: silentLogger,
});
const client = new HttpKubeClient({ access, clock: systemClock });
after(() => client[Symbol.asyncDispose]());

const OBJECTS = `/apis/statewire.dev/v1alpha1/namespaces/${namespace}/triggercheckpoints`;
const TRIGGERS = `/apis/statewire.dev/v1alpha1/namespaces/${namespace}/functiontriggers`;

interface Checkpoint {
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly uid: string }[];
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

async function objectsOf(trigger: TriggerIdentity): Promise<readonly Checkpoint[]> {
  const query = `?labelSelector=statewire.dev/trigger-uid=${trigger.uid}`;
  return (await api.call<{ items: readonly Checkpoint[] }>('GET', OBJECTS + query)).items;
}

function someTrigger(name = `app-${randomBytes(4).toString('hex')}`): TriggerIdentity {
  return { namespace, name, uid: randomUUID(), generation: 1 };
}

/** Of triggers that are no objects: an owner that is not there would take them along. */
const stores = new KubeSegmentStores({ client, owned: false });

segmentStoreContract({
  name: 'KubeSegmentStore',
  async checkpoint() {
    const trigger = someTrigger();
    return {
      open: () => stores.open(trigger),
      openOther: () => stores.open({ ...trigger, uid: randomUUID() }),
      async damage(seq) {
        const found = (await objectsOf(trigger)).find(({ spec }) => spec['sequence'] === seq);
        assert.ok(found);
        const { name, labels } = found.metadata;
        await api.call('DELETE', `${OBJECTS}/${name}`);
        const records = String(found.spec['records']).replace('name-', 'nome-');
        const { apiVersion, kind } = { apiVersion: 'statewire.dev/v1alpha1', kind: 'TriggerCheckpoint' };
        const spec = { ...found.spec, records };
        await api.call('POST', OBJECTS, { apiVersion, kind, metadata: { name, labels }, spec });
      },
    };
  },
});

describe('KubeSegmentStore', () => {
  it('reads more segments than a page holds', async () => {
    const store = stores.open(someTrigger());
    const segments = Array.from({ length: 40 }, (_, index) => sampleSegment(index + 1));
    for (const segment of segments) await store.create(segment);
    assert.deepEqual(await Array.fromAsync(store.list()), segments);
  });

  it('makes objects of at most 256 KB out of segments of the greatest size', async () => {
    const trigger = someTrigger('a'.repeat(63));
    const store = stores.open(trigger);
    // As large as the log makes them.
    const records = 'u\t["x"]\n'.repeat(Math.floor((256 * 1024 - 4096 - 200) / 12));
    await store.create(sampleSegment(1, { records }));
    const [found] = await objectsOf(trigger);
    const bytes = Buffer.byteLength(JSON.stringify(found));
    assert.ok(bytes > 250_000 && bytes <= 256 * 1024, `${bytes} bytes`);
  });

  it('names objects after a trigger of any name', async () => {
    for (const name of ['a', 'a'.repeat(63), `${'a'.repeat(39)}.${'b'.repeat(20)}`, `${'a'.repeat(38)}-.b`]) {
      const trigger = someTrigger(name);
      const store = stores.open(trigger);
      await store.create(sampleSegment(1));
      assert.deepEqual(await Array.fromAsync(store.list()), [sampleSegment(1)]);
    }
  });

  it('ignores objects with names that are none of ours', async () => {
    const trigger = someTrigger();
    const store = stores.open(trigger);
    await store.create(sampleSegment(1));
    const [found] = await objectsOf(trigger);
    assert.ok(found);
    const metadata = { name: `${trigger.name}-copy`, labels: found.metadata.labels };
    await api.call('POST', OBJECTS, { ...found, metadata });
    assert.deepEqual(await Array.fromAsync(store.list()), [sampleSegment(1)]);
  });

  it('gives a segment its trigger as owner, which takes it along', async () => {
    const watch = { apiVersion: 'v1', kind: 'ConfigMap' };
    const created = await api.call<{ metadata: { uid: string } }>('POST', TRIGGERS, {
      apiVersion: 'statewire.dev/v1alpha1',
      kind: 'FunctionTrigger',
      metadata: { name: 'owner' },
      spec: { watch, target: { http: { url: 'http://127.0.0.1:1/' } } },
    });
    const trigger = { ...someTrigger('owner'), uid: created.metadata.uid };
    await new KubeSegmentStores({ client, owned: true }).open(trigger).create(sampleSegment(1));
    const [found] = await objectsOf(trigger);
    assert.deepEqual(
      found?.metadata.ownerReferences?.map(({ uid }) => uid),
      [trigger.uid],
    );
    await api.call('DELETE', `${TRIGGERS}/owner`);
    await eventually('the checkpoint is gone', async () => (await objectsOf(trigger)).length === 0);
  });

  it('tells the error of an API server that refuses', async () => {
    const elsewhere = stores.open({ ...someTrigger(), namespace: 'not-there' });
    await assert.rejects(elsewhere.create(sampleSegment(1)), (error) => {
      assert.ok(error instanceof ApiError);
      assert.equal(error.code, 'API_NOT_FOUND');
      return true;
    });
  });
});

describe('the TriggerCheckpoint CRD', () => {
  it('is accepted with strict validation, and its short name is taken by nobody else', async () => {
    await cluster.kubectl(['apply', '--validate=strict', '--dry-run=server', '-f', CRD]);
    const args = ['get', 'crd', 'triggercheckpoints.statewire.dev', '-o', 'json'];
    const { status } = JSON.parse(await cluster.kubectl(args)) as {
      status: { conditions: { type: string; status: string }[]; acceptedNames: { shortNames: string[] } };
    };
    const held = status.conditions.filter((one) => one.status === 'True').map(({ type }) => type);
    assert.deepEqual(held.toSorted(), ['Established', 'NamesAccepted']);
    assert.deepEqual(status.acceptedNames.shortNames, ['ftc']);
  });

  it('declares every field of a segment, and no more', () => {
    const { spec } = load(readFileSync(CRD, 'utf8')) as {
      spec: {
        versions: [
          {
            schema: {
              openAPIV3Schema: { properties: { spec: { required: string[]; properties: object } } };
            };
          },
        ];
      };
    };
    const { required, properties } = spec.versions[0].schema.openAPIV3Schema.properties.spec;
    const fields = ['trigger', ...Object.keys(writeDocument(sampleSegment(1)))];
    assert.deepEqual(Object.keys(properties).toSorted(), fields.toSorted());
    assert.deepEqual(required.toSorted(), fields.toSorted());
  });

  it('shows what kubectl asks for, and takes no change of a segment', async () => {
    const trigger = someTrigger('shown');
    await stores.open(trigger).create(sampleSegment(3, { header: sampleHeader({ epoch: 7 }) }));
    const [found] = await objectsOf(trigger);
    assert.ok(found);
    const shown = await cluster.kubectl(['-n', namespace, 'get', 'ftc', found.metadata.name]);
    assert.match(shown, /^NAME +TRIGGER +TYPE +EPOCH +RECORDS +AGE\n\S+ +shown +Append +7 +1 +\S+\n$/);
    const patched = await api.send('PATCH', `${OBJECTS}/${found.metadata.name}`, { spec: { epoch: 8 } });
    assert.equal(patched.status, 422);
    assert.match(patched.text, /a segment is written once and never changed/);
  });
});
