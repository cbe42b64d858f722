/** What becomes of resources, whatever their order and names. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Parts } from './kinds.ts';
import { digestOf, render } from './render.ts';
import type { Resolved } from './resolve.ts';

const model: Parts['LLMModel'] = {
  provider: 'SelfHosted',
  model: 'llama',
  endpoint: 'http://llama',
  maxTokens: 1,
};
const spec = { modelRefs: [], routingPolicyRef: 'policy', publish: { to: 'ConfigMap' } } as const;

function resolved(names: readonly string[], routes: readonly string[]): Resolved {
  return {
    LLMModel: Object.fromEntries(names.map((name) => [name, model])),
    LLMRoutingPolicy: { policy: { routes: routes.map((modelRef) => ({ modelRef, weight: 1 })) } },
    PromptTemplate: Object.fromEntries(names.map((name) => [name, { template: '{{input}}' }])),
    RateLimitPolicy: {},
  };
}

describe('render', () => {
  it('makes the same text of the same resources, in whichever order they are named', () => {
    const [one, other] = [
      ['a', 'b', 'c'],
      ['c', 'a', 'b'],
    ].map((names) => render(spec, resolved(names, ['a'])));
    assert.ok(one && other && 'config' in one && 'config' in other);
    assert.equal(digestOf(one.config), digestOf(other.config));
  });

  it('finds a route to a model that is not offered, whatever it is called', () => {
    for (const name of ['huge', 'constructor']) {
      const rendered = render(spec, resolved(['a'], ['a', name]));
      assert.deepEqual(rendered, {
        problem: `LLMRoutingPolicy/policy routes to ${name}, which is not in spec.modelRefs`,
      });
    }
  });
});
