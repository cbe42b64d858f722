import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CHILD_PATH, Harness } from '../../support/apply-harness.ts';
import { childrenRead, deployment } from '../../support/child-manifests.ts';

describe('A child that has not changed', () => {
  const ports = [{ containerPort: 80 }];
  const manifest = deployment('web', { spec: { replicas: 2, ports } });

  it('is not applied again when it was read as it was left', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [manifest] });
    await harness.apply({ apply: [manifest] }, { childrenRead: childrenRead(harness) });
    assert.equal(harness.counts['child written'], 1);
    assert.equal(harness.counts['child unchanged'], 1);
  });

  it('is not applied again after others, or an earlier process, wrote other fields of it', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [manifest] });
    await harness.server.applyAs('deployment-controller', `${CHILD_PATH}/web`, {
      metadata: { name: 'web', annotations: { revision: '1' } },
    });
    harness.applier.forget('u1');
    await harness.apply({ apply: [manifest] }, { childrenRead: childrenRead(harness) });
    assert.equal(harness.counts['child unchanged'], 1);
  });

  for (const { reason, change } of [
    {
      reason: 'somebody took a field of it',
      change: (harness: Harness) =>
        harness.server.applyAs('kubectl', `${CHILD_PATH}/web`, {
          metadata: { name: 'web' },
          spec: { replicas: 5 },
        }),
    },
    {
      reason: 'it was deleted',
      change: (harness: Harness) => void harness.server.objects.delete(`${CHILD_PATH}/web`),
    },
  ]) {
    it(`is applied again when ${reason}`, async () => {
      const harness = new Harness();
      await harness.apply({ apply: [manifest] });
      await change(harness);
      await harness.apply({ apply: [manifest] }, { childrenRead: childrenRead(harness) });
      assert.equal(harness.server.get(`${CHILD_PATH}/web`)['spec'].replicas, 2);
    });
  }

  it('is applied again when the manifest leaves something out', async () => {
    const harness = new Harness();
    await harness.apply({ apply: [manifest] });
    await harness.apply(
      { apply: [deployment('web', { spec: { replicas: 2 } })] },
      { childrenRead: childrenRead(harness) },
    );
    assert.deepEqual(harness.server.get(`${CHILD_PATH}/web`)['spec'], { replicas: 2 });
  });
});
