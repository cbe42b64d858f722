import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTriggerFile } from '../../../forwarder/config/trigger-file.ts';

const trigger = (name: string, namespace?: string): string =>
  JSON.stringify({
    apiVersion: 'statewire.dev/v1alpha1',
    kind: 'FunctionTrigger',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    spec: { suspend: true },
  });

const names = (text: string): unknown[] =>
  parseTriggerFile(text, 'f.yaml').triggers.map((one) => {
    const { namespace, name } = one['metadata'] as { namespace: string; name: string };
    return `${namespace}/${name}`;
  });

/** Metadata of the only trigger in a file. */
function metadataOf(text: string, defaultNamespace?: string): Readonly<Record<string, unknown>> {
  const { triggers } = parseTriggerFile(text, 'f', defaultNamespace);
  assert.equal(triggers.length, 1);
  return triggers[0]?.['metadata'] as Readonly<Record<string, unknown>>;
}

describe('parseTriggerFile', () => {
  it('reads several documents and skips empty ones', () => {
    assert.deepEqual(names(`---\n${trigger('a')}\n---\n# nothing\n---\n${trigger('b', 'shop')}\n`), [
      'default/a',
      'shop/b',
    ]);
  });

  it('reads JSON', () => assert.deepEqual(names(trigger('a', 'shop')), ['shop/a']));

  it('reads a List', () => {
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [JSON.parse(trigger('a', 'b'))] });
    assert.deepEqual(names(list), ['b/a']);
  });

  it('takes the default namespace that it is given', () => {
    assert.equal(metadataOf(trigger('a'), 'shop')['namespace'], 'shop');
  });

  it('derives the same uid each time, and another one for another trigger', () => {
    const uid = (text: string): unknown => metadataOf(text)['uid'];
    assert.equal(uid(trigger('a', 'b')), uid(trigger('a', 'b')));
    assert.notEqual(uid(trigger('a', 'b')), uid(trigger('a', 'c')));
    assert.match(String(uid(trigger('a', 'b'))), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  it('keeps timestamps and words like on and yes as texts', () => {
    const text = `{apiVersion: statewire.dev/v1alpha1, kind: FunctionTrigger, metadata: {name: a, annotations: {x: 2026-11-21, y: on}}}`;
    assert.deepEqual(metadataOf(text)['annotations'], { x: '2026-11-21', y: 'on' });
  });

  const bad: readonly { readonly reason: string; readonly text: string; readonly message: string }[] = [
    { reason: 'a syntax error', text: 'a: [', message: 'f.yaml: ' },
    {
      reason: 'another kind',
      text: '{apiVersion: v1, kind: Pod}',
      message: 'f.yaml[0]: apiVersion statewire.dev/v1alpha1 and kind FunctionTrigger are expected',
    },
    {
      reason: 'another version',
      text: trigger('a').replace('v1alpha1', 'v9'),
      message: 'f.yaml[0]: apiVersion',
    },
    {
      reason: 'a cluster trigger',
      text: trigger('a').replace('FunctionTrigger', 'ClusterFunctionTrigger'),
      message: 'f.yaml[0]: ClusterFunctionTrigger is not supported yet',
    },
    { reason: 'a text', text: 'hello', message: 'f.yaml[0]: apiVersion' },
    {
      reason: 'no name',
      text: '{apiVersion: statewire.dev/v1alpha1, kind: FunctionTrigger}',
      message: 'f.yaml[0]: metadata.name is required',
    },
    {
      reason: 'a trigger twice',
      text: `${trigger('a')}\n---\n${trigger('a', 'default')}`,
      message: 'f.yaml[1]: trigger default/a stands there twice',
    },
  ];
  for (const { reason, text, message } of bad) {
    it(`tells of ${reason} in one line`, () => {
      const { problems } = parseTriggerFile(text, 'f.yaml');
      assert.equal(problems.length, 1);
      assert.ok(problems[0]?.message.startsWith(message), problems[0]?.message);
      assert.ok(problems[0]?.message.includes('\n') === false);
    });
  }

  it('keeps the good documents beside a bad one', () => {
    const { triggers, problems } = parseTriggerFile(`kind: Pod\n---\n${trigger('a')}`, 'f');
    assert.deepEqual([triggers.length, problems.length], [1, 1]);
  });
});
