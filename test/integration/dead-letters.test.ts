/** Dead letters on a real API server: what becomes one, what it says, how it is replayed, and when it goes. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { deadLetterName } from '../../forwarder/dead-letter/dead-letter.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { triggerLabelValue } from '../../forwarder/model/trigger.ts';
import { eventually, quietFor } from '../support/eventually.ts';
import { startForwarder } from '../support/forwarder-process.ts';
import { type Ended, runNode } from '../support/run-program.ts';
import { result, type Scene, type SceneOptions, type Stage, useStage } from '../support/stage.ts';

type DeadLetter = KubeObject & {
  readonly spec: {
    readonly trigger: string;
    readonly object: { readonly name: string; readonly uid: string };
  };
  readonly status?: {
    readonly attempts: number;
    readonly error: { readonly code: string; readonly message: string };
    readonly firstFailedAt: string;
    readonly lastFailedAt: string;
  };
};

const BAD = result({ error: { message: 'bad spec', retryable: false } });

function path({ bench }: Stage, name = ''): string {
  return `/apis/statewire.dev/v1alpha1/namespaces/${bench.namespace}/deadletters${name === '' ? '' : `/${name}`}`;
}

/** The letters of a trigger. */
async function letters({ stage, name }: Scene): Promise<DeadLetter[]> {
  const { items } = await stage.api.call<{ readonly items: readonly DeadLetter[] }>('GET', path(stage));
  return items.filter(({ spec }) => spec.trigger === `${stage.bench.namespace}/${name}`);
}

/** The letter of a widget, once its status is written. */
function letterOf(scene: Scene, widget: string): Promise<DeadLetter> {
  return eventually(`a letter for ${widget}`, async () =>
    (await letters(scene)).find(({ spec, status }) => spec.object.name === widget && status !== undefined),
  );
}

async function gone(scene: Scene): Promise<void> {
  await eventually('no letter', async () => (await letters(scene)).length === 0);
}

async function annotate(stage: Stage, name: string, value = 'now'): Promise<void> {
  await stage.api.call('PATCH', path(stage, name), {
    metadata: { annotations: { 'statewire.dev/replay': value } },
  });
}

/** A trigger whose function refuses everything, and one widget that was given up. */
async function failed(
  t: TestContext,
  stage: Stage,
  options: SceneOptions = {},
): Promise<{ readonly scene: Scene; readonly letter: DeadLetter }> {
  const scene = await stage.scene(t, { answer: () => BAD, ...options });
  await stage.create('one');
  return { scene, letter: await letterOf(scene, 'one') };
}

describe('A dead letter', () => {
  const stage = useStage();

  it('says everything about a permanent failure', async (t) => {
    const { scene, letter } = await failed(t, stage);
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
    const { letter } = await failed(t, stage);
    const patch = { spec: { object: { name: 'two' } } };
    const { status, text } = await stage.api.send('PATCH', path(stage, letter.metadata.name), patch);
    assert.equal(status, 422);
    assert.match(text, /spec is immutable/);
  });

  it('is written when the attempts are used up', async (t) => {
    const { scene, letter } = await failed(t, stage, {
      answer: () => ({ status: 500 }),
      spec: { delivery: { maxAttempts: 2, backoff: { initial: '50ms', max: '100ms' } } },
    });
    assert.deepEqual([letter.status?.attempts, letter.status?.error.code], [2, 'TARGET_FAILED']);
    assert.equal(scene.of('one').length, 2);
  });

  it('is replayed by an annotation, which is taken, and goes with the success', async (t) => {
    const { scene, letter } = await failed(t, stage);
    scene.host.answer = () => result({ error: { message: 'no better', retryable: false } });
    await annotate(stage, letter.metadata.name);
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
    await annotate(stage, letter.metadata.name, 'again');
    await gone(scene);
    assert.deepEqual(
      scene.of('one').map(({ data }) => data.reason),
      ['Watch', 'Replay', 'Replay'],
    );
    assert.equal(new Set(scene.of('one').map(({ id }) => id)).size, 3);
  });

  it('goes when a newer state is handled', async (t) => {
    const { scene } = await failed(t, stage);
    scene.host.answer = () => ({});
    await stage.merge('one', { spec: { size: 2 } });
    await gone(scene);
    assert.equal(scene.of('one').at(-1)?.data.reason, 'Watch');
  });

  it('goes when the object is gone, whether its end is to be told or not', async (t) => {
    const { scene } = await failed(t, stage, { answer: ({ type }) => (type === 'deleted' ? {} : BAD) });
    await stage.remove('one');
    await gone(scene);
    const silent = await failed(t, stage, { spec: { eventTypes: ['Created'] } });
    await stage.remove('one');
    await gone(silent.scene);
    assert.deepEqual(silent.scene.types('one'), ['created']);
  });

  it('goes with its trigger', async (t) => {
    const { scene } = await failed(t, stage);
    await stage.api.call('DELETE', stage.triggerPath(scene.name));
    await gone(scene);
  });

  it('may be deleted by hand, which leaves the object as it is until it fails again', async (t) => {
    const { scene, letter } = await failed(t, stage);
    await stage.api.call('DELETE', path(stage, letter.metadata.name));
    await quietFor(300);
    assert.deepEqual([(await letters(scene)).length, scene.of('one').length], [0, 1]);
    await stage.merge('one', { spec: { size: 2 } });
    assert.notEqual((await letterOf(scene, 'one')).metadata.uid, letter.metadata.uid);
  });

  it('is not made by a function that is not there, nor by one that cannot be reached', async (t) => {
    const missing = await stage.scene(t, { answer: () => ({ status: 404 }) });
    for (const name of ['one', 'two', 'three']) await stage.create(name);
    await missing.becomes('TargetReachable', 'False');
    await gone(missing);
    const away = await stage.scene(t, { url: 'http://127.0.0.1:9/' });
    await away.becomes('TargetReachable', 'False');
    await quietFor(300);
    assert.deepEqual(await letters(away), []);
  });
});

