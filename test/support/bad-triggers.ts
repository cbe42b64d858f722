/** Triggers that must be refused, each for one reason: by `kubectl apply` and by the forwarder's own reader alike. */

export interface BadTrigger {
  readonly reason: string;
  /** Merged over the fields of `spec` of a valid trigger. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** Path that the forwarder's problem names. */
  readonly field: string;
  /** Text that both refusals hold: the last part of the path, as a rule. */
  readonly named: string;
  /** Name of the trigger. @defaultValue bad */
  readonly name?: string;
  /** The schema does not refuse it: only the forwarder can know. @defaultValue false */
  readonly forwarderOnly?: boolean;
}

const http = (fields: object): Readonly<Record<string, unknown>> => ({ target: { http: fields } });
const nats = (fields: object): Readonly<Record<string, unknown>> => ({
  target: { nats: { url: 'nats://nats:4222', subject: 'applications', ...fields } },
});
const kafka = (fields: object): Readonly<Record<string, unknown>> => ({
  target: { kafka: { brokers: ['kafka:9092'], topic: 'applications', ...fields } },
});
const rabbitmq = (fields: object): Readonly<Record<string, unknown>> => ({
  target: { rabbitmq: { url: 'amqp://rabbit', exchange: 'events', routingKey: 'applications', ...fields } },
});
const lambda = (functionName: string): Readonly<Record<string, unknown>> => ({
  target: { lambda: { functionName } },
});
const watch = (fields: object): Readonly<Record<string, unknown>> => ({
  watch: { apiVersion: 'example.com/v1', kind: 'Application', ...fields },
});

/** `spec` of a trigger that is accepted. */
export const GOOD_SPEC: Readonly<Record<string, unknown>> = {
  ...watch({}),
  ...http({ url: 'https://functions.example.com/application' }),
};

