import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { ApiError } from '../../../forwarder/lib/errors.ts';
import type { KubeRequest, KubeResponse } from '../../../forwarder/model/kube-client.ts';
import { type Meter, noMeter } from '../../../forwarder/model/metrics.ts';
import { HttpKubeClient } from '../../../forwarder/kube/kube-client.ts';
import { passUntil, until } from '../../support/drive.ts';
import { FakeApiServer, type Fault, statusBody } from '../../support/fake-apiserver.ts';
import { ManualClock } from '../../support/manual-clock.ts';

type Settled = { readonly response: KubeResponse } | { readonly error: ApiError };

async function setUp(t: TestContext, faults: readonly Fault[], meter: Meter = noMeter) {
  const server = await FakeApiServer.start();
  const left = [...faults];
  server.fault = () => left.shift();
  const clock = new ManualClock();
  let refreshes = 0;
  const access = {
    ...server.access,
    headers: async () => ({ authorization: `Bearer ${refreshes}` }),
    refresh: () => void refreshes++,
  };
  const client = new HttpKubeClient({ access, clock, meter, userAgent: 'statewire/1.2.3' });
  t.after(async () => {
    await client[Symbol.asyncDispose]();
    assert.equal(clock.pending, 0, 'timers are left');
    await server[Symbol.asyncDispose]();
  });
  /** The outcome, and how long it took by the clock. */
  const send = async (
    request: Partial<KubeRequest>,
  ): Promise<{ readonly settled: Settled; readonly tookMs: number }> => {
    let settled: Settled | undefined;
    client.request({ method: 'GET', path: '/apis/example.com/v1', ...request }).then(
      (response) => (settled = { response }),
      (error: ApiError) => (settled = { error }),
    );
    const tookMs = await passUntil(
      clock,
      { what: 'an outcome', maxMs: 100_000 },
      () => settled !== undefined,
    );
    return { settled: settled as unknown as Settled, tookMs };
  };
  return { server, clock, client, send };
}

function codeOf(settled: Settled): string {
  return 'error' in settled ? settled.error.code : String(settled.response.status);
}

const ANSWERS: readonly {
  readonly status: number;
  readonly body: string;
  readonly code: string;
  readonly reason: string;
}[] = [
  { status: 400, body: statusBody(400, 'BadRequest'), code: 'API_INVALID', reason: 'a bad request' },
  { status: 401, body: '', code: 'API_UNAUTHORIZED', reason: 'refused credentials, twice' },
  { status: 403, body: statusBody(403, 'Forbidden'), code: 'API_FORBIDDEN', reason: 'a refusal' },
  { status: 404, body: '404 page not found', code: 'API_NOT_FOUND', reason: 'an unknown path' },
  { status: 409, body: statusBody(409, 'Conflict'), code: 'API_CONFLICT', reason: 'a conflict' },
  { status: 410, body: statusBody(410, 'Expired'), code: 'API_EXPIRED', reason: 'a version that is gone' },
  { status: 422, body: statusBody(422, 'Invalid'), code: 'API_INVALID', reason: 'an invalid object' },
  { status: 429, body: statusBody(429, 'TooManyRequests'), code: 'API_THROTTLED', reason: 'throttling' },
  {
    status: 500,
    body: statusBody(
      500,
      '',
      'failed to create typed patch object (a/b; v1, Kind=A): .status.x: field not declared in schema',
    ),
    code: 'API_INVALID',
    reason: 'an applied field that the schema does not declare',
  },
  {
    status: 500,
    body: statusBody(500, 'InternalError'),
    code: 'API_UNAVAILABLE',
    reason: 'a failure of the server',
  },
  { status: 503, body: '', code: 'API_UNAVAILABLE', reason: 'a server that is not ready' },
  { status: 302, body: '', code: 'API_PROTOCOL', reason: 'a redirect, which is not followed' },
];

