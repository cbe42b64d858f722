/** Pages that people wrote say what the code says: each table is read and compared with what it is about. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { TargetError } from '../forwarder/lib/errors.ts';
import { KAFKA_ERROR_RULES, kafkaFailure } from '../forwarder/target/broker/kafka-failures.ts';
import { natsFailure, readAcknowledgement } from '../forwarder/target/broker/nats-failures.ts';
import { UnroutableError } from '../forwarder/target/broker/rabbitmq-connection.ts';
import { RABBITMQ_ERROR_RULES, rabbitmqFailure } from '../forwarder/target/broker/rabbitmq-failures.ts';
import { replyOf, type ReplyContext } from '../forwarder/target/http-reply.ts';
import { LAMBDA_ERROR_RULES, lambdaFailure } from '../forwarder/target/lambda-errors.ts';
import { ruleOfKnative, ruleOfOpenFaas, ruleOfOpenFaasQueue } from '../forwarder/target/platform-statuses.ts';
import { type Cells, marked, tableRows } from './support/documents.ts';

const HOSTS = 'docs/reference/hosts.md';

/** An error in the words of the page. */
function inWords(error: TargetError): Pick<Cells, 'code' | 'meaning' | 'least wait'> {
  const { code, blame, conclusive, suspect, permanent, minWaitMs } = error;
  const meaning =
    blame === 'target'
      ? conclusive
        ? 'target, at once'
        : 'target'
      : suspect
        ? 'suspect'
        : permanent
          ? 'permanent'
          : 'retry';
  return { code, meaning, 'least wait': minWaitMs === 0 ? '' : `${minWaitMs / 1000} s` };
}

function promised(row: Cells): Pick<Cells, 'code' | 'meaning' | 'least wait'> {
  const [code = ''] = marked(row['code'] ?? '');
  const [meaning = ''] = marked(row['meaning'] ?? '');
  return { code, meaning, 'least wait': row['least wait'] ?? '' };
}

/** The row that a reader finds for a status: the one that names it, else its hundred, else any other. */
function rowFor(rows: readonly Cells[], status: number, column = 'status'): Cells {
  const hundred = `${Math.floor(status / 100)}xx`;
  const names = (word: string): Cells | undefined =>
    rows.find((row) => row[column]?.split(', ').includes(word));
  const row = names(`${status}`) ?? names(hundred) ?? names(`other ${hundred}`) ?? names('any other');
  assert.ok(row, `no row for ${status}`);
  return row;
}

function thrown(action: () => unknown): TargetError {
  try {
    action();
  } catch (error) {
    if (error instanceof TargetError) return error;
    throw error;
  }
  assert.fail('nothing was thrown');
}

const STATUSES: readonly number[] = Array.from({ length: 400 }, (_, index) => 300 + index);

describe(HOSTS, () => {
  const rows = tableRows(HOSTS, 'status', 'code', 'meaning');
  const text = readFileSync(HOSTS, 'utf8');
  assert.ok(text.indexOf('\n## HTTP\n') < text.indexOf('\n## Lambda\n'), 'the tables come in this order');
  const second = rows.findLastIndex((row) => row['status'] === '3xx');
  const http = rows.slice(0, second);
  const lambda = rows.slice(second);

  const answered = (
    status: number,
    more: Partial<ReplyContext> = {},
    headers: Record<string, string> = {},
  ): TargetError =>
    thrown(() =>
      replyOf(
        { kind: 'complete', answer: { status, headers, body: Buffer.alloc(0) } },
        { where: 'x', timeoutMs: 1, reply: 'Result', nowMs: 0, ...more },
      ),
    );

  it('says what an HTTP status means', () => {
    for (const status of STATUSES) {
      assert.deepEqual(promised(rowFor(http, status)), inWords(answered(status)), `${status}`);
    }
  });

  it('says what an answer of OpenFaaS means, with its header and without', () => {
    const column = 'answer of OpenFaaS';
    const openFaas = tableRows(HOSTS, column, 'code', 'meaning');
    const named = (words: string): Cells | undefined => openFaas.find((row) => row[column] === words);
    for (const status of STATUSES) {
      const plain = named(`${status}`) ?? rowFor(http, status);
      const withHeader =
        named(`${status}`) ?? named(`${status} with the header`) ?? named('any other with the header');
      const ruleOf = ruleOfOpenFaas;
      assert.deepEqual(promised(plain), inWords(answered(status, { ruleOf })), `${status}`);
      const error = answered(status, { ruleOf }, { 'x-openfaas-internal': 'proxy' });
      assert.deepEqual(promised(withHeader ?? {}), inWords(error), `${status} with the header`);
    }
  });

  it('says what an answer of the queue of OpenFaaS means', () => {
    const column = 'answer of the queue';
    const queue = tableRows(HOSTS, column, 'code', 'meaning');
    for (const status of STATUSES) {
      const error = answered(status, { ruleOf: ruleOfOpenFaasQueue });
      assert.deepEqual(promised(rowFor(queue, status, column)), inWords(error), `${status}`);
    }
  });

  it('says what an answer of Knative means', () => {
    const column = 'answer of Knative';
    const knative = tableRows(HOSTS, column, 'code', 'meaning');
    for (const status of STATUSES) {
      const row = knative.find((one) => one[column] === `${status}`) ?? rowFor(http, status);
      assert.deepEqual(promised(row), inWords(answered(status, { ruleOf: ruleOfKnative })), `${status}`);
    }
  });

  const failure = (name: string, status: number): TargetError =>
    lambdaFailure(
      { name, message: '', status, retryAfter: undefined, reason: undefined },
      { where: 'x', nowMs: 0 },
    );

  it('says what a status of the Invoke API means', () => {
    for (const status of STATUSES) {
      assert.deepEqual(promised(rowFor(lambda, status)), inWords(failure('Unheard', status)), `${status}`);
    }
  });

  it('says what each error of the Invoke API means', () => {
    const named = tableRows(HOSTS, 'error', 'code', 'meaning').flatMap((row) =>
      marked(row['error'] ?? '').map((name) => ({ name, row })),
    );
    assert.deepEqual(named.map(({ name }) => name).toSorted(), Object.keys(LAMBDA_ERROR_RULES).toSorted());
    for (const { name, row } of named) assert.deepEqual(promised(row), inWords(failure(name, 500)), name);
  });
});

