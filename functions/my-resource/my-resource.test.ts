/** MyResource on a real API server, from sample to Ready, an edit, a failure and a deletion. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Actions, condition, type Example, startExample } from '../../test/support/example.ts';
import { myResource } from './my-resource.ts';

const KIND = 'myresources.test.io';

describe('MyResource', { timeout: 240_000 }, () => {
  const actions = new Actions();
  let example: Example;

  before(async () => {
    example = await startExample(actions, {
      folder: 'my-resource',
      functions: { 'my-resource': myResource },
    });
  });
  after(() => actions.run());

  it('becomes Ready, and says what it was asked to', async () => {
    await example.sample('hello');
    const { status } = await example.until('Ready', KIND, 'hello', (one) => {
      return condition(one, 'Ready')?.status === 'True';
    });
    assert.equal(status?.['said'], 'Hello Hello');
    assert.equal(status?.['observedGeneration'], 1);
    assert.match(await example.kubectl('get', KIND), /^hello +Hello +True +Said/m);
  });

  it('says an edit', async () => {
    await example.merge(KIND, 'hello', { spec: { times: 3 } });
    await example.until('said', KIND, 'hello', (one) => one.status?.['said'] === 'Hello Hello Hello');
  });

  it('tells in a condition what the function does not like, and calls that no failure', async () => {
    await example.sample('shouting');
    const { status } = await example.until('not Ready', KIND, 'shouting', (one) => {
      return condition(one, 'Ready')?.reason === 'Shouting';
    });
    assert.equal(status?.['said'], undefined);
    await example.merge(KIND, 'shouting', { spec: { message: 'Hello' } });
    await example.until('Ready', KIND, 'shouting', (one) => condition(one, 'Ready')?.status === 'True');
  });

  it('is delivered once the function works again', async () => {
    example.outage = 500;
    await example.merge(KIND, 'hello', { spec: { message: 'Again' } });
    await example.untilCalled('my-resource', 'updated', 'hello', 500);
    example.outage = undefined;
    await example.until('said', KIND, 'hello', (one) => one.status?.['said'] === 'Again Again Again');
  });

  it('goes when it is deleted, and the function hears of it', async () => {
    await example.kubectl('delete', KIND, 'hello');
    await example.untilCalled('my-resource', 'deleted', 'hello');
    assert.match(await example.kubectl('get', 'deadletters', '-o', 'name'), /^$/);
  });

  for (const [sample, message] of [
    ['bad-times', /spec\.times.*greater than or equal to 1/],
    ['bad-length', /message and times make more than 1000 characters/],
  ] as const) {
    it(`${sample}.yaml is refused`, async () => {
      await assert.rejects(example.sample(sample), (error: Error) => message.test(error.message));
    });
  }
});