describe('HttpKubeClient', () => {
  it('sends body, query, content type and its own name, and returns the text', async (t) => {
    const { send, server } = await setUp(t, []);
    const { settled } = await send({
      method: 'PATCH',
      query: { fieldManager: 'statewire/a b', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: '{"ä":1}',
    });
    assert.ok('response' in settled);
    assert.equal(JSON.parse(settled.response.text).kind, 'APIResourceList');
    const [request] = server.requests;
    assert.deepEqual(Object.fromEntries(request?.query ?? []), {
      fieldManager: 'statewire/a b',
      force: 'true',
    });
    assert.equal(request?.headers['content-type'], 'application/apply-patch+yaml');
    assert.equal(request.headers['user-agent'], 'statewire/1.2.3');
    assert.equal(request.headers['accept-encoding'], 'identity');
    assert.equal(request.headers['content-length'], '8');
  });

  for (const { status, body, code, reason } of ANSWERS) {
    it(`tells ${reason} (${status}) as ${code}`, async (t) => {
      const answer: Fault = { kind: 'status', status, body };
      const { send } = await setUp(t, [answer, answer]);
      const { settled } = await send({});
      assert.ok('error' in settled);
      assert.equal(settled.error.code, code);
      assert.equal(settled.error.status, status);
      assert.match(settled.error.message, /^GET \/apis\/example\.com\/v1: \d{3}/);
    });
  }

  it('passes the causes of a conflict on', async (t) => {
    const causes = [
      { reason: 'FieldManagerConflict', message: 'conflict with "kubectl"', field: '.status.phase' },
    ];
    const body = JSON.stringify({ kind: 'Status', reason: 'Conflict', code: 409, details: { causes } });
    const { send } = await setUp(t, [{ kind: 'status', status: 409, body }]);
    const { settled } = await send({ method: 'PATCH', body: '{}' });
    assert.ok('error' in settled);
    assert.deepEqual(settled.error.causes, causes);
  });

  it('sends a request once more with fresh credentials after a 401', async (t) => {
    const { send, server } = await setUp(t, [{ kind: 'status', status: 401 }]);
    const { settled, tookMs } = await send({ method: 'POST', body: '{}' });
    assert.equal(codeOf(settled), '200');
    assert.equal(tookMs, 0);
    assert.deepEqual(
      server.requests.map(({ headers }) => headers.authorization),
      ['Bearer 0', 'Bearer 1'],
    );
  });

  const busy = (status: number, seconds?: string): Fault => ({
    kind: 'status',
    status,
    headers: seconds === undefined ? {} : { 'retry-after': seconds },
  });
  const RETRIES: readonly {
    readonly reason: string;
    readonly method?: 'POST';
    readonly faults: readonly Fault[];
    readonly expected: string;
    readonly requests: number;
    readonly atLeastMs: number;
  }[] = [
    {
      reason: '429 and 503 that say when',
      method: 'POST',
      faults: [busy(429, '2'), busy(503, '3')],
      expected: '200',
      requests: 3,
      atLeastMs: 5000,
    },
    {
      reason: '503 that says nothing: not again',
      faults: [busy(503)],
      expected: 'API_UNAVAILABLE',
      requests: 1,
      atLeastMs: 0,
    },
    {
      reason: 'a wait of more than 10 s: not again',
      faults: [busy(429, '11')],
      expected: 'API_THROTTLED',
      requests: 1,
      atLeastMs: 0,
    },
    {
      reason: 'five refusals: given up',
      faults: Array<Fault>(5).fill(busy(429, '1')),
      expected: 'API_THROTTLED',
      requests: 5,
      atLeastMs: 4000,
    },
    {
      reason: 'a lost connection of a GET',
      faults: [{ kind: 'cut', afterBytes: 0 }],
      expected: '200',
      requests: 2,
      atLeastMs: 1000,
    },
    {
      reason: 'half of a body of a GET',
      faults: [{ kind: 'cut', afterBytes: 20 }],
      expected: '200',
      requests: 2,
      atLeastMs: 1000,
    },
    {
      reason: 'a lost connection of a POST: not again',
      method: 'POST',
      faults: [{ kind: 'cut', afterBytes: 0 }],
      expected: 'API_UNAVAILABLE',
      requests: 1,
      atLeastMs: 0,
    },
  ];
  for (const { reason, method, faults, expected, requests, atLeastMs } of RETRIES) {
    it(`tries again only where that is right: ${reason}`, async (t) => {
      const { send, server } = await setUp(t, faults);
      const { settled, tookMs } = await send(method === undefined ? {} : { method, body: '{}' });
      assert.equal(codeOf(settled), expected);
      assert.equal(server.requests.length, requests);
      assert.ok(tookMs >= atLeastMs && tookMs < atLeastMs + 900, `it took ${tookMs} ms`);
    });
  }

  it('gives up a request without an answer after its time', async (t) => {
    const { send, server, clock } = await setUp(t, [{ kind: 'mute' }]);
    const { settled, tookMs } = await send({ timeoutMs: 3000 });
    assert.ok('error' in settled);
    assert.equal(settled.error.message, 'GET /apis/example.com/v1: no answer within 3000 ms');
    assert.ok(tookMs >= 3000 && tookMs < 3100);
    await until(clock, 'end of the connection', () => server.open === 0);
  });

  it('rejects with the reason of its signal', async (t) => {
    const { client, server, clock } = await setUp(t, [{ kind: 'mute' }]);
    const stop = new AbortController();
    const reason = new Error('shutting down');
    const request = client.request({ method: 'GET', path: '/api/v1', signal: stop.signal });
    await until(clock, 'the request', () => server.requests.length === 1);
    stop.abort(reason);
    await assert.rejects(request, reason);
    await assert.rejects(client.request({ method: 'GET', path: '/api/v1', signal: stop.signal }), reason);
  });

  it('tells a refused connection at once and without a port of ours in the text', async (t) => {
    const { send, server } = await setUp(t, []);
    const dead = new HttpKubeClient({
      access: { ...server.access, server: new URL('http://127.0.0.1:1') },
      clock: new ManualClock(),
    });
    t.after(() => dead[Symbol.asyncDispose]());
    await assert.rejects(dead.request({ method: 'GET', path: '/api/v1' }), {
      code: 'API_UNAVAILABLE',
      message: 'GET /api/v1: connection refused',
    });
    assert.equal(codeOf((await send({})).settled), '200');
  });

  it('reuses its connections', async (t) => {
    const { send, server } = await setUp(t, []);
    for (let i = 0; i < 20; i++) await send({});
    assert.ok(server.open <= 2, `${server.open} connections for requests one after the other`);
  });

  it('counts requests by code, method and host', async (t) => {
    const lines: string[] = [];
    const meter: Meter = {
      ...noMeter,
      count: (name, labels) => void lines.push(`${name} ${labels['code']} ${labels['method']}`),
      observe: (name, labels) => void lines.push(`${name} ${labels['verb']}`),
    };
    const { send } = await setUp(t, [{ kind: 'status', status: 409 }], meter);
    await send({ method: 'PUT', body: '{}' });
    assert.deepEqual(lines, [
      'rest_client_requests_total 409 PUT',
      'rest_client_request_duration_seconds PUT',
    ]);
  });
});
