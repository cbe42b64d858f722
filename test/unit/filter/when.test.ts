import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WhenError } from '../../../forwarder/filter/when-error.ts';
import { compileWhen, type When } from '../../../forwarder/filter/when.ts';
import type { Clock } from '../../../forwarder/lib/clock.ts';
import { parseExact } from '../../../forwarder/lib/exact-json.ts';
import type { KubeObject } from '../../../forwarder/model/kube-object.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type CelResult, OBJECT_JSON, SAME_AS_KUBERNETES, UNLIKE_KUBERNETES } from './cel-cases.ts';
import { object } from './objects.ts';

async function compiled(
  expression: string,
  clock: Pick<Clock, 'monotonic'> = new ManualClock(),
): Promise<When> {
  const when = await compileWhen(expression, clock);
  if ('problem' in when) assert.fail(when.problem);
  return when;
}

async function problemOf(expression: string): Promise<string> {
  const when = await compileWhen(expression);
  assert.ok('problem' in when, `${expression} compiles`);
  return when.problem;
}

function errorOf(when: When, from: KubeObject): string {
  try {
    when.test(from);
  } catch (error) {
    assert.ok(error instanceof WhenError, String(error));
    return error.message;
  }
  return assert.fail('no error');
}

async function resultOf(expression: string, from: KubeObject): Promise<CelResult> {
  const when = await compileWhen(expression);
  if ('problem' in when) {
    assert.match(when.problem, /^[^\n]{1,256}$/);
    return 'problem';
  }
  try {
    return when.test(from) ? 'true' : 'false';
  } catch (error) {
    assert.ok(error instanceof WhenError, String(error));
    assert.match(error.message, /^[^\n]{1,256}$/);
    return 'error';
  }
}

describe('when', () => {
  const from = parseExact(OBJECT_JSON) as KubeObject;

  it('says what Kubernetes says', async () => {
    const said = await Promise.all(
      SAME_AS_KUBERNETES.map(async ([expression]) => [expression, await resultOf(expression, from)]),
    );
    assert.deepEqual(said, SAME_AS_KUBERNETES);
  });

  it('differs from Kubernetes where that is known', async () => {
    const said = await Promise.all(
      UNLIKE_KUBERNETES.map(async ([expression, there]) => [
        expression,
        there,
        await resultOf(expression, from),
      ]),
    );
    assert.deepEqual(said, UNLIKE_KUBERNETES);
  });

  it('never changes the object', async () => {
    const before = JSON.stringify(from);
    for (const [expression] of SAME_AS_KUBERNETES) await resultOf(expression, from);
    assert.equal(JSON.stringify(from), before);
  });
});

describe('compileWhen', () => {
  const REFUSED = [
    { reason: 'another variable', expression: 'self.spec.replicas > 0', problem: 'Unknown variable: self' },
    { reason: 'another type than bool', expression: 'size(object.spec)', problem: 'must be bool, is int' },
    {
      reason: 'functions that Kubernetes does not know',
      expression: 'b"a".hex() == "61"',
      problem: 'function .hex() is not supported',
    },
    {
      reason: 'bindings, which grow without bound',
      expression: 'cel.bind(x, "a", x == "a")',
      problem: 'function .bind() is not supported',
    },
    {
      reason: 'macros three deep',
      expression: 'object.a.all(x, x.all(y, y.all(z, z)))',
      problem: 'macros are nested more than 2 deep at .all()',
    },
    {
      reason: 'a pattern from the object',
      expression: 'object.a.matches(object.b)',
      problem: '.matches() takes a literal pattern only',
    },
    {
      reason: 'a pattern that is none',
      expression: 'object.a.matches("(a")',
      problem: 'pattern "(a": missing )',
    },
    {
      reason: 'a pattern that is too large',
      expression: 'object.a.matches("((a{100}){100}){100}")',
      problem: 'pattern "((a{100}){100}){100}": pattern too large',
    },
    { reason: 'a syntax error', expression: 'object.spec.', problem: 'Expected IDENTIFIER, got EOF' },
  ];
  for (const { reason, expression, problem } of REFUSED) {
    it(`refuses ${reason}`, async () => {
      assert.equal(await problemOf(expression), problem);
    });
  }

  it('refuses expressions that are too long, too deep or too large', async () => {
    assert.equal(await problemOf(`true${' '.repeat(5000)}`), 'longer than 4096 characters');
    await problemOf(`${'('.repeat(1000)}true${')'.repeat(1000)}`);
    await problemOf(`${'true && '.repeat(500)}true`);
    await problemOf(`object.a in [${'1,'.repeat(300)}1]`);
  });

  it('allows macros two deep, one after the other as often as needed', async () => {
    const when = await compiled(
      'object.spec.a.all(x, x.all(y, y > 0)) && object.spec.a.exists(x, x.exists(y, y == 2))',
    );
    assert.equal(when.test(object({ spec: { a: [[1], [2]] } })), true);
  });
});

