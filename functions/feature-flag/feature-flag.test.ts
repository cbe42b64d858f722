/** FeatureFlag: a real forwarder with `--triggers FILE` beside a real application, as in one pod. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { TestProcess } from '../../test/support/child-process.ts';
import { applyYaml, sharedLocalCluster, testNamespace } from '../../test/support/cluster.ts';
import { eventually } from '../../test/support/eventually.ts';
import { Actions, Example } from '../../test/support/example.ts';
import { type ForwarderProcess, startForwarder } from '../../test/support/forwarder-process.ts';
import { connectApi } from '../../test/support/kube-api.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';

const KIND = 'featureflags.flags.example.com';

describe('FeatureFlag', { timeout: 240_000 }, () => {
  const actions = new Actions();
  let example: Example;
  let app: TestProcess;
  let forwarder: ForwarderProcess;
  let port: string;
  let folder: string;
  let flags: string;

  /** The trigger of this folder, at the paths and the port of this test. */
  const writeTriggers = (tell: 'notify' | 'signal'): void => {
    const text = example
      .file('triggers.yaml')
      .replace('/var/run/flags', flags)
      .replace(
        'notify: { url: http://127.0.0.1:8080/reload }',
        tell === 'notify'
          ? `notify: { url: http://127.0.0.1:${port}/reload }`
          : `signal: { pidFile: ${folder}/app.pid }`,
      );
    writeFileSync(`${folder}/triggers.yaml`, text);
  };
  const isOn = async (user: string, name = 'new-checkout'): Promise<boolean> => {
    const response = await fetch(`http://127.0.0.1:${port}/flags/${name}?user=${user}`);
    return ((await response.json()) as { on: boolean }).on;
  };

  before(async () => {
    const cluster = await sharedLocalCluster();
    await applyYaml(readFileSync('functions/feature-flag/crd.yaml', 'utf8'), undefined, cluster);
    const namespace = await testNamespace(actions, cluster);
    example = new Example(cluster, connectApi(actions, cluster), namespace, {
      folder: 'feature-flag',
      functions: {},
    });
    const temporary = await temporaryFolder();
    actions.after(async () => await temporary[Symbol.asyncDispose]());
    folder = temporary.path;
    flags = `${folder}/flags`;
    await mkdir(flags);
    app = new TestProcess(process.execPath, [path.join(import.meta.dirname, 'app.ts')], {
      env: { ...process.env, FLAGS_FOLDER: flags, PID_FILE: `${folder}/app.pid`, PORT: '0' },
    });
    actions.after(async () => await app[Symbol.asyncDispose]());
    await app.printed('listening on ');
    port = /listening on (\d+)/.exec(app.output)?.[1] ?? '';
    writeTriggers('notify');
    forwarder = await startForwarder(actions, {
      kubeconfigPath: cluster.kubeconfigPath,
      namespaces: [namespace],
      args: ['--triggers', `${folder}/triggers.yaml`, '--checkpoint', 'memory'],
    });
  });
  after(() => actions.run());

  it('is on in the application for whom it names', async () => {
    assert.equal(await isOn('ada'), false);
    await example.sample('new-checkout');
    await eventually('on for ada', () => isOn('ada'));
    assert.equal(await isOn('bob'), false);
    assert.match(app.output, /reloaded by a call/);
    assert.match(await example.kubectl('get', KIND), /^new-checkout +true +0 +shop-team/m);
  });

  it('is on for everybody after an edit', async () => {
    await example.merge(KIND, 'new-checkout', { spec: { percent: 100 } });
    await eventually('on for bob', () => isOn('bob'));
  });

  it('reloads by a signal, once the file of triggers says so', async () => {
    writeTriggers('signal');
    await eventually('a reload by a signal', async () => {
      const percent = (await example.get(KIND, 'new-checkout')).spec['percent'] === 0 ? 100 : 0;
      await example.merge(KIND, 'new-checkout', { spec: { percent } });
      return app.output.includes('reloaded by a signal');
    });
    await example.merge(KIND, 'new-checkout', { spec: { percent: 0 } });
    await eventually('off for bob', async () => !(await isOn('bob')));
    assert.equal(await isOn('ada'), true);
  });

  it('goes on where somebody puts something else into the folder', async () => {
    for (const text of ['no JSON', 'null', '{}']) {
      writeFileSync(`${flags}/stranger.json`, text);
      const response = await fetch(`http://127.0.0.1:${port}/reload`, { method: 'POST' });
      assert.equal(response.status, 204);
      assert.equal(await isOn('ada', 'stranger'), false);
    }
    assert.match(app.output, /stranger\.json is no flag/);
    assert.equal(await isOn('ada'), true);
    rmSync(`${flags}/stranger.json`);
  });

  it('reaches the application once its file can be written again', async () => {
    // Something else stands where the file should.
    await mkdir(`${flags}/dark-mode.json`);
    await example.apply(
      example
        .file('samples/new-checkout.yaml')
        .replace('new-checkout', 'dark-mode')
        .replace('percent: 0', 'percent: 100'),
    );
    await eventually('a failure', () => forwarder.tail(50).includes('TARGET_MISCONFIGURED'));
    await rmdir(`${flags}/dark-mode.json`);
    await eventually('on for bob', () => isOn('bob', 'dark-mode'));
  });

  it('is off, and its file gone, once it is deleted', async () => {
    await example.kubectl('delete', KIND, 'new-checkout');
    await eventually('off for ada', async () => !(await isOn('ada')));
    assert.deepEqual(readdirSync(flags), ['dark-mode.json']);
  });

  for (const [sample, message] of [
    ['bad-percent', /spec\.percent.*less than or equal to 100/],
    ['bad-users', /a flag that is not enabled has no users/],
  ] as const) {
    it(`${sample}.yaml is refused`, async () => {
      await assert.rejects(example.sample(sample), (error: Error) => message.test(error.message));
    });
  }
});
