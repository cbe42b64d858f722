/** The function itself and its test, as texts. */

export interface FunctionNames {
  readonly kind: string;
  /** What the function is called. */
  readonly fn: string;
  /** Its host, as the test kit calls it. */
  readonly host: string;
}

/** Of the CRD that a project starts with. */
export function starterFunction({ kind, fn }: FunctionNames): string {
  return `import {
  defineFunction,
  done,
  type ContextOf,
  type Manifest,
  type ResultCondition,
  type StatewireFunction,
} from '@statewire/functions';
import { ${kind}, type ${kind}Spec } from './resource.ts';

export const ${fn}: StatewireFunction = defineFunction(${kind}, {
  created: reconcile,
  updated: reconcile,
  // What was applied has the ${kind} as its owner: Kubernetes deletes it.
  deleted: () => done(),
});

/** One step: what should exist, and what is to be told. It may run again at any time, and comes to the same answer. */
function reconcile({ object }: ContextOf<typeof ${kind}>) {
  const text = textOf(object.spec);
  const message = \`the ConfigMap has \${text.length} characters\`;
  const ready: ResultCondition = { type: 'Ready', status: 'True', reason: 'Published', message };
  return done({
    apply: [configMap(object.metadata.name, text)],
    status: { characters: text.length },
    conditions: [ready],
  });
}

function textOf({ message, copies }: ${kind}Spec): string {
  return Array<string>(copies).fill(message).join('\\n');
}

function configMap(name: string, text: string): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { message: text } };
}
`;
}

export function starterTest({ kind, fn, host }: FunctionNames): string {
  return `${testHead(fn, host)}
describe('a ${kind}', () => {
  it('gets a ConfigMap with its message', async () => {
    const { result } = await created(sample('good'));
    assert.deepEqual(
      result.apply?.map((one) => [one.kind, one.metadata.name, one['data']]),
      [['ConfigMap', 'good', { message: 'Hello\\nHello' }]],
    );
  });

  it('is ready, and says what it published', async () => {
    const { result } = await updated(sample('good'));
    assert.deepEqual(result.status, { characters: 11 });
    assert.deepEqual(
      result.conditions?.map(({ type, status }) => [type, status]),
      [['Ready', 'True']],
    );
  });

${commonTests()}});
`;
}

/** Of a CRD that was given: it does nothing yet. */
export function givenFunction({ kind, fn }: FunctionNames, hasConditions: boolean): string {
  const condition = hasConditions
    ? `  const ready: ResultCondition = { type: 'Ready', status: 'True', reason: 'Reconciled', message: 'nothing to do yet' };
  return done({ conditions: [ready] });
`
    : `  return done();
`;
  const imports = [
    'defineFunction',
    'done',
    'type ContextOf',
    ...(hasConditions ? ['type ResultCondition'] : []),
  ];
  return `import { ${[...imports, 'type StatewireFunction'].join(', ')} } from '@statewire/functions';
import { ${kind} } from './resource.ts';

export const ${fn}: StatewireFunction = defineFunction(${kind}, {
  created: reconcile,
  updated: reconcile,
  deleted: () => done(),
});

/** One step: what should exist, and what is to be told. It may run again at any time, and comes to the same answer. */
function reconcile({ object, log }: ContextOf<typeof ${kind}>) {
  log.info('reconciled', { generation: object.metadata.generation });
${condition}}
`;
}

export function givenTest({ kind, fn, host }: FunctionNames, hasBad: boolean): string {
  return `${testHead(fn, host).replace('updated, ', '')}
describe('a ${kind}', () => {
  it('is taken as samples/good.yaml has it', async () => {
    const { result } = await created(sample('good'));
    assert.equal(result.error, undefined);
  });

${commonTests(hasBad)}});
`;
}

function testHead(fn: string, host: string): string {
  return `import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { testFunction, type TestObject } from '@statewire/functions/testing';
import { load } from 'js-yaml';
import { ${fn} } from './function.ts';

const { created, updated, deleted } = testFunction(${fn}, { host: '${host}' });

function sample(name: string): TestObject {
  return load(readFileSync(new URL(\`samples/\${name}.yaml\`, import.meta.url), 'utf8')) as TestObject;
}
`;
}

function commonTests(hasBad = true): string {
  const bad = `  it('is refused for good where its spec has the wrong shape', async () => {
    const { result } = await created(sample('bad'));
    assert.equal(result.error?.retryable, false);
  });

`;
  return `${hasBad ? bad : ''}  it('goes without objection', async () => {
    const { result } = await deleted(sample('good'));
    assert.equal(result.error, undefined);
  });
`;
}
