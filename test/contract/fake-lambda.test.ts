import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Dispatcher, request } from 'undici';
import { FakeLambda } from '../support/fake-lambda.ts';
import { LambdaApiError } from '../support/fake-lambda-functions.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { inProcess } from '../support/lambda-runner.ts';
import { echo, exits, hangs, hangsOnce, large, nothing, slow, throws } from '../fixtures/lambda/handlers.ts';
import { LAMBDA_FUNCTIONS, lambdaHostContract } from './lambda-host.contract.ts';

const handlers = { echo, exits, hangs, hangsOnce, large, nothing, slow, throws };

lambdaHostContract({
  name: 'the fake Invoke API with functions in this process',
  async start() {
    const fake = await FakeLambda.start();
    for (const name of LAMBDA_FUNCTIONS) {
      fake.add(name, {
        runner: inProcess(handlers[name]),
        timeoutMs: name.startsWith('hangs') ? 1000 : 3000,
        aliases: { live: '3' },
        ...(name === 'slow' && { reservedConcurrency: 1 }),
      });
    }
    return Object.assign(fake, { nameOf: (name: string) => name });
  },
  without: { exits: 'a function in this process would end the test' },
});

describe('the fake Invoke API', () => {
  it('runs a failed Event twice more, after one minute and two, then drops it', async () => {
    const clock = new ManualClock();
    await using fake = await FakeLambda.start({ clock });
    let runs = 0;
    fake.add('throws', {
      runner: inProcess(() => {
        runs += 1;
        return throws();
      }),
    });
    assert.equal(
      (await invoke(fake, 'throws', { 'x-amz-invocation-type': 'Event' }, '{"n":1}')).statusCode,
      202,
    );
    const seen: unknown[] = [];
    for (const waitMs of [0, 59_999, 1, 119_999, 1]) {
      await clock.advance(waitMs);
      await fake.settled();
      seen.push([runs, fake.dropped.length]);
    }
    assert.deepEqual(seen, [
      [1, 0],
      [1, 0],
      [2, 0],
      [2, 0],
      [3, 1],
    ]);
    assert.deepEqual(fake.dropped, ['{"n":1}']);
    assert.equal(clock.pending, 0);
  });

  it('answers DryRun with 204 and runs nothing', async () => {
    await using fake = await FakeLambda.start();
    fake.add('exits', { runner: inProcess(exits) });
    assert.equal((await invoke(fake, 'exits', { 'x-amz-invocation-type': 'DryRun' })).statusCode, 204);
  });

  it('tells version, request id and the end of the log', async () => {
    await using fake = await FakeLambda.start();
    const log = `${'x'.repeat(5000)}end`;
    fake.add('logs', {
      runner: {
        run: () => Promise.resolve({ payload: 'null', log }),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
      aliases: { live: '3' },
    });
    const { headers } = await invoke(fake, 'logs:live', { 'x-amz-log-type': 'Tail' });
    assert.equal(headers['x-amz-executed-version'], '3');
    assert.equal(headers['x-amzn-requestid'], fake.invocations[0]?.requestId);
    assert.equal(Buffer.from(String(headers['x-amz-log-result']), 'base64').toString(), log.slice(-4096));
  });

  it('refuses unsigned calls, JSON that is none, and calls that no policy allows', async () => {
    await using fake = await FakeLambda.start();
    fake.add('echo', { runner: inProcess(echo) });
    fake.add('guarded', { runner: inProcess(echo), allowed: false });
    const seen = [
      await invoke(fake, 'echo', { authorization: 'none' }),
      await invoke(fake, 'echo', {}, '{'),
      await invoke(fake, 'guarded'),
    ].map(({ statusCode, headers }) => [statusCode, headers['x-amzn-errortype']]);
    assert.deepEqual(seen, [
      [403, 'MissingAuthenticationTokenException'],
      [400, 'InvalidRequestContentException'],
      [403, 'AccessDeniedException'],
    ]);
  });

  it('fails and delays as a test says', async () => {
    await using fake = await FakeLambda.start();
    fake.add('echo', { runner: inProcess(echo) });
    fake.intercept = () => {
      throw new LambdaApiError(502, 'KMSDisabledException', 'the key is disabled');
    };
    assert.equal((await invoke(fake, 'echo')).statusCode, 502);
    fake.intercept = () => undefined;
    assert.equal((await invoke(fake, 'echo')).statusCode, 200);
  });
});

async function invoke(
  fake: FakeLambda,
  name: string,
  headers: Readonly<Record<string, string>> = {},
  body = '{}',
): Promise<Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>> {
  const response = await request(
    `${fake.endpoint}/2015-03-31/functions/${encodeURIComponent(name)}/invocations`,
    {
      method: 'POST',
      headers: { authorization: 'AWS4-HMAC-SHA256 Credential=test', ...headers },
      body,
    },
  );
  await response.body.dump();
  return response;
}
