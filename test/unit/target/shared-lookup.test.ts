import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Lookup, sharedLookup } from '../../../forwarder/target/shared-lookup.ts';

/** A name server that answers when the test says so. */
function nameServer(): {
  readonly asked: string[];
  readonly answers: Parameters<Lookup>[2][];
  readonly ask: Lookup;
} {
  const asked: string[] = [];
  const answers: Parameters<Lookup>[2][] = [];
  return {
    asked,
    answers,
    ask: (hostname, options, answer) => {
      asked.push(`${hostname} ${String(options.all)}`);
      answers.push(answer);
    },
  };
}

describe('sharedLookup', () => {
  it('asks for a name once, however many wait for it, and for it again afterwards', () => {
    const { asked, answers, ask } = nameServer();
    const lookup = sharedLookup(ask);
    const told: string[] = [];
    const wait = (hostname: string): void =>
      lookup(hostname, {}, (error, addresses) => {
        told.push(`${hostname} ${error?.message ?? addresses.map(({ address }) => address).join()}`);
      });
    for (const hostname of ['a', 'a', 'b', 'a']) wait(hostname);
    assert.deepEqual(asked, ['a true', 'b true']);
    answers[0]?.(null, [{ address: '10.0.0.1', family: 4 }]);
    assert.deepEqual(told, ['a 10.0.0.1', 'a 10.0.0.1', 'a 10.0.0.1']);
    answers[1]?.(new Error('no such name'), []);
    assert.equal(told.at(-1), 'b no such name');
    wait('a');
    assert.deepEqual(asked, ['a true', 'b true', 'a true']);
  });
});
