/** API servers that answer wrongly, in pieces, or with a refusal, while objects keep changing. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sharedLocalCluster } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { FaultWorld } from '../support/fault-world.ts';
import { HttpFaultProxy, type ProxiedRequest, statusBody } from '../support/http-fault-proxy.ts';
import { result, type Widget } from '../support/stage.ts';

const CHURN_MS = 5000;
/** For so long every request is refused. */
const REFUSED_MS = 2000;
const NEWLINE = '\n'.charCodeAt(0);

interface Proxied {
  readonly world: FaultWorld;
  readonly proxy: HttpFaultProxy;
}

async function proxied(t: TestContext): Promise<Proxied> {
  const proxy = await HttpFaultProxy.start(await sharedLocalCluster());
  const world = await FaultWorld.behind(t, proxy.server);
  t.after(() => proxy[Symbol.asyncDispose]());
  // Each call has a status to write, by the same connections.
  world.bench.host.answer = ({ type, data }) =>
    type === 'deleted' ? {} : result({ status: { count: (data.object as Widget).spec?.['size'] } });
  await world.churn.fill();
  return { world, proxy };
}

/** All is handled, every promise kept, and each object's status is that of its last state. */
async function holds(world: FaultWorld): Promise<void> {
  await world.settled();
  world.check();
  await eventually('every status is written', async () => {
    const { items } = await world.api.call<{ items: Widget[] }>('GET', world.path());
    const wrong = items.filter(({ spec, status }) => spec?.['size'] !== status?.['count']);
    if (wrong.length > 0) throw new Error(`${wrong.length} are not, such as ${wrong[0]?.metadata.name}`);
    return true;
  });
}

const restarts = (world: FaultWorld, reason: string): Promise<number> =>
  world.metric('statewire_watch_restarts_total', { reason });
const relists = (world: FaultWorld, reason: string): Promise<number> =>
  world.metric('statewire_relists_total', { reason });

/** At least for as long as objects are to be changed. */
async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  await sleep(CHURN_MS);
  await eventually(what, condition, { everyMs: 250, withinMs: 60_000 });
}

/** A whole event, then whatever `end` does. */
async function* oneEvent(body: AsyncIterable<Buffer>, end: (rest: Buffer) => Buffer): AsyncIterable<Buffer> {
  for await (const chunk of body) {
    const line = chunk.indexOf(NEWLINE);
    if (line >= 0) {
      yield chunk.subarray(0, line + 1);
      yield end(chunk.subarray(line + 1));
      return;
    }
    yield chunk;
  }
}

function isListOrWatch({ watch, url }: ProxiedRequest): boolean {
  return watch || url.includes('limit=');
}

/** What was asked for most often. */
function busiest(requests: readonly ProxiedRequest[]): readonly [url: string, times: number] {
  const urls = Map.groupBy(requests, ({ url }) => url.replaceAll(/(?<=(?:Version|Seconds)=)\d+/g, '…'));
  return (
    [...urls].map(([url, all]) => [url, all.length] as const).toSorted((a, b) => b[1] - a[1])[0] ?? ['', 0]
  );
}

function cut(): never {
  throw new Error('cut');
}

