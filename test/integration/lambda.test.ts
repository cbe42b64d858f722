/** What triggers say of Lambda beside its calls. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { answer, ScriptedServer } from '../support/scripted-server.ts';
import { startBench } from '../support/widgets.ts';

const env = (lambda: ScriptedServer): Record<string, string> => ({
  AWS_ENDPOINT_URL_LAMBDA: lambda.origin,
  AWS_ACCESS_KEY_ID: 'a',
  AWS_SECRET_ACCESS_KEY: 'b',
  AWS_EC2_METADATA_DISABLED: 'true',
});
const target = { lambda: { functionName: 'slow', region: 'eu-central-1' } };

describe('A Lambda trigger', () => {
  it("warns of a timeout that is shorter than the function's own, and works", async (t) => {
    await using lambda = await ScriptedServer.start((socket, request) =>
      answer(200, {}, request.path.endsWith('/configuration') ? '{"Timeout":60}' : '')(socket, request),
    );
    const bench = await startBench(t, { env: env(lambda) });
    await bench.trigger({ spec: { target } });
    await bench.widgets({ name: 'one' });
    const accepted = await eventually('it warns', async () => {
      const condition = await bench.condition('widget', 'Accepted');
      return condition?.message === '' ? undefined : condition;
    });
    assert.equal(accepted.status, 'True');
    assert.match(
      accepted.message,
      /^delivery\.timeout \(30s\) is shorter than the function's own timeout \(1m\)/,
    );
    await eventually('it is called', () =>
      lambda.requests.some(({ path }) => path === '/2015-03-31/functions/slow/invocations'),
    );
  });

  it("of the API gets none of the forwarder's own credentials, unless its namespace is named", async (t) => {
    await using lambda = await ScriptedServer.start(answer(200));
    const bench = await startBench(t, { env: env(lambda), ambient: false });
    await bench.trigger({ spec: { target } });
    await bench.widgets({ name: 'one' });
    const reachable = await eventually('it says so', async () => {
      const condition = await bench.condition('widget', 'TargetReachable');
      return condition?.status === 'False' ? condition : undefined;
    });
    assert.match(reachable.message, /^spec\.target\.lambda\.roleArn: is needed/);
    assert.equal(lambda.requests.length, 0);
  });
});