describe('when, on hostile input', () => {
  it('matches in linear time what takes other engines for ever', async () => {
    const when = await compiled('object.spec.a.matches("^(a+)+$")');
    assert.equal(when.test(object({ spec: { a: `${'a'.repeat(50_000)}!` } })), false);
  });

  it('refuses an object that would be iterated for too long, and tells how large it is', async () => {
    const when = await compiled('object.spec.a.all(x, object.spec.a.all(y, x != y + 1))');
    const a = (length: number): KubeObject => object({ spec: { a: Array.from({ length }, () => 1) } });
    assert.equal(when.test(a(100)), true);
    assert.equal(errorOf(when, a(5000)), 'costs too much: lists of up to 5000 items, iterated 2 deep');
  });

  it('does not mind what the expression does not look at', async () => {
    const when = await compiled('object.spec.a.all(x, object.spec.a.all(y, x == y))');
    const bystander = Array.from({ length: 50_000 }, () => 1);
    assert.equal(when.test(object({ spec: { a: [1, 1], b: bystander }, status: { b: bystander } })), true);
  });

  const GROWING = [
    'object.spec.a.map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).size() > 0',
    'object.spec.a.map(x, object.spec.s).join("").size() > 0',
    'object.spec.s.replace("s", object.spec.s).replace("s", object.spec.s).size() > 0',
    'object.spec.s.split("").all(x, object.spec.s.split("").all(y, x == y))',
    'object.spec.a.all(x, x in object.spec.l && x in object.spec.l)',
  ];
  for (const expression of GROWING) {
    it(`refuses to let values grow in ${expression}`, async () => {
      const when = await compiled(expression);
      const spec = {
        a: Array.from({ length: 3000 }, () => 'x'.repeat(100)),
        s: 's'.repeat(5000),
        l: Array.from({ length: 3000 }, String),
      };
      assert.match(errorOf(when, object({ spec })), /^(?:costs too much: |replace\(\) builds too long)/);
    });
  }

  it('reaches no prototype', async () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      const when = await compiled(`has(object.spec.${name}) || has(object.metadata.labels.${name})`);
      assert.equal(when.test(object({ spec: {}, metadata: { labels: {} } })), false);
    }
  });

  it('takes an object that is nested deeper than it can follow for an error', async () => {
    let spec: unknown = 1;
    for (let depth = 0; depth < 20_000; depth++) spec = { d: spec };
    errorOf(await compiled('object.spec.d == 1'), object({ spec }));
  });

  /** Moves on by the next of these steps whenever it is looked at. */
  const stepping = (...stepsMs: readonly number[]): { monotonic: () => number } => {
    let [nowMs, looks] = [0, 0];
    return { monotonic: () => (nowMs += stepsMs[looks++ % stepsMs.length] ?? 0) };
  };
  const yes = object({ spec: { a: true } });

  it('is not evaluated any more after three slow evaluations in a row', async () => {
    const when = await compiled('object.spec.a', stepping(300));
    assert.deepEqual([when.test(yes), when.test(yes), when.test(yes)], [true, true, true]);
    assert.equal(errorOf(when, yes), 'takes more than 250 ms; not evaluated until it is edited');
  });

  it('forgives slow evaluations that do not follow each other', async () => {
    // Two looks for each evaluation: two slow ones, then a quick one.
    const when = await compiled('object.spec.a', stepping(0, 300, 0, 300, 0, 1));
    for (let i = 0; i < 9; i++) assert.equal(when.test(yes), true);
  });
});
