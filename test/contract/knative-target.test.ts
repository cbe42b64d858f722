/** Knative's own binaries do not run here: a scripted server stands for an Addressable, as the data plane's spec says. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Clock } from '../../forwarder/lib/clock.ts';
import type { Target } from '../../forwarder/model/target.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { knativeTargets } from '../../forwarder/target/knative.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { type Possessions, principalWith } from '../support/principals.ts';
import { answer, ScriptedServer } from '../support/scripted-server.ts';
import { assertFails, call, type ExpectedFailure, targetContract } from './target.contract.ts';

const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });
const ref = { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'application' };

function knativeTarget(clock: Clock, has: Possessions): Target {
  const targets = knativeTargets({ clock, guard, env: {} });
  return {
    ...targets.create({ type: 'knative', ref }, { reply: 'Result' }, principalWith(has)),
    [Symbol.asyncDispose]: async () => await targets[Symbol.asyncDispose](),
  };
}

targetContract({
  name: 'Knative target',
  targetAt: (origin, clock) => knativeTarget(clock, { address: () => ({ url: origin }) }),
  success: (body) => answer(200, { 'content-type': 'application/json' }, body),
});

describe('Knative target', () => {
  it('sends the event in binary mode to the address, and asks for a reply', async () => {
    await using server = await ScriptedServer.start(answer(202));
    const clock = new ManualClock();
    await using target = knativeTarget(clock, { address: () => ({ url: `${server.origin}/ns/broker` }) });
    assert.deepEqual(await call(target, clock), { kind: 'accepted' });
    const { path, headers } = server.requests[0] ?? assert.fail('nothing was sent');
    assert.equal(path, '/ns/broker');
    assert.equal(headers['prefer'], 'reply');
    assert.equal(headers['ce-specversion'], '1.0');
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['authorization'], undefined);
    assert.equal(target.description, 'knative Service application');
  });

  it('sends a token where the address names an audience', async () => {
    await using server = await ScriptedServer.start(answer(204));
    const clock = new ManualClock();
    await using target = knativeTarget(clock, {
      address: () => ({ url: server.origin, audience: 'the-service' }),
      token: (audience) => `token-for-${audience}`,
    });
    await call(target, clock);
    assert.equal(server.requests[0]?.headers['authorization'], 'Bearer token-for-the-service');
  });

  const event = { specversion: '1.0', id: 'a', source: '/fn', type: 'result' };
  const result = '{"kind":"FunctionResult","status":{"n":9007199254740993}}';
  for (const { title, type, body, expected } of [
    { title: 'a plain result', type: 'application/json', body: result, expected: result },
    {
      title: 'a structured event, whose numbers stay exact',
      type: 'application/cloudevents+json; charset=utf-8',
      body: `{"specversion":"1.0","id":"a","source":"/fn","type":"r","data":${result}}`,
      expected: result,
    },
    {
      title: 'a structured event with data in base64',
      type: 'application/cloudevents+json',
      body: JSON.stringify({ ...event, data_base64: Buffer.from(result).toString('base64') }),
      expected: result,
    },
    {
      title: 'a structured event without data',
      type: 'application/cloudevents+json',
      body: JSON.stringify(event),
      expected: undefined,
    },
  ]) {
    it(`takes the result from ${title}`, async () => {
      await using server = await ScriptedServer.start(answer(200, { 'content-type': type }, body));
      const clock = new ManualClock();
      await using target = knativeTarget(clock, { address: () => ({ url: server.origin }) });
      assert.deepEqual(
        await call(target, clock),
        expected === undefined ? { kind: 'empty' } : { kind: 'body', text: expected },
      );
    });
  }

  it('takes the result from an event in binary mode', async () => {
    const headers = { 'content-type': 'application/json', 'ce-specversion': '1.0', 'ce-id': 'a' };
    await using server = await ScriptedServer.start(answer(200, headers, result));
    const clock = new ManualClock();
    await using target = knativeTarget(clock, { address: () => ({ url: server.origin }) });
    assert.deepEqual(await call(target, clock), { kind: 'body', text: result });
  });

  for (const body of ['', '{', '[]', '{"kind":"FunctionResult"}', '{"specversion":"1.0","data_base64":7}']) {
    it(`refuses ${JSON.stringify(body)} as a structured event`, async () => {
      const type = { 'content-type': 'application/cloudevents+json' };
      await using server = await ScriptedServer.start(answer(200, type, body));
      const clock = new ManualClock();
      await using target = knativeTarget(clock, { address: () => ({ url: server.origin }) });
      if (body === '') assert.deepEqual(await call(target, clock), { kind: 'empty' });
      else await assertFails(call(target, clock), { code: 'TARGET_BAD_REPLY', blame: 'delivery' });
    });
  }

  it("takes 404 for the target's: there is no route to the function", async () => {
    await using server = await ScriptedServer.start(answer(404));
    const clock = new ManualClock();
    await using target = knativeTarget(clock, { address: () => ({ url: server.origin }) });
    await assertFails(call(target, clock), {
      code: 'TARGET_NOT_FOUND',
      blame: 'target',
      conclusive: false,
      permanent: false,
    } satisfies ExpectedFailure);
  });

  it('looks for the address anew after it failed, and only then', async () => {
    await using moved = await ScriptedServer.start(answer(204));
    const gone = await ScriptedServer.start(answer(204));
    const { origin } = gone;
    const asked: boolean[] = [];
    const clock = new ManualClock();
    await using target = knativeTarget(clock, {
      address: (fresh) => {
        asked.push(fresh);
        return { url: fresh ? moved.origin : origin };
      },
    });
    await call(target, clock);
    await call(target, clock);
    await gone[Symbol.asyncDispose]();
    await assert.rejects(call(target, clock));
    await call(target, clock);
    assert.deepEqual(asked, [false, false, false, true]);
    assert.equal(moved.requests.length, 1);
  });

  it("is the target's failure where there is no address, and nothing is sent", async () => {
    const clock = new ManualClock();
    await using target = knativeTarget(clock, {});
    await assertFails(call(target, clock), { blame: 'target', conclusive: true });
  });
});
