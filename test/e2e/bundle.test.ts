/** dist/statewire.cjs alone in an empty folder: all that a person gets, and all that the image holds. */
import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { applyCrds, applyYaml, sharedLocalCluster, testNamespace } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { startForwarder } from '../support/forwarder-process.ts';
import { startFunction } from '../support/function-host.ts';
import { type Ended, runNode } from '../support/run-program.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';

const NAME = 'statewire.cjs';

let folder: TemporaryFolder;
before(async () => {
  folder = await temporaryFolder();
  // `npm run build` writes it, and `npm test` builds first.
  copyFileSync(path.join('dist', NAME), path.join(folder.path, NAME));
});
after(() => folder[Symbol.asyncDispose]());

/** The bundle, with nothing of the caller's settings. */
function statewire(...args: string[]): Promise<Ended> {
  return runNode([NAME, ...args], { cwd: folder.path, env: {} });
}

describe('statewire in an empty folder', () => {
  it('tells its commands', async () => {
    const { code, stdout, stderr } = await statewire('--help');
    assert.deepEqual([code, stderr], [0, '']);
    for (const command of ['forwarder', 'demo', 'new', 'dev', 'types', 'cluster']) {
      assert.match(stdout, new RegExp(`^  statewire ${command} `, 'm'));
    }
  });

  it('tells its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    assert.deepEqual(await statewire('--version'), { code: 0, stdout: `${version}\n`, stderr: '' });
  });

  for (const command of ['forwarder', 'demo', 'dev', 'types', 'cluster']) {
    it(`tells the options of ${command}`, async () => {
      const { code, stdout, stderr } = await statewire(command, '--help');
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /--kubeconfig FILE/);
    });
  }

  for (const { reason, args, line } of [
    { reason: 'no command', args: [], line: /^Usage: statewire <command>/ },
    { reason: 'an unknown command', args: ['frobnicate'], line: /^statewire: unknown command "frobnicate"/ },
    { reason: 'an unknown flag', args: ['forwarder', '--frob'], line: /--frob: unknown option/ },
    {
      reason: 'a flag without value',
      args: ['forwarder', '--namespace'],
      line: /--namespace: needs a value/,
    },
    {
      reason: 'a bad duration',
      args: ['forwarder', '--namespace=a', '--grace-period=soon'],
      line: /--grace-period: "soon" is no duration/,
    },
    {
      reason: 'no limit at all',
      args: ['forwarder'],
      line: /--identity: forwarder requires --namespace or --triggers/,
    },
    {
      reason: 'no API server',
      args: ['forwarder', '--namespace=a'],
      line: /kubeconfig: no API server is known/,
    },
    {
      reason: 'a kubeconfig that is not there',
      args: ['forwarder', '--namespace=a', '--kubeconfig=gone.yaml'],
      line: /gone\.yaml/,
    },
    { reason: 'an unknown flag of the demo', args: ['demo', '--frob'], line: /--frob/ },
    {
      reason: 'an unknown step of the cluster',
      args: ['cluster', 'sideways'],
      line: /usage: statewire cluster/,
    },
  ]) {
    it(`ends with 2 and says so in one line: ${reason}`, async () => {
      const { code, stdout, stderr } = await statewire(...args);
      assert.deepEqual([code, stdout], [2, ''], stderr);
      assert.match(stderr, line);
      if (args.length > 0) assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    });
  }

  it('ends the demo with 1 and says what is missing', async () => {
    const { code, stdout } = await statewire('demo');
    assert.equal(code, 1);
    assert.match(stdout, /serverless\.yml is not here: run npm install && npm start in a checkout/);
  });

  it(
    'forwards events, and ends with 0 when it is told to, long before its grace period',
    { timeout: 60_000 },
    async (t) => {
      const { kubeconfigPath } = await sharedLocalCluster();
      const namespace = await testNamespace(t);
      await applyCrds();
      const host = await startFunction(t);
      const forwarder = await startForwarder(t, {
        kubeconfigPath,
        namespaces: [namespace],
        args: ['--grace-period', '10m'],
        entry: NAME,
        cwd: folder.path,
      });
      const trigger = {
        apiVersion: 'statewire.dev/v1alpha1',
        kind: 'FunctionTrigger',
        metadata: { name: 'settings', namespace },
        spec: {
          watch: { apiVersion: 'v1', kind: 'ConfigMap', labelSelector: { matchLabels: { watched: 'true' } } },
          when: 'object.data.size != ""',
          target: { http: { url: host.url } },
        },
      };
      const settings = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'settings', namespace, labels: { watched: 'true' } },
        data: { size: '1' },
      };
      await applyYaml([trigger, settings].map((one) => JSON.stringify(one)).join('\n---\n'));
      const [call] = await eventually('the event is delivered', () => host.calls.length > 0 && host.calls);
      assert.deepEqual([call?.type, call?.key], ['created', `${namespace}/settings`]);
      assert.equal(await forwarder.stop('SIGTERM'), 0);
      assert.deepEqual(forwarder.other, []);
      assert.deepEqual(readdirSync(folder.path), [NAME]);
    },
  );
});