describe(`${HOSTS}: brokers`, () => {
  const where = 'x';

  it('says what an answer of NATS means', () => {
    const failure = (error: unknown): TargetError => natsFailure(error, { where, subject: 'x', sent: true });
    const refused = (code: number, number: number): TargetError =>
      thrown(() => readAcknowledgement(JSON.stringify({ error: { code, err_code: number } }), where, 1));
    const named = (name: string): Error => Object.assign(new Error(name), { name });
    const cases: Readonly<Record<string, readonly TargetError[]>> = {
      "error 10054, larger than the stream's `max_msg_size`": [refused(400, 10054)],
      'another error of code 429': [refused(429, 1)],
      'another error of code 500 or more, such as a full stream': [refused(500, 1), refused(503, 10077)],
      'any other error': [refused(400, 1), refused(404, 2)],
      'no stream takes the subject': [failure(new Error('a', { cause: named('NoResponders') }))],
      'not authorized, not permitted': ['AuthorizationError', 'PermissionViolationError'].map((name) =>
        failure(new Error('a', { cause: named(name) })),
      ),
      'something that is no acknowledgement of JetStream': ['', '{}', 'null', '{"stream":""}'].map((text) =>
        thrown(() => readAcknowledgement(text, where, 1)),
      ),
    };
    const column = 'answer of NATS';
    const told = Object.fromEntries(
      tableRows(HOSTS, column, 'code', 'meaning').map((row) => [row[column] ?? '', promised(row)]),
    );
    assert.deepEqual(Object.keys(told), Object.keys(cases));
    for (const [words, errors] of Object.entries(cases)) {
      for (const error of errors) assert.deepEqual(told[words], inWords(error), words);
    }
  });

  it('says what an error of Kafka means', () => {
    const column = 'error of Kafka';
    const rows = tableRows(HOSTS, column, 'code', 'meaning');
    const named = rows.flatMap((row) => marked(row[column] ?? '').map((type) => ({ type, row })));
    const meaning = (type: string): TargetError =>
      kafkaFailure(
        new Error('a', { cause: Object.assign(new Error('b'), { name: 'KafkaJSProtocolError', type }) }),
        where,
        true,
      );
    assert.deepEqual(named.map(({ type }) => type).toSorted(), Object.keys(KAFKA_ERROR_RULES).toSorted());
    for (const { type, row } of named) assert.deepEqual(promised(row), inWords(meaning(type)), type);
    const other = rows.find((row) => row[column] === 'any other') ?? assert.fail('no row for any other');
    assert.deepEqual(promised(other), inWords(meaning('NOT_ENOUGH_REPLICAS')));
  });

  it('says what a reply of RabbitMQ means', () => {
    const column = 'reply of RabbitMQ';
    const named = tableRows(HOSTS, column, 'code', 'meaning').flatMap((row) =>
      marked(row[column] ?? '').map((code) => ({ code, row })),
    );
    assert.deepEqual(named.map(({ code }) => code).toSorted(), Object.keys(RABBITMQ_ERROR_RULES).toSorted());
    const meaning = (error: Error): TargetError =>
      rabbitmqFailure(error, { where, routingKey: 'x', sent: true });
    for (const { code, row } of named) {
      assert.deepEqual(promised(row), inWords(meaning(Object.assign(new Error('a'), { code }))), code);
    }
    const lost = named.find(({ code }) => code === 'NOT_FOUND')?.row ?? {};
    assert.deepEqual(promised(lost), inWords(meaning(new UnroutableError())));
  });
});

