/** The FunctionTrigger CRD on a real API server: what it takes, what it refuses and how, and what kubectl shows. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { load } from 'js-yaml';
import { readTrigger } from '../../forwarder/config/read-trigger.ts';
import { TRIGGER_CRD } from '../../forwarder/config/trigger-schema.ts';
import { BAD_TRIGGERS, GOOD_SPEC } from '../support/bad-triggers.ts';
import { applyYaml, sharedLocalCluster, testNamespace } from '../support/cluster.ts';

const { kubectl } = await sharedLocalCluster();
const namespace = await testNamespace({ after });
await applyYaml(readFileSync(TRIGGER_CRD, 'utf8'));

interface StoredTrigger {
  readonly spec: unknown;
}

function create(name: string, spec: unknown, ...flags: readonly string[]): Promise<string> {
  const manifest = {
    apiVersion: 'statewire.dev/v1alpha1',
    kind: 'FunctionTrigger',
    metadata: { name, namespace },
    spec,
  };
  return kubectl(
    ['create', '--validate=strict', '--output=json', ...flags, '-f', '-'],
    JSON.stringify(manifest),
  );
}

describe('the FunctionTrigger CRD', () => {
  it('is accepted with strict validation and has no complaint of its own', async () => {
    await kubectl(['apply', '--validate=strict', '--dry-run=server', '-f', TRIGGER_CRD]);
    const crd = JSON.parse(await kubectl(['get', 'crd', 'functiontriggers.statewire.dev', '-o', 'json'])) as {
      status: { conditions: { type: string; status: string }[] };
    };
    const held = crd.status.conditions.filter(({ status }) => status === 'True').map(({ type }) => type);
    assert.deepEqual(held.toSorted(), ['Established', 'NamesAccepted']);
  });

  for (const file of globSync('test/fixtures/triggers/*.yaml').toSorted()) {
    it(`takes ${path.basename(file)}`, async () => {
      const text = readFileSync(file, 'utf8');
      await kubectl(['apply', '--validate=strict', '-n', namespace, '-f', '-'], text);
      const { name } = (load(text) as { metadata: { name: string } }).metadata;
      const stored: unknown = JSON.parse(await kubectl(['get', 'ft', name, '-n', namespace, '-o', 'json']));
      const read = readTrigger(stored, { source: 'api' });
      assert.equal('trigger' in read, !name.startsWith('later'), JSON.stringify(read));
    });
  }

  it('fills in the defaults', async () => {
    const { spec } = JSON.parse(await create('defaults', GOOD_SPEC, '--dry-run=server')) as StoredTrigger;
    assert.deepEqual(spec, {
      ...GOOD_SPEC,
      eventTypes: ['Created', 'Updated', 'Deleted'],
      initial: 'Deliver',
      debounce: { quiet: '100ms', maxWait: '2s' },
      delivery: {
        timeout: '30s',
        maxAttempts: 10,
        backoff: { initial: '1s', max: '5m' },
        concurrency: 10,
        perObject: { burst: 30, every: '2s' },
        reply: 'Result',
      },
      payload: { previous: false, dataref: false, token: false },
      serviceAccountName: 'default',
      finalizer: false,
      finalizerDeadline: '10m',
      suspend: false,
    });
  });

  it('fills in the defaults of a part that is given', async () => {
    const given = { ...GOOD_SPEC, debounce: { quiet: '1s' }, delivery: { backoff: { max: '1m' } } };
    const { spec } = JSON.parse(await create('part', given, '--dry-run=server')) as {
      spec: { debounce: unknown; delivery: { backoff: unknown; concurrency: unknown } };
    };
    assert.deepEqual(spec.debounce, { quiet: '1s', maxWait: '2s' });
    assert.deepEqual(spec.delivery.backoff, { initial: '1s', max: '1m' });
    assert.equal(spec.delivery.concurrency, 10);
  });
});

describe('kubectl apply of a bad trigger', () => {
  for (const { reason, spec, named, name = 'bad', forwarderOnly = false } of BAD_TRIGGERS) {
    const refusal = (): Promise<string> => create(name, { ...GOOD_SPEC, ...spec }, '--dry-run=server');
    if (forwarderOnly) {
      it(`leaves ${reason} to the forwarder`, async () => void (await refusal()));
      continue;
    }
    it(`refuses ${reason} and names ${named}`, async () => {
      await assert.rejects(refusal, (error: Error) => {
        assert.ok(error.message.includes(named), error.message);
        assert.ok(!error.message.includes('evaluating rule'), error.message);
        return true;
      });
    });
  }
});

describe('kubectl get ft', () => {
  it('shows kind, target, counts, readiness and age', async () => {
    await create('shown', GOOD_SPEC);
    const status = {
      target: 'http https://functions.example.com/application',
      observedGeneration: 1,
      objects: { watched: 120, pending: 2, failing: 1, deadLettered: 0 },
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Ready',
          message: '',
          observedGeneration: 1,
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    };
    const patch = JSON.stringify({ status });
    await kubectl([
      'patch',
      'ft',
      'shown',
      '-n',
      namespace,
      '--subresource=status',
      '--type=merge',
      '-p',
      patch,
    ]);
    const [header = '', row = ''] = (await kubectl(['get', 'ft', 'shown', '-n', namespace])).split('\n');
    assert.deepEqual(header.split(/\s{2,}/), [
      'NAME',
      'KIND',
      'TARGET',
      'WATCHED',
      'PENDING',
      'FAILING',
      'READY',
      'AGE',
    ]);
    assert.deepEqual(row.split(/\s{2,}/).slice(0, -1), [
      'shown',
      'Application',
      'http https://functions.example.com/application',
      '120',
      '2',
      '1',
      'True',
    ]);
  });

  it('belongs to the category statewire', async () => {
    assert.match(
      await kubectl(['get', 'statewire', '-n', namespace, '-o', 'name']),
      /functiontrigger\.statewire\.dev/,
    );
  });

  it('is explained field by field', async () => {
    const text = await kubectl(['explain', 'functiontrigger.spec.debounce']);
    assert.match(text, /quiet\s+<string>\s+Time without further change before an object is sent/);
  });
});
