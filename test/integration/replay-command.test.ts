/** The command `statewire replay` against a real API server and a running forwarder. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { type Ended, runNode } from '../support/run-program.ts';
import { type Scene, useStage } from '../support/stage.ts';
import { givenUp, letterOf, letters, lettersGone, REFUSAL } from '../support/dead-letters.ts';

describe('statewire replay', () => {
  const stage = useStage();

  function replay(...args: string[]): Promise<Ended> {
    const { cluster, namespace } = stage.bench;
    const where = ['-n', namespace, '--kubeconfig', cluster.kubeconfigPath];
    return runNode(['cli/main.ts', 'replay', ...args, ...where]);
  }

  async function two(t: TestContext): Promise<Scene> {
    const { scene } = await givenUp(t, stage);
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
    const other = await stage.scene(t, { answer: () => REFUSAL });
    await letterOf(other, 'two');
    one.host.answer = () => ({});
    const some = await replay('--trigger', one.name);
    assert.deepEqual([some.code, some.stdout.match(/ is sent again /g)?.length], [0, 2]);
    await lettersGone(one);
    assert.equal(other.of('one').length, 1);
    other.host.answer = () => ({});
    assert.equal((await replay('--all')).code, 0);
    await lettersGone(other);
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