export const BAD_TRIGGERS: readonly BadTrigger[] = [
  {
    reason: 'two targets',
    spec: { target: { lambda: { functionName: 'a' }, http: { url: 'http://a' } } },
    field: 'spec.target',
    named: 'exactly one of lambda, http',
  },
  { reason: 'no target', spec: { target: {} }, field: 'spec.target', named: 'exactly one of lambda, http' },
  {
    reason: 'fields with changes',
    spec: { fields: ['spec.replicas'], changes: ['Spec'] },
    field: 'spec.fields',
    named: 'fields and changes exclude each other',
  },
  { reason: 'no fields', spec: { fields: [] }, field: 'spec.fields', named: 'fields' },
  {
    reason: 'a word for a duration',
    spec: { debounce: { quiet: 'soon' } },
    field: 'spec.debounce.quiet',
    named: 'quiet',
  },
  { reason: 'a duration without unit', spec: { resync: '10' }, field: 'spec.resync', named: 'resync' },
  {
    reason: 'a duration of days',
    spec: { delivery: { timeout: '1d' } },
    field: 'spec.delivery.timeout',
    named: 'timeout',
  },
  {
    reason: 'a timeout of nothing',
    spec: { delivery: { timeout: '0s' } },
    field: 'spec.delivery.timeout',
    named: 'must be longer than 0s',
  },
  {
    reason: 'a finalizer where nobody hears of deletions',
    spec: { finalizer: true, eventTypes: ['Created'] },
    field: 'spec.finalizer',
    named: 'finalizer needs Deleted in eventTypes',
  },
  {
    reason: 'a finalizer for a Lambda function that is only told',
    spec: { finalizer: true, target: { lambda: { functionName: 'a', invocationType: 'Event' } } },
    field: 'spec.finalizer',
    named: 'finalizer needs a target that reports an outcome',
    forwarderOnly: true,
  },
  {
    reason: 'a finalizer for a function of OpenFaaS that is only queued',
    spec: { finalizer: true, target: { openfaas: { name: 'a', async: true } } },
    field: 'spec.finalizer',
    named: 'finalizer needs a target that reports an outcome',
    forwarderOnly: true,
  },
  {
    reason: 'a finalizer for a broker',
    spec: { finalizer: true, ...nats({}) },
    field: 'spec.finalizer',
    named: 'finalizer needs a target that reports an outcome',
  },
  ...[
    'nats://user:secret@nats',
    'http://nats',
    'nats:4222',
    'nats://nats/path',
    'nats://',
    'tls://nats:4222?secret',
  ].map((url): BadTrigger => ({
    reason: `${url.replaceAll('secret', '…')} as the URL of NATS`,
    spec: nats({ url }),
    field: 'spec.target.nats.url',
    named: 'must be a nats or tls URL without credentials',
  })),
  ...['', 'a.>', '*', 'a b', '$JS.API.STREAM.PURGE.a', 'a..b', 'a.'].map((subject): BadTrigger => ({
    reason: `subject "${subject}"`,
    spec: nats({ subject }),
    field: 'spec.target.nats.subject',
    named: 'subject',
  })),
  {
    reason: 'two logins for a broker',
    spec: nats({
      auth: { basic: { secretRef: { name: 'a' } }, token: { secretRef: { name: 'a', key: 'b' } } },
    }),
    field: 'spec.target.nats.auth',
    named: 'auth',
  },
  {
    reason: 'no login for a broker, where one is announced',
    spec: rabbitmq({ auth: {} }),
    field: 'spec.target.rabbitmq.auth',
    named: 'auth',
  },
  {
    reason: 'a login without a Secret',
    spec: kafka({ auth: { basic: {} } }),
    field: 'spec.target.kafka.auth.basic.secretRef',
    named: 'secretRef',
  },
  {
    reason: 'a SASL mechanism that the forwarder does not speak',
    spec: kafka({ auth: { basic: { secretRef: { name: 'a' }, mechanism: 'GSSAPI' } } }),
    field: 'spec.target.kafka.auth.basic.mechanism',
    named: 'mechanism',
  },
  {
    reason: 'TLS for a URL without',
    spec: rabbitmq({ tls: { secretRef: { name: 'a' } } }),
    field: 'spec.target.rabbitmq.tls',
    named: 'tls needs an amqps URL',
  },
  {
    reason: 'a Secret of another namespace',
    spec: kafka({ tls: { secretRef: { name: 'other/tls' } } }),
    field: 'spec.target.kafka.tls.secretRef.name',
    named: 'name',
  },
  ...['../x', 'a/b', 'A', ''].flatMap((name): readonly BadTrigger[] => [
    {
      reason: `Secret "${name}"`,
      spec: http({ url: 'http://fn/', auth: { bearer: { secretRef: { name, key: 'k' } } } }),
      field: 'spec.target.http.auth.bearer.secretRef.name',
      named: 'name',
    },
    {
      reason: `Addressable "${name}"`,
      spec: { target: { knative: { ref: { apiVersion: 'v1', kind: 'Service', name } } } },
      field: 'spec.target.knative.ref.name',
      named: 'name',
    },
  ]),
  {
    reason: 'two ways to prove who calls',
    spec: http({
      url: 'http://fn/',
      auth: { serviceAccountToken: { audience: 'a' }, googleIdToken: { audience: 'a' } },
    }),
    field: 'spec.target.http.auth',
    named: 'at most 1',
  },
  ...[{ url: 'http://fn/' }, { service: { name: 'fn' } }].map((where): BadTrigger => ({
    reason: `whom to trust at ${'url' in where ? where.url : 'a Service'}, which speaks no TLS`,
    spec: http({ ...where, tls: { secretRef: { name: 'tls' } } }),
    field: 'spec.target.http.tls',
    named: 'tls needs an https URL',
  })),
  {
    reason: 'a Secret without name to trust',
    spec: http({ url: 'https://fn/', tls: { secretRef: {} } }),
    field: 'spec.target.http.tls.secretRef.name',
    named: 'name',
  },
  {
    reason: 'whom to trust at a gateway without TLS',
    spec: { target: { openfaas: { name: 'a', tls: { secretRef: { name: 'tls' } } } } },
    field: 'spec.target.openfaas.tls',
    named: 'tls needs an https gateway',
  },
  ...[
    { bearer: { secretRef: { name: 'a', key: 'k' } } },
    { basic: { secretRef: { name: 'a' } } },
    { tokenExchange: { audience: 'a' } },
  ].map((auth): BadTrigger => ({
    reason: `${Object.keys(auth)[0]} for a call that is queued`,
    spec: { target: { openfaas: { name: 'a', async: true, auth } } },
    field: 'spec.target.openfaas.auth',
    named: 'a queued call takes auth.hmac only',
  })),
  {
    reason: 'two ways to prove who calls OpenFaaS',
    spec: {
      target: {
        openfaas: {
          name: 'a',
          auth: { tokenExchange: { audience: 'a' }, basic: { secretRef: { name: 'a' } } },
        },
      },
    },
    field: 'spec.target.openfaas.auth',
    named: 'at most 1',
  },
  {
    reason: 'a header of the event from a Secret',
    spec: http({ url: 'http://fn/', headersFrom: [{ name: 'ce-id', secretRef: { name: 'a', key: 'b' } }] }),
    field: 'spec.target.http.headersFrom[0].name',
    named: 'ce-',
    forwarderOnly: true,
  },
  ...['kafka', 'user:secret@kafka:9092', 'http://kafka:9092', 'kafka:'].map((broker): BadTrigger => ({
    reason: `${broker.replaceAll('secret', '…')} as a broker of Kafka`,
    spec: kafka({ brokers: ['kafka-0:9092', broker] }),
    field: 'spec.target.kafka.brokers[1]',
    named: 'brokers[1]',
  })),
  {
    reason: 'a port that is none',
    spec: kafka({ brokers: ['kafka:65536'] }),
    field: 'spec.target.kafka.brokers[0]',
    named: 'port',
    forwarderOnly: true,
  },
  ...['', '..', 'a b', 'a/b'].map((topic): BadTrigger => ({
    reason: `topic "${topic}"`,
    spec: kafka({ topic }),
    field: 'spec.target.kafka.topic',
    named: 'topic',
  })),
  ...[
    'amqp://user:secret@rabbit',
    'amqp://rabbit/a/b',
    'rabbit',
    'amqp://rabbit?secret=1',
    'nats://rabbit',
  ].map((url): BadTrigger => ({
    reason: `${url.replaceAll('secret', '…')} as the URL of RabbitMQ`,
    spec: rabbitmq({ url }),
    field: 'spec.target.rabbitmq.url',
    named: 'must be an amqp or amqps URL without credentials',
  })),
  {
    reason: 'a routing key with a line break',
    spec: rabbitmq({ routingKey: 'a\nb' }),
    field: 'spec.target.rabbitmq.routingKey',
    named: 'routingKey',
  },
  ...(['kafka', 'rabbitmq'] as const).map((type): BadTrigger => ({
    reason: `a finalizer for ${type}`,
    spec: { finalizer: true, ...(type === 'kafka' ? kafka({}) : rabbitmq({})) },
    field: 'spec.finalizer',
    named: 'finalizer needs a target that reports an outcome',
  })),
  {
    reason: 'quiet longer than maxWait',
    spec: { debounce: { quiet: '3s', maxWait: '1s' } },
    field: 'spec.debounce.quiet',
    named: 'quiet must not be longer than maxWait',
  },
  {
    reason: 'quiet longer than the default of maxWait',
    spec: { debounce: { quiet: '3s' } },
    field: 'spec.debounce.quiet',
    named: 'quiet must not be longer than maxWait',
  },
  {
    reason: 'a first step longer than the longest',
    spec: { delivery: { backoff: { initial: '6m' } } },
    field: 'spec.delivery.backoff.initial',
    named: 'initial must not be longer than max',
  },
  {
    reason: 'a URL of another scheme',
    spec: http({ url: 'ftp://a/b' }),
    field: 'spec.target.http.url',
    named: 'url',
  },
  { reason: 'a relative URL', spec: http({ url: '/a/b' }), field: 'spec.target.http.url', named: 'url' },
  { reason: 'no URL at all', spec: http({ url: 'not a url' }), field: 'spec.target.http.url', named: 'url' },
  {
    reason: 'a URL without host',
    spec: http({ url: 'http:///path' }),
    field: 'spec.target.http.url',
    named: 'url',
  },
  {
    reason: 'a URL with credentials',
    spec: http({ url: 'http://user:secret@a/' }),
    field: 'spec.target.http.url',
    named: 'url',
  },
  {
    reason: 'a URL with a fragment',
    spec: http({ url: 'http://a/#b' }),
    field: 'spec.target.http.url',
    named: 'url',
  },
  {
    reason: 'a URL and a service',
    spec: http({ url: 'http://a', service: { name: 'a' } }),
    field: 'spec.target.http',
    named: 'exactly one of url and service',
  },
  {
    reason: 'neither URL nor service',
    spec: http({ headers: {} }),
    field: 'spec.target.http',
    named: 'exactly one of url and service',
  },
  {
    reason: 'a port out of range',
    spec: http({ service: { name: 'a', port: 65_536 } }),
    field: 'spec.target.http.service.port',
    named: 'port',
  },
  {
    reason: 'a path without slash',
    spec: http({ service: { name: 'a', path: 'b' } }),
    field: 'spec.target.http.service.path',
    named: 'path',
  },
  {
    reason: 'a service name with dots',
    spec: http({ service: { name: 'a.b' } }),
    field: 'spec.target.http.service.name',
    named: 'name',
  },
  {
    reason: 'a function name with a space',
    spec: lambda('my function'),
    field: 'spec.target.lambda.functionName',
    named: 'functionName',
  },
  {
    reason: 'the ARN of something else',
    spec: lambda('arn:aws:s3:::bucket/key'),
    field: 'spec.target.lambda.functionName',
    named: 'functionName',
  },
  {
    reason: 'an unknown invocation type',
    spec: { target: { lambda: { functionName: 'a', invocationType: 'DryRun' } } },
    field: 'spec.target.lambda.invocationType',
    named: 'invocationType',
  },
  {
    reason: 'an unknown event type',
    spec: { eventTypes: ['Modified'] },
    field: 'spec.eventTypes[0]',
    named: 'eventTypes',
  },
  { reason: 'no event type', spec: { eventTypes: [] }, field: 'spec.eventTypes', named: 'eventTypes' },
  {
    reason: 'an event type twice',
    spec: { eventTypes: ['Created', 'Created'] },
    field: 'spec.eventTypes[1]',
    named: 'eventTypes[1]',
  },
  {
    reason: 'an unknown class of change',
    spec: { changes: ['Metadata'] },
    field: 'spec.changes[0]',
    named: 'changes',
  },
  {
    reason: 'an unknown word for initial',
    spec: { initial: 'deliver' },
    field: 'spec.initial',
    named: 'initial',
  },
  { reason: 'an empty expression', spec: { when: '' }, field: 'spec.when', named: 'when' },
  {
    reason: 'a kind with a dot',
    spec: watch({ kind: 'Application.v1' }),
    field: 'spec.watch.kind',
    named: 'kind',
  },
  {
    reason: 'an apiVersion with two slashes',
    spec: watch({ apiVersion: 'a/b/v1' }),
    field: 'spec.watch.apiVersion',
    named: 'apiVersion',
  },
  {
    reason: 'a selector that needs values',
    spec: watch({ labelSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }),
    field: 'spec.watch.labelSelector.matchExpressions[0]',
    named: 'matchExpressions[0]',
  },
  {
    reason: 'a selector that takes no values',
    spec: watch({ labelSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } }),
    field: 'spec.watch.labelSelector.matchExpressions[0]',
    named: 'matchExpressions[0]',
  },
  {
    reason: 'a label that cannot be',
    spec: watch({ labelSelector: { matchLabels: { 'not a label': 'x' } } }),
    field: 'spec.watch.labelSelector.matchLabels["not a label"]',
    named: 'label',
    forwarderOnly: true,
  },
  {
    reason: 'a field selector without value',
    spec: watch({ fieldSelector: 'spec.tier' }),
    field: 'spec.watch.fieldSelector',
    named: 'fieldSelector',
    forwarderOnly: true,
  },
  {
    reason: 'a child kind twice',
    spec: watch({
      owns: [
        { apiVersion: 'v1', kind: 'Secret' },
        { apiVersion: 'v1', kind: 'Secret' },
      ],
    }),
    field: 'spec.watch.owns[1]',
    named: 'owns[1]',
  },
  {
    reason: 'no attempts',
    spec: { delivery: { maxAttempts: 0 } },
    field: 'spec.delivery.maxAttempts',
    named: 'maxAttempts',
  },
  {
    reason: 'half a call at once',
    spec: { delivery: { concurrency: 0.5 } },
    field: 'spec.delivery.concurrency',
    named: 'concurrency',
  },
  {
    reason: 'a rate of nothing',
    spec: { delivery: { ratePerSecond: 0 } },
    field: 'spec.delivery.ratePerSecond',
    named: 'ratePerSecond',
  },
  { reason: 'a text for a boolean', spec: { suspend: 'yes' }, field: 'spec.suspend', named: 'suspend' },
  { reason: 'a text for an object', spec: { delivery: 'fast' }, field: 'spec.delivery', named: 'delivery' },
  {
    reason: 'a path that does not end',
    spec: { fields: ['metadata.labels["a'] },
    field: 'spec.fields[0]',
    named: 'fields[0]',
    forwarderOnly: true,
  },
  {
    reason: 'a header of the event',
    spec: http({ url: 'http://a', headers: { 'ce-id': 'x' } }),
    field: 'spec.target.http.headers["ce-id"]',
    named: 'ce-id',
    forwarderOnly: true,
  },
  {
    reason: 'a header name with a line break',
    spec: http({ url: 'http://a', headers: { 'x\ny': 'b' } }),
    field: 'spec.target.http.headers["x\\ny"]',
    named: 'is no header name',
    forwarderOnly: true,
  },
  {
    reason: 'a header with a line break',
    spec: http({ url: 'http://a', headers: { 'x-a': 'b\r\nc: d' } }),
    field: 'spec.target.http.headers["x-a"]',
    named: 'x-a',
    forwarderOnly: true,
  },
  ...[
    nats({}),
    kafka({}),
    rabbitmq({}),
    { target: { lambda: { functionName: 'a', invocationType: 'Event' } } },
    { target: { openfaas: { name: 'a', gateway: 'https://gateway', async: true } } },
  ].map((spec) => ({
    reason: `a token for ${JSON.stringify(spec['target'])}`,
    spec: { ...spec, payload: { token: true } },
    field: 'spec.payload.token',
    named: 'token needs a target that answers itself',
  })),
  ...[
    http({ url: 'http://functions.example.com/a' }),
    http({ url: 'http://localhost.example.com/' }),
    http({ url: 'http://127.0.0.1.example.com/' }),
    http({ url: 'http://localhostile/' }),
    http({ service: { name: 'a' } }),
    { target: { openfaas: { name: 'a' } } },
  ].map((spec) => ({
    reason: `a token in clear for ${JSON.stringify(spec['target'])}`,
    spec: { ...spec, payload: { token: true } },
    field: 'spec.payload.token',
    named: 'token needs a target with an https URL',
  })),
  {
    reason: 'a field that does not exist',
    spec: { debounce: { quite: '1s' } },
    field: 'spec.debounce.quite',
    named: 'quite',
  },
  {
    reason: 'a name of 64 characters',
    spec: {},
    name: 'n'.repeat(64),
    field: 'metadata.name',
    named: 'metadata.name must be at most 63 characters',
  },
];