describe('statewire replay', () => {
  const stage = useStage();

  function replay(...args: string[]): Promise<Ended> {
    const { cluster, namespace } = stage.bench;
    const where = ['-n', namespace, '--kubeconfig', cluster.kubeconfigPath];
    return runNode(['cli/main.ts', 'replay', ...args, ...where]);
  }

  async function two(t: TestContext): Promise<Scene> {
    const { scene } = await failed(t, stage);
    await stage.create('two');
    await letterOf(scene, 'two');
    return scene;
  }

  it('sends the named letters again, and says which', async (t) => {
    const scene = await two(t);
    scene.host.answer = () => ({});
    const { metadata } = await letterOf(scene, 'one');
    const { code, stdout, stderr } = await replay(metadata.name);
    const { namespace } = stage.bench;
    assert.deepEqual(
      { code, stdout, stderr },
      {
        code: 0,
        stdout: `${metadata.name}: Widget ${namespace}/one is sent again by trigger ${namespace}/${scene.name}\n`,
        stderr: '',
      },
    );
    await eventually('one letter is left', async () => (await letters(scene)).length === 1);
    assert.equal(scene.of('one').at(-1)?.data.reason, 'Replay');
    assert.equal(scene.of('two').length, 1);
  });

  it('sends all of a trigger, or all there are', async (t) => {
    const one = await two(t);
    const other = await stage.scene(t, { answer: () => BAD });
    await letterOf(other, 'two');
    one.host.answer = () => ({});
    const some = await replay('--trigger', one.name);
    assert.deepEqual([some.code, some.stdout.match(/ is sent again /g)?.length], [0, 2]);
    await gone(one);
    assert.equal(other.of('one').length, 1);
    other.host.answer = () => ({});
    assert.equal((await replay('--all')).code, 0);
    await gone(other);
    const none = await replay('--all');
    assert.deepEqual(
      [none.code, none.stdout],
      [0, `no dead letters in namespace "${stage.bench.namespace}"\n`],
    );
  });

  it('ends with 1 for an unknown name, in one line, and still sends the others', async (t) => {
    const scene = await two(t);
    scene.host.answer = () => ({});
    const { metadata } = await letterOf(scene, 'two');
    const { code, stderr } = await replay('nothing', metadata.name);
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `statewire replay: no dead letter "nothing" in namespace "${stage.bench.namespace}"\n`,
    );
    await eventually('it was sent', () => scene.of('two').length === 2);
  });

  it('ends with 2 where it is not said which, or said twice', async () => {
    for (const args of [[], ['--all', '--trigger', 'x'], ['one', '--all'], ['--every']]) {
      const { code, stderr } = await replay(...args);
      assert.equal(code, 2);
      assert.match(stderr, /^statewire replay: [^\n]+\n$/);
    }
  });
});

describe('After a restart', () => {
  const stage = useStage();

  it('what was given up is still counted, and sent when it is replayed, not before', async (t) => {
    const { scene, letter } = await failed(t, stage);
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
    await annotate(stage, letter.metadata.name);
    await gone(scene);
    assert.deepEqual(
      scene.of('one').map(({ data }) => data.reason),
      ['Watch', 'Replay'],
    );
  });
});

describe('After a restart in which the world moved on', () => {
  const stage = useStage();

  it('what was edited or deleted has no letter any more', async (t) => {
    const { scene } = await failed(t, stage);
    await stage.create('two');
    await letterOf(scene, 'two');
    const { forwarder, cluster, namespace } = stage.bench;
    assert.equal(await forwarder.stop(), 0);
    scene.host.answer = () => ({});
    await stage.merge('one', { spec: { size: 2 } });
    await stage.remove('two');
    const { kubeconfigPath } = cluster;
    await startForwarder(t, { kubeconfigPath, namespaces: [namespace] });
    await gone(scene);
    assert.deepEqual(scene.types('one'), ['created', 'created']);
    assert.deepEqual(scene.types('two'), ['created', 'deleted']);
  });
});