describe('Answers of the API server', { concurrency: 2 }, () => {
  it('may end after every single event', async (t) => {
    const { world, proxy } = await proxied(t);
    proxy.shape = (body, { watch }) => (watch ? oneEvent(body, () => Buffer.alloc(0)) : body);
    proxy.endWatches();
    await world.churnWhile(() => until('ended', async () => (await restarts(world, 'closed')) > 20));
    await holds(world);
    assert.equal(await relists(world, 'expired'), 0);
  });

  it('may break off inside of an event', async (t) => {
    const { world, proxy } = await proxied(t);
    proxy.shape = async function* (body, { watch }) {
      let left = watch ? 700 + Math.floor(Math.random() * 5000) : Infinity;
      for await (const chunk of body) {
        yield chunk.subarray(0, left);
        left -= chunk.length;
        if (left <= 0) cut();
      }
    };
    proxy.endWatches();
    await world.churnWhile(() => until('broken off', async () => (await restarts(world, 'lost')) > 5));
    proxy.shape = undefined;
    await holds(world);
  });

  it('may come in slices of a few bytes', async (t) => {
    const { world, proxy } = await proxied(t);
    proxy.shape = async function* (body) {
      for await (const chunk of body)
        for (let at = 0; at < chunk.length; at += 7) yield chunk.subarray(at, at + 7);
    };
    proxy.endWatches();
    await world.churnWhile(() => sleep(CHURN_MS));
    await holds(world);
    assert.equal(await restarts(world, 'protocol'), 0);
  });

  it('may hold what is no event', async (t) => {
    const { world, proxy } = await proxied(t);
    const garbage = ['}{', '{"type":"ADDED"}\n', 'null\n', '<html>no</html>\n'].map((text) =>
      Buffer.from(text),
    );
    let watches = 0;
    proxy.shape = (body, { watch }) =>
      watch ? oneEvent(body, () => garbage[watches++ % garbage.length] ?? Buffer.alloc(0)) : body;
    proxy.endWatches();
    await world.churnWhile(() => until('unread', async () => (await restarts(world, 'protocol')) > 3));
    proxy.shape = undefined;
    await holds(world);
  });

  it('may say that a version is gone: when a watch opens, and in the middle of one', async (t) => {
    const { world, proxy } = await proxied(t);
    const gone = statusBody(410, 'Expired');
    const event = Buffer.from(`{"type":"ERROR","object":${gone}}\n`);
    let asked = 0;
    proxy.fault = ({ watch, url }) =>
      watch && url.includes('resourceVersion=') && ++asked % 4 === 0
        ? { status: 410, body: gone }
        : undefined;
    proxy.shape = (body, { watch }) => (watch && asked % 4 === 1 ? oneEvent(body, () => event) : body);
    await world.churnWhile(async () => {
      await until('listed again', async () => {
        proxy.endWatches();
        return (await relists(world, 'expired')) > 2;
      });
    });
    proxy.shape = undefined;
    await holds(world);
  });

  const STORMS: readonly (readonly [
    name: string,
    reason: string,
    fault: Exclude<ReturnType<HttpFaultProxy['fault']>, undefined>,
  ])[] = [
    [
      '429',
      'throttled',
      { status: 429, headers: { 'retry-after': '1' }, body: statusBody(429, 'TooManyRequests') },
    ],
    ['500', 'unavailable', { status: 500, body: statusBody(500, 'InternalError') }],
    ['503', 'unavailable', { status: 503, body: statusBody(503, 'ServiceUnavailable') }],
    ['504', 'unavailable', { status: 504, body: statusBody(504, 'Timeout') }],
    ['401', 'denied', { status: 401, body: statusBody(401, 'Unauthorized') }],
    ['the end of the connection', 'unavailable', 'cut'],
  ];
  for (const [name, reason, fault] of STORMS) {
    it(`may be ${name} to every third request, and to each for a while`, async (t) => {
      const { world, proxy } = await proxied(t);
      let refused: readonly [url: string, times: number] = ['', 0];
      await world.churnWhile(async () => {
        let request = 0;
        proxy.fault = () => (++request % 3 === 0 ? fault : undefined);
        for (let time = 0; time < CHURN_MS; time += 500) {
          await sleep(500);
          proxy.endWatches();
        }
        proxy.fault = () => fault;
        proxy.endWatches();
        const before = proxy.requests.length;
        await sleep(REFUSED_MS);
        refused = busiest(proxy.requests.slice(before).filter(isListOrWatch));
        proxy.fault = () => undefined;
      });
      await holds(world);
      assert.ok((await restarts(world, reason)) > 0);
      assert.ok(refused[1] <= REFUSED_MS / 100, `${refused.join(' ')} times`);
    });
  }
});
