import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Application, reconcile } from './reconcile.ts';

const shop: Application = {
  metadata: { name: 'shop' },
  spec: { image: 'registry.example.com/shop:1', replicas: 3, port: 8080 },
};

interface DeploymentSketch {
  readonly generation?: number;
  readonly replicas?: number;
  readonly image?: string;
  readonly port?: number;
  readonly status?: object;
}

/** A Deployment of the shop that its controller has seen; `status` as that writes it. */
function deployment({ generation = 2, replicas = 3, image, port = 8080, status }: DeploymentSketch): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'shop', uid: 'uid-2', generation },
    spec: {
      replicas,
      template: {
        spec: {
          containers: [
            { name: 'beside', image: 'proxy:1' },
            { name: 'application', image: image ?? shop.spec.image, ports: [{ containerPort: port }] },
          ],
        },
      },
    },
    ...(status !== undefined && { status: { observedGeneration: generation, ...status } }),
  };
}

const allThere = { replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 };
const progressing = { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' };
const overdue = {
  type: 'Progressing',
  status: 'False',
  reason: 'ProgressDeadlineExceeded',
  message: 'ReplicaSet "shop-7d" has timed out progressing.',
};

const updating = 'the Deployment is being updated';
const rows: readonly {
  reason: string;
  application?: Application;
  given: DeploymentSketch | undefined;
  expected: readonly [phase: string, available: number, reason: string, message: string];
}[] = [
  {
    reason: 'there is no Deployment',
    given: undefined,
    expected: ['Pending', 0, 'Creating', 'the Deployment does not exist yet'],
  },
  {
    reason: 'its controller has not seen the Deployment',
    given: { generation: 1 },
    expected: ['Progressing', 0, 'Updating', updating],
  },
  {
    reason: 'no pod is available yet',
    given: { status: { replicas: 3, updatedReplicas: 3, unavailableReplicas: 3, conditions: [progressing] } },
    expected: ['Progressing', 0, 'RollingOut', '0 of 3 replicas available, 3 updated'],
  },
  {
    reason: 'a part is available',
    given: { status: { ...allThere, availableReplicas: 2 } },
    expected: ['Progressing', 2, 'RollingOut', '2 of 3 replicas available, 3 updated'],
  },
  {
    reason: 'all are available',
    given: { status: { ...allThere, conditions: [progressing] } },
    expected: ['Ready', 3, 'Available', '3 of 3 replicas available'],
  },
  {
    reason: 'old pods make up the numbers during a rollout',
    given: { status: { ...allThere, updatedReplicas: 1 } },
    expected: ['Progressing', 3, 'RollingOut', '3 of 3 replicas available, 1 updated'],
  },
  {
    reason: 'an old pod is still there beside enough new ones',
    given: { status: { ...allThere, replicas: 4, availableReplicas: 4 } },
    expected: ['Progressing', 4, 'RollingOut', '4 of 3 replicas available, 3 updated'],
  },
  {
    reason: 'the status is about an earlier spec of the Deployment',
    given: { generation: 3, status: { ...allThere, observedGeneration: 2 } },
    expected: ['Progressing', 3, 'Updating', updating],
  },
  {
    reason: 'the Deployment still has another image',
    given: { image: 'registry.example.com/shop:0', status: allThere },
    expected: ['Progressing', 3, 'Updating', updating],
  },
  {
    reason: 'the Deployment still has another size',
    given: { replicas: 2, status: { ...allThere, replicas: 2, updatedReplicas: 2, availableReplicas: 2 } },
    expected: ['Progressing', 2, 'Updating', updating],
  },
  {
    reason: 'the Deployment still has another port',
    given: { port: 80, status: allThere },
    expected: ['Progressing', 3, 'Updating', updating],
  },
  {
    reason: 'the rollout does not get on',
    given: { status: { ...allThere, availableReplicas: 2, conditions: [overdue] } },
    expected: ['Degraded', 2, 'ProgressDeadlineExceeded', overdue.message],
  },
  {
    reason: 'pods are refused',
    given: {
      status: {
        conditions: [
          progressing,
          { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota' },
        ],
      },
    },
    expected: ['Degraded', 0, 'FailedCreate', 'exceeded quota'],
  },
  {
    reason: 'a rollout that did not get on is replaced by a new one',
    given: { generation: 3, status: { observedGeneration: 2, conditions: [overdue] } },
    expected: ['Progressing', 0, 'Updating', updating],
  },
  {
    reason: 'nothing is wanted, and nothing is there',
    application: { ...shop, spec: { ...shop.spec, replicas: 0 } },
    given: { replicas: 0, status: {} },
    expected: ['Ready', 0, 'Available', '0 of 0 replicas available'],
  },
];

describe('reconcile', () => {
  for (const { reason, application = shop, given, expected } of rows) {
    const [phase, availableReplicas, conditionReason, message] = expected;
    it(`is ${phase} when ${reason}`, () => {
      const children = { 'Deployment.apps/v1': given === undefined ? {} : { shop: deployment(given) } };
      const { status, conditions } = reconcile(application, children);
      assert.deepEqual(status, { availableReplicas, phase });
      assert.deepEqual(conditions, [
        { type: 'Ready', status: phase === 'Ready' ? 'True' : 'False', reason: conditionReason, message },
      ]);
    });
  }

  it('leaves the status alone when the event does not tell of Deployments', () => {
    const result = reconcile(shop, {});
    assert.deepEqual(Object.keys(result).toSorted(), ['apiVersion', 'apply', 'kind']);
  });

  it('does not take a Deployment of another name for its own', () => {
    const other = { 'Deployment.apps/v1': { other: deployment({ status: allThere }) } };
    assert.equal(reconcile(shop, other).status?.phase, 'Pending');
  });

  it('wants a Deployment and a Service that finds its pods', () => {
    const labels = { 'app.kubernetes.io/name': 'shop' };
    assert.deepEqual(reconcile(shop, {}).apply, [
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'shop', labels },
        spec: {
          replicas: 3,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              containers: [
                {
                  name: 'application',
                  image: 'registry.example.com/shop:1',
                  ports: [{ name: 'http', containerPort: 8080 }],
                  readinessProbe: { tcpSocket: { port: 'http' } },
                  resources: { requests: { cpu: '10m', memory: '16Mi' } },
                },
              ],
            },
          },
        },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'shop', labels },
        spec: { selector: labels, ports: [{ name: 'http', port: 8080, targetPort: 'http' }] },
      },
    ]);
  });
});
