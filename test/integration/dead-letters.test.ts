/** Dead letters on a real API server: what becomes one, what it says, how it is replayed, and when it goes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deadLetterName } from '../../forwarder/dead-letter/dead-letter.ts';
import { triggerLabelValue } from '../../forwarder/model/trigger.ts';
import { eventually, quietFor } from '../support/eventually.ts';
import { startForwarder } from '../support/forwarder-process.ts';
import { result, useStage } from '../support/stage.ts';
import {
  askReplay,
  givenUp,
  letterOf,
  letterPath,
  letters,
  lettersGone,
  REFUSAL,
} from '../support/dead-letters.ts';

describe('A dead letter', () => {
  const stage = useStage();

  it('says everything about a permanent failure', async (t) => {
    const { scene, letter } = await givenUp(t, stage);
    const { namespace, group } = stage.bench;
    const widget = await stage.read('one');
    const { metadata } = await stage.trigger(scene.name);
    assert.equal(letter.metadata.name, deadLetterName(metadata, widget.metadata.uid));
    assert.deepEqual(letter.metadata.labels, {
      'statewire.dev/trigger': triggerLabelValue({ namespace, name: scene.name }),
      'statewire.dev/trigger-name': scene.name,
      'statewire.dev/kind': 'Widget',
    });
    assert.deepEqual(
      letter.metadata.ownerReferences?.map(({ kind, uid }) => [kind, uid]),
      [['FunctionTrigger', metadata.uid]],
    );
    assert.deepEqual(letter.spec, {
      trigger: `${namespace}/${scene.name}`,
      object: { apiVersion: `${group}/v1`, kind: 'Widget', namespace, name: 'one', uid: widget.metadata.uid },
    });
    const { firstFailedAt, lastFailedAt, ...status } = letter.status ?? assert.fail();
    assert.deepEqual(status, {
      eventType: 'Created',
      resourceVersion: widget.metadata.resourceVersion,
      attempts: 1,
      error: { code: 'FUNCTION_ERROR', message: 'bad spec' },
    });
    assert.ok(Date.parse(firstFailedAt) <= Date.parse(lastFailedAt));
    await eventually('it is counted', async () => (await scene.metric('statewire_dead_letters')) === 1);
    const table = await stage.bench.cluster.kubectl(['-n', namespace, 'get', 'dl', letter.metadata.name]);
    assert.match(table, /^NAME +TRIGGER +KIND +OBJECT +CODE +ATTEMPTS +LAST FAILED +AGE\n/);
    assert.match(table, /Widget +one +FUNCTION_ERROR +1 +\d+s/);
  });

  it('has a spec that nobody changes', async (t) => {
    const { letter } = await givenUp(t, stage);
    const patch = { spec: { object: { name: 'two' } } };
    const { status, text } = await stage.api.send('PATCH', letterPath(stage, letter.metadata.name), patch);
    assert.equal(status, 422);
    assert.match(text, /spec is immutable/);
  });

  it('is written when the attempts are used up', async (t) => {
    const { scene, letter } = await givenUp(t, stage, {
      answer: () => ({ status: 500 }),
      spec: { delivery: { maxAttempts: 2, backoff: { initial: '50ms', max: '100ms' } } },
    });
    assert.deepEqual([letter.status?.attempts, letter.status?.error.code], [2, 'TARGET_FAILED']);
    assert.equal(scene.of('one').length, 2);
  });

  it('is replayed by an annotation, which is taken, and goes with the success', async (t) => {
    const { scene, letter } = await givenUp(t, stage);
    scene.host.answer = () => result({ error: { message: 'no better', retryable: false } });
    await askReplay(stage, letter.metadata.name);
    const failing = await eventually('the second failure', async () => {
      const now = await letterOf(scene, 'one');
      return now.status?.error.message === 'no better' ? now : undefined;
    });
    assert.equal(failing.metadata.uid, letter.metadata.uid);
    await eventually('the annotation is taken', async () => {
      const { metadata } = await letterOf(scene, 'one');
      return metadata.annotations === undefined;
    });

    scene.host.answer = () => ({});
    await askReplay(stage, letter.metadata.name, 'again');
    await lettersGone(scene);
    assert.deepEqual(
      scene.of('one').map(({ data }) => data.reason),
      ['Watch', 'Replay', 'Replay'],
    );
    assert.equal(new Set(scene.of('one').map(({ id }) => id)).size, 3);
  });

  it('goes when a newer state is handled', async (t) => {
    const { scene } = await givenUp(t, stage);
    scene.host.answer = () => ({});
    await stage.merge('one', { spec: { size: 2 } });
    await lettersGone(scene);
    assert.equal(scene.of('one').at(-1)?.data.reason, 'Watch');
  });

  it('goes when the object is gone, whether its end is to be told or not', async (t) => {
    const { scene } = await givenUp(t, stage, { answer: ({ type }) => (type === 'deleted' ? {} : REFUSAL) });
    await stage.remove('one');
    await lettersGone(scene);
    const silent = await givenUp(t, stage, { spec: { eventTypes: ['Created'] } });
    await stage.remove('one');
    await lettersGone(silent.scene);
    assert.deepEqual(silent.scene.types('one'), ['created']);
  });

  it('goes with its trigger', async (t) => {
    const { scene } = await givenUp(t, stage);
    await stage.api.call('DELETE', stage.triggerPath(scene.name));
    await lettersGone(scene);
  });

  it('may be deleted by hand, which leaves the object as it is until it fails again', async (t) => {
    const { scene, letter } = await givenUp(t, stage);
    await stage.api.call('DELETE', letterPath(stage, letter.metadata.name));
    await quietFor(300);
    assert.deepEqual([(await letters(scene)).length, scene.of('one').length], [0, 1]);
    await stage.merge('one', { spec: { size: 2 } });
    assert.notEqual((await letterOf(scene, 'one')).metadata.uid, letter.metadata.uid);
  });

  it('is not made by a function that is not there, nor by one that cannot be reached', async (t) => {
    const missing = await stage.scene(t, { answer: () => ({ status: 404 }) });
    for (const name of ['one', 'two', 'three']) await stage.create(name);
    await missing.becomes('TargetReachable', 'False');
    await lettersGone(missing);
    const away = await stage.scene(t, { url: 'http://127.0.0.1:9/' });
    await away.becomes('TargetReachable', 'False');
    await quietFor(300);
    assert.deepEqual(await letters(away), []);
  });
});

describe('After a restart', () => {
  const stage = useStage();

  it('what was given up is still counted, and sent when it is replayed, not before', async (t) => {
    const { scene, letter } = await givenUp(t, stage);
    const { forwarder, cluster, namespace } = stage.bench;
    await eventually('it is counted', async () => (await scene.metric('statewire_dead_letters')) === 1);
    assert.equal(await forwarder.stop(), 0);

    const { kubeconfigPath } = cluster;
    const next = await startForwarder(t, { kubeconfigPath, namespaces: [namespace] });
    await eventually('it is counted again', async () => (await next.metric('statewire_dead_letters')) === 1);
    await quietFor(500);
    assert.equal(scene.of('one').length, 1);
    assert.equal((await letterOf(scene, 'one')).metadata.uid, letter.metadata.uid);

    scene.host.answer = () => ({});
    await askReplay(stage, letter.metadata.name);
    await lettersGone(scene);
    assert.deepEqual(
      scene.of('one').map(({ data }) => data.reason),
      ['Watch', 'Replay'],
    );
  });
});

describe('After a restart in which the world moved on', () => {
  const stage = useStage();

  it('what was edited or deleted has no letter any more', async (t) => {
    const { scene } = await givenUp(t, stage);
    await stage.create('two');
    await letterOf(scene, 'two');
    const { forwarder, cluster, namespace } = stage.bench;
    assert.equal(await forwarder.stop(), 0);
    scene.host.answer = () => ({});
    await stage.merge('one', { spec: { size: 2 } });
    await stage.remove('two');
    const { kubeconfigPath } = cluster;
    await startForwarder(t, { kubeconfigPath, namespaces: [namespace] });
    await lettersGone(scene);
    assert.deepEqual(scene.types('one'), ['created', 'created']);
    assert.deepEqual(scene.types('two'), ['created', 'deleted']);
  });
});
