/** A FunctionTrigger as it is read: its defaults, and what is wrong with it. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { load } from 'js-yaml';
import { describeProblems, type TriggerProblem } from '../../../forwarder/config/trigger-problem.ts';
import { BAD_TRIGGERS, GOOD_SPEC } from '../../support/bad-triggers.ts';
import { accepted, type Fields, manifest, problemsOf } from '../../support/read-triggers.ts';

function fixture(name: string): unknown {
  const { metadata, ...rest } = load(readFileSync(`test/fixtures/triggers/${name}.yaml`, 'utf8')) as {
    metadata: Fields;
  };
  return { ...rest, metadata: { ...metadata, namespace: 'shop', uid: 'u-1' } };
}

describe('readTrigger', () => {
  it('fills in every default', () => {
    assert.deepEqual(accepted(manifest(GOOD_SPEC)), {
      identity: { namespace: 'shop', name: 'application', uid: 'u-1', generation: 3 },
      spec: {
        watch: { apiVersion: 'example.com/v1', kind: 'Application', owns: [] },
        eventTypes: ['Created', 'Updated', 'Deleted'],
        counting: { kind: 'changes', classes: ['Spec'] },
        initial: 'Deliver',
        debounce: { quietMs: 100, maxWaitMs: 2000 },
        target: { type: 'http', url: 'https://functions.example.com/application', headers: {} },
        delivery: {
          timeoutMs: 30_000,
          maxAttempts: 10,
          backoff: { initialMs: 1000, maxMs: 300_000 },
          concurrency: 10,
          perObject: { burst: 30, everyMs: 2000 },
          reply: 'Result',
        },
        payload: { previous: false, redact: [], dataref: false, token: false },
        finalizer: false,
        finalizerDeadlineMs: 600_000,
        serviceAccountName: 'default',
        suspend: false,
      },
    });
  });

  it('reads every field that works', () => {
    assert.deepEqual(accepted(fixture('full'), 'file').spec, {
      watch: {
        apiVersion: 'example.com/v1',
        kind: 'Application',
        labelSelector: 'managed=true,!legacy,example.com/tier in (gold,silver)',
        fieldSelector: 'spec.tier=gold',
        owns: [
          { apiVersion: 'apps/v1', kind: 'Deployment' },
          { apiVersion: 'v1', kind: 'ConfigMap', labelSelector: '' },
        ],
      },
      eventTypes: ['Updated', 'Deleted'],
      counting: { kind: 'changes', classes: ['Spec', 'Labels'] },
      when: 'object.spec.replicas > 0',
      initial: 'Skip',
      debounce: { quietMs: 250, maxWaitMs: 90_000 },
      target: {
        type: 'lambda',
        functionName: 'application',
        region: 'eu-central-1',
        qualifier: 'live',
        invocationType: 'RequestResponse',
      },
      delivery: {
        timeoutMs: 45_000,
        maxAttempts: 5,
        backoff: { initialMs: 2000, maxMs: 600_000 },
        concurrency: 20,
        ratePerSecond: 50,
        perObject: { burst: 5, everyMs: 10_000 },
        reply: 'Ignore',
      },
      payload: {
        previous: true,
        redact: ['spec.password', 'metadata.annotations["example.com/note"]'],
        dataref: true,
        token: true,
      },
      finalizer: true,
      finalizerDeadlineMs: 1_200_000,
      serviceAccountName: 'default',
      resyncMs: 36_000_000,
      suspend: true,
    });
  });

  it('resolves a service to its cluster DNS name in the namespace of the trigger', () => {
    assert.deepEqual(accepted(fixture('fields'), 'file').spec.target, {
      type: 'http',
      url: 'http://reconcile.shop.svc:8080/configmap?strict=true',
      service: 'reconcile',
      headers: { 'x-team': 'shop' },
    });
  });

  it('reads how a gateway lets in, and whom to trust there', () => {
    assert.deepEqual(accepted(fixture('openfaas'), 'file').spec.target, {
      type: 'openfaas',
      name: 'application',
      namespace: 'shop',
      gateway: 'https://gateway.openfaas:8443/base',
      async: false,
      auth: { basic: { secretRef: { name: 'gateway-login' } } },
      tls: { secretRef: { name: 'gateway-tls' } },
    });
    const tls = { secretRef: { name: 'tls' } };
    const spec = { ...GOOD_SPEC, target: { http: { url: 'HTTPS://fn.example.com/', tls } } };
    assert.deepEqual(accepted(manifest(spec)).spec.target, {
      type: 'http',
      url: 'HTTPS://fn.example.com/',
      headers: {},
      tls,
    });
  });

  it('reads targets that are brokers', () => {
    assert.deepEqual(accepted(fixture('nats'), 'file').spec.target, {
      type: 'nats',
      url: 'nats://nats:4222',
      subject: 'applications',
      auth: { credentials: { secretRef: { name: 'nats', key: 'user.creds' } } },
    });
    assert.deepEqual(accepted(fixture('kafka'), 'file').spec.target, {
      type: 'kafka',
      brokers: ['kafka-0.kafka:9092', '[fd00::1]:9092'],
      topic: 'applications',
      auth: { basic: { secretRef: { name: 'kafka' }, mechanism: 'SCRAM-SHA-512' } },
      tls: {},
    });
    assert.deepEqual(accepted(fixture('rabbitmq'), 'file').spec.target, {
      type: 'rabbitmq',
      url: 'amqps://rabbitmq/shop',
      exchange: '',
      routingKey: 'applications',
      auth: { basic: { secretRef: { name: 'rabbitmq' } } },
      tls: { secretRef: { name: 'rabbitmq-tls' } },
    });
  });

  it('reads fields as paths', () => {
    assert.deepEqual(accepted(fixture('fields'), 'file').spec.counting, {
      kind: 'fields',
      paths: ['data.mode', 'metadata.labels["a.b/c"]', 'spec.containers[*].image'],
    });
  });

  it('takes Any for the four classes of change', () => {
    assert.deepEqual(accepted(manifest({ ...GOOD_SPEC, changes: ['Any'] })).spec.counting, {
      kind: 'changes',
      classes: ['Spec', 'Status', 'Labels', 'Annotations'],
    });
  });

  it('reads the redeliver annotation', () => {
    const annotations = { 'statewire.dev/redeliver-at': 'now' };
    assert.equal(accepted(manifest(GOOD_SPEC, { annotations })).redeliverAt, 'now');
  });

  it('takes no account of a status', () => {
    const raw = { ...(manifest(GOOD_SPEC) as object), status: { conditions: 'nonsense' } };
    assert.equal(accepted(raw, 'file').identity.name, 'application');
  });

  it('takes null for absent', () => {
    assert.deepEqual(accepted(manifest({ ...GOOD_SPEC, debounce: null })).spec.debounce, {
      quietMs: 100,
      maxWaitMs: 2000,
    });
  });

  it('leaves unknown fields from the API to a newer forwarder', () => {
    assert.equal(accepted(manifest({ ...GOOD_SPEC, later: true })).identity.name, 'application');
  });

  for (const value of [undefined, null, 'text', [], {}, { spec: null }, { metadata: null, spec: [] }]) {
    it(`refuses ${JSON.stringify(value)} without throwing`, () => {
      assert.ok(problemsOf(value).length > 0);
    });
  }
});

describe('readTrigger, for each bad trigger', () => {
  for (const { reason, spec, field, named, name = 'bad' } of BAD_TRIGGERS) {
    it(`names ${field} for ${reason}`, () => {
      const problems = problemsOf(manifest({ ...GOOD_SPEC, ...spec }, { name }), 'file');
      assert.deepEqual(
        problems.map((one) => one.field),
        [field],
      );
      const message = problems[0]?.message ?? '';
      assert.ok(message.startsWith(field) && message.includes(named) && !message.includes('\n'), message);
      assert.ok(!message.replaceAll('secretRef', '').includes('secret'), message);
    });
  }
});

describe('readTrigger, for what does not work yet', () => {
  const cases: readonly { readonly given: unknown; readonly fields: readonly string[] }[] = [
    {
      given: fixture('later'),
      fields: ['spec.serviceAccountName'],
    },
  ];
  for (const { given, fields } of cases) {
    it(`refuses ${fields.join(', ')} as not supported`, () => {
      for (const source of ['api', 'file'] as const) {
        const problems = problemsOf(given, source);
        assert.deepEqual(
          problems.map((one) => one.field),
          fields,
        );
        assert.ok(problems.every((one) => one.reason === 'NotSupported'));
      }
    });
  }

  it('tells of other problems beside', () => {
    const spec = { ...GOOD_SPEC, serviceAccountName: 'application-trigger', resync: 'soon' };
    assert.deepEqual(
      problemsOf(manifest(spec)).map((one) => one.field),
      ['spec.serviceAccountName', 'spec.resync'],
    );
  });
});

describe('the fixtures', () => {
  it('are all read by one of the tests above', () => {
    const names = globSync('test/fixtures/triggers/*.yaml').map(
      (file) => /(\w+)(-\w+)?\.yaml$/.exec(file)?.[1],
    );
    assert.deepEqual(
      new Set(names),
      new Set(['minimal', 'full', 'fields', 'later', 'openfaas', 'nats', 'kafka', 'rabbitmq']),
    );
    assert.equal(accepted(fixture('minimal'), 'file').spec.initial, 'Deliver');
  });
});

describe('describeProblems', () => {
  const problems = ['a', 'b', 'c', 'd', 'e'].map((field): TriggerProblem => ({
    field,
    reason: 'Invalid',
    message: `${field}: bad`,
  }));
  it('tells three problems and counts the rest', () => {
    assert.deepEqual(describeProblems(problems), {
      reason: 'Invalid',
      message: 'a: bad; b: bad; c: bad; and 2 more',
    });
  });
  it('takes the reason of the first', () => {
    assert.equal(
      describeProblems([{ field: 'a', reason: 'NotSupported', message: 'a: later' }]).reason,
      'NotSupported',
    );
  });
});
