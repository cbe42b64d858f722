/** The status of triggers on a real API server: it lands, it stays quiet, and it hurts nobody else's conditions. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { readIdentity } from '../../forwarder/config/trigger-identity.ts';
import { TRIGGER_CRD } from '../../forwarder/config/trigger-schema.ts';
import { HttpKubeClient } from '../../forwarder/kube/kube-client.ts';
import { loadAccess } from '../../forwarder/kube/load-access.ts';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { systemRandom } from '../../forwarder/lib/random.ts';
import type { KubeClient } from '../../forwarder/model/kube-client.ts';
import type { TriggerIdentity } from '../../forwarder/model/trigger.ts';
import { TriggerStatusWriter } from '../../forwarder/status/trigger-status-writer.ts';
import { GOOD_SPEC } from '../support/bad-triggers.ts';
import { applyYaml, sharedLocalCluster, testNamespace } from '../support/cluster.ts';

const { kubectl, kubeconfigPath } = await sharedLocalCluster();
const namespace = await testNamespace({ after });
await applyYaml(readFileSync(TRIGGER_CRD, 'utf8'));

interface Stored {
  readonly metadata: { readonly resourceVersion: string };
  readonly status?: {
    readonly target?: string;
    readonly observedGeneration?: number;
    readonly objects?: unknown;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

async function stored(name: string): Promise<Stored> {
  return JSON.parse(await kubectl(['get', 'ft', name, '-n', namespace, '-o', 'json'])) as Stored;
}

async function createTrigger(name: string): Promise<TriggerIdentity> {
  const manifest = {
    apiVersion: 'statewire.dev/v1alpha1',
    kind: 'FunctionTrigger',
    metadata: { name },
    spec: GOOD_SPEC,
  };
  const text = await kubectl(['create', '-n', namespace, '-o', 'json', '-f', '-'], JSON.stringify(manifest));
  const identity = readIdentity(JSON.parse(text));
  assert.ok(identity);
  return identity;
}

const access = await loadAccess({ kubeconfig: kubeconfigPath, clock: systemClock, logger: silentLogger });
const http = new HttpKubeClient({ access, clock: systemClock });
after(() => http[Symbol.asyncDispose]());

let requests = 0;
const client: KubeClient = {
  request: (request) => {
    requests += 1;
    return http.request(request);
  },
};
const newWriter = (): TriggerStatusWriter =>
  new TriggerStatusWriter({ client, clock: systemClock, random: systemRandom, logger: silentLogger });

const ALL_WELL = {
  conditions: [
    { type: 'Accepted', status: 'True', reason: 'Accepted' },
    { type: 'SourceSynced', status: 'True', reason: 'Synced' },
  ],
  objects: { watched: 3, pending: 1, failing: 0, deadLettered: 0 },
  target: 'http https://functions.example.com/application',
} as const;

describe('TriggerStatusWriter, on a real API server', () => {
  it('writes the whole status, and nothing more after a restart', async () => {
    const trigger = await createTrigger('quiet');
    const first = newWriter();
    first.update(trigger, ALL_WELL);
    await first.close();
    const { status, metadata } = await stored('quiet');
    assert.deepEqual(
      [status?.target, status?.observedGeneration, status?.objects],
      [ALL_WELL.target, 1, ALL_WELL.objects],
    );
    assert.deepEqual(
      status?.conditions?.map((condition) => `${condition.type}=${condition.status}`),
      [
        'Accepted=True',
        'SourceSynced=True',
        'SufficientPermissions=Unknown',
        'FilterHealthy=Unknown',
        'TargetReachable=Unknown',
        'StatusApplied=Unknown',
        'Ready=True',
      ],
    );

    const before = requests;
    const second = newWriter();
    second.adopt(trigger, status);
    second.update(trigger, ALL_WELL);
    await second.close();
    assert.equal(requests, before);
    assert.equal((await stored('quiet')).metadata.resourceVersion, metadata.resourceVersion);
  });

  it("leaves somebody else's condition alone", async () => {
    const trigger = await createTrigger('shared');
    const conditions = [
      {
        type: 'Audited',
        status: 'True',
        reason: 'Looked',
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ];
    const theirs = { status: { conditions } };
    await kubectl([
      'patch',
      'ft',
      'shared',
      '-n',
      namespace,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify(theirs),
    ]);
    const writer = newWriter();
    writer.update(trigger, ALL_WELL);
    await writer.close();
    const types = (await stored('shared')).status?.conditions?.map(({ type }) => type) ?? [];
    assert.equal(types.length, 8);
    assert.ok(types.includes('Audited'));
  });

  it('does not bring a trigger back that is gone', async () => {
    const trigger = await createTrigger('gone');
    await kubectl(['delete', 'ft', 'gone', '-n', namespace]);
    const writer = newWriter();
    writer.update(trigger, ALL_WELL);
    await writer.close();
    await assert.rejects(stored('gone'), /NotFound/);
  });
});
