import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeAnswer, describeEvent } from '../../../../cli/dev/describe-call.ts';
import { describeLog } from '../../../../cli/dev/describe-log.ts';
import { devTrigger } from '../../../../cli/dev/dev-trigger.ts';
import { Printer } from '../../../../cli/dev/printer.ts';
import { readTrigger } from '../../../../forwarder/config/read-trigger.ts';

const object = { metadata: { name: 'a', namespace: 'demo' }, spec: { size: 3 } };
const headers = { 'ce-type': 'dev.statewire.resource.updated', 'ce-statewireattempt': '2', 'ce-id': 'u:g2' };

describe('what dev tells of an event', () => {
  it('is what happened to what, and why', () => {
    const data = {
      object,
      reason: 'Watch',
      changed: ['Spec', 'Labels'],
      children: { 'ConfigMap.v1': { a: {} } },
    };
    assert.deepEqual(describeEvent(headers, JSON.stringify(data), false), {
      line: 'updated demo/a  Watch: Spec Labels, attempt 2',
      details: ['spec {"size":3}', 'children 1 ConfigMap'],
    });
  });

  it('is all of it where that is asked for', () => {
    const { details } = describeEvent(headers, JSON.stringify({ object, reason: 'Resync' }), true);
    assert.equal(details[0], 'id u:g2');
    assert.match(details[1] ?? '', /"size": 3/);
  });

  it('is never the token that the function gets', () => {
    const access = { server: 'https://api', token: 'canary', expiresAt: '2026-01-01T00:00:00Z' };
    for (const verbose of [true, false]) {
      const { line, details } = describeEvent(
        headers,
        JSON.stringify({ object, reason: 'Watch', access }),
        verbose,
      );
      assert.equal([line, ...details].join('\n').includes('canary'), false);
      assert.equal(details.join('\n').includes('"token": "[redacted]"'), verbose);
    }
  });
});

describe('what dev tells of an answer', () => {
  for (const { reason, status, body, told } of [
    { reason: 'nothing', status: 204, body: '', told: { isError: false, line: 'done', details: [] } },
    {
      reason: 'a result',
      status: 200,
      body: { status: { phase: 'Ready' }, apply: [], requeueAfter: '30s', finalized: false },
      told: {
        isError: false,
        line: 'done',
        details: ['status {"phase":"Ready"}', 'apply nothing', 'again after 30s', 'not finalized yet'],
      },
    },
    {
      reason: 'a permanent error',
      status: 422,
      body: { error: { message: 'bad', retryable: false } },
      told: { isError: true, line: 'error, not again for this state: bad', details: [] },
    },
    {
      reason: 'an error',
      status: 500,
      body: { error: { message: 'quota', retryAfter: '60s' } },
      told: { isError: true, line: 'error, again 60s: quota', details: [] },
    },
    {
      reason: 'what is no result',
      status: 502,
      body: 'Bad\nGateway',
      told: { isError: true, line: 'answered 502 Bad Gateway', details: [] },
    },
  ]) {
    it(`is what it means: ${reason}`, () => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      assert.deepEqual(describeAnswer(status, text, false), told);
    });
  }
});

describe('a line that a function wrote', () => {
  it('is told without what is known', () => {
    const line = JSON.stringify({ time: 't', level: 'info', msg: 'scaled', key: 'demo/a', to: 3 });
    assert.deepEqual(describeLog(line), ['info scaled to=3']);
  });

  it('is told as it is where it is none of the logger', () => {
    for (const line of ['plain', '{"a":1}', '{broken']) assert.deepEqual(describeLog(line), [line]);
  });

  it('shows the stack of an error within the function alone', () => {
    const stack =
      'Error: no\n    at f (/p/function.ts:3:1)\n    at run (/p/node_modules/x/y.js:1:1)\n    at node:internal:1';
    const line = JSON.stringify({ level: 'error', msg: 'failed', error: { stack } });
    assert.deepEqual(describeLog(line), ['error failed', 'Error: no', '    at f (/p/function.ts:3:1)']);
  });
});

describe('the printer', () => {
  it('lets no text move the cursor', () => {
    let text = '';
    const now = (): Date => new Date(2026, 0, 1, 7, 8, 9, 12);
    const printer = new Printer({ write: (more) => void (text += more), color: false, now });
    printer.tell('▸', 'blue', 'a\u001B[2Jb', ['one\ntwo']);
    assert.equal(text, `07:08:09.012 ▸ a [2Jb\n${' '.repeat(15)}one\n${' '.repeat(15)}two\n`);
  });
});

describe('the temporary trigger', () => {
  it('keeps what the own trigger selects, and never its target, finalizer, identity and name', () => {
    const kind = { apiVersion: 'example.com/v1', kind: 'Widget' };
    const spec = {
      watch: { ...kind, fieldSelector: 'spec.tier=gold' },
      debounce: { quiet: '1s', maxWait: '2s' },
      target: { lambda: { functionName: 'f', region: 'r' } },
      finalizer: true,
      suspend: true,
      serviceAccountName: 'mighty',
    };
    const given = { file: 'trigger.yaml', name: 'n'.repeat(63), spec };
    const made = JSON.parse(
      devTrigger({ given, kind, namespace: 'demo', url: 'http://127.0.0.1:1/', existing: false }),
    );
    assert.deepEqual(made.metadata, { name: `${'n'.repeat(59)}-dev`, namespace: 'demo' });
    assert.deepEqual(made.spec, {
      ...spec,
      target: { http: { url: 'http://127.0.0.1:1/' } },
      initial: 'Skip',
      finalizer: false,
      suspend: false,
      serviceAccountName: 'default',
    });
  });

  it('keeps the identity where the function asks for its token', () => {
    const kind = { apiVersion: 'example.com/v1', kind: 'Widget' };
    const spec = { watch: kind, payload: { token: true }, serviceAccountName: 'writer' };
    const given = { file: 'trigger.yaml', name: 'a', spec };
    const raw = JSON.parse(
      devTrigger({ given, kind, namespace: 'demo', url: 'http://127.0.0.1:1/', existing: false }),
    );
    const identity = { ...raw, metadata: { ...raw.metadata, uid: 'uid-1' } };
    const read = readTrigger(identity, { source: 'file' });
    assert.ok('trigger' in read, JSON.stringify(read));
    assert.equal(read.trigger.spec.serviceAccountName, 'writer');
    assert.ok(read.trigger.spec.payload.token);
  });
});