describe(`${HOSTS}: what functions answer`, () => {
  const columns = ['success', 'requeue', 'permanent', 'retry-after', 'throw', 'timeout', 'too large'];
  const all = [...columns, 'bad input', 'signature'];
  const rows = tableRows(HOSTS, 'host', ...columns);
  const contract = readFileSync('test/contract/function-host.contract.ts', 'utf8');

  it('has a row for every adapter of the SDK', () => {
    const adapters = globSync('functions/sdk/*.ts').flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/^export function (to[A-Z]\w+)/gm)].map(
        ([, name = '']) => name,
      ),
    );
    assert.deepEqual(
      rows.map((row) => /\[(\w+)\]/.exec(row['tests'] ?? '')?.[1] ?? '').toSorted(),
      adapters.toSorted(),
    );
  });

  for (const row of rows) {
    const { host = '', tests = '' } = row;
    it(`names for each cell of ${host} a test that there is`, () => {
      const [, file = ''] = /\]\(..\/..\/([\w./-]+)\)/.exec(tests) ?? [];
      assert.match(readFileSync(file, 'utf8'), new RegExp(`functionHostContract\\(\\{\\s+name: '${host}'`));
      for (const column of all) {
        assert.notEqual(row[column], '', column);
        assert.ok(contract.includes(`test('${column}'`), column);
      }
    });
  }
});

describe('docs/reference/errors.md', () => {
  it('names every code that there is, and no other', () => {
    const named = tableRows('docs/reference/errors.md', 'code', 'means').flatMap((row) =>
      marked(row['code'] ?? ''),
    );
    const sources = [
      'forwarder/lib/errors.ts',
      'local-cluster/local-cluster-error.ts',
      'forwarder/outcome/classify.ts',
    ].map((file) => readFileSync(file, 'utf8'));
    const code = /(?<=')(?:CONFIG|API|TARGET|CLUSTER|FUNCTION)_[A-Z_]+(?=')/g;
    const known = new Set(sources.flatMap((text) => text.match(code) ?? []));
    assert.deepEqual(named.toSorted(), [...known].toSorted());
  });
});

describe('docs/guides/operate.md', () => {
  const page = 'docs/guides/operate.md';

  it('names every reason for which a change is dropped', () => {
    const [, union = ''] =
      /DropReason =\n(.*?);/s.exec(readFileSync('forwarder/model/verdict.ts', 'utf8')) ?? [];
    const known = [...union.matchAll(/'([\w-]+)'/g)].map(([, reason = '']) => reason);
    const rows = tableRows(page, 'reason').flatMap((row) => marked(row['reason'] ?? ''));
    assert.deepEqual(rows.toSorted(), known.toSorted());
  });

  it('names every condition but the one that sums up', () => {
    const [, list = ''] =
      /TRIGGER_CONDITIONS = \[(.*?)\]/s.exec(readFileSync('forwarder/status/conditions.ts', 'utf8')) ?? [];
    const known = [...list.matchAll(/'(\w+)'/g)].map(([, type = '']) => type);
    const rows = tableRows(page, 'condition').flatMap((row) => marked(row['condition'] ?? ''));
    assert.deepEqual([...rows, 'Ready'], known);
  });
});

describe('docs/reference/protocol.md', () => {
  const page = 'docs/reference/protocol.md';
  const fieldsOf = (type: string, file: string): string[] => {
    const [, body = ''] =
      new RegExp(`interface ${type}(?:<.*?>)? \\{\\n(.*?)\\n\\}`, 's').exec(readFileSync(file, 'utf8')) ?? [];
    return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = '']) => field);
  };

  for (const { what, type, file, column, extra = [] } of [
    { what: 'attribute', type: 'EventAttributes', file: 'protocol/event.ts', column: 'attribute' },
    { what: 'part of the data', type: 'EventData', file: 'protocol/event.ts', column: 'field', extra: [] },
    {
      what: 'field of a result',
      type: 'FunctionResult',
      file: 'protocol/result.ts',
      column: 'field',
      extra: ['apiVersion', 'kind'],
    },
  ] as const) {
    it(`names every ${what}`, () => {
      const named = new Set(tableRows(page, column).flatMap((row) => marked(row[column] ?? '')));
      const fields = fieldsOf(type, file);
      assert.ok(fields.length > 5);
      assert.deepEqual(
        fields.filter((field) => !named.has(field) && !extra.some((one) => one === field)),
        [],
      );
    });
  }
});
