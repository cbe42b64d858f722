/** What `npm start` runs: it shows the whole thing and ends, or says which step did not happen. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { sharedLocalCluster } from '../support/cluster.ts';
import { runNode } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Two minutes are far more than it takes; they limit a hang. */
const options = { timeout: 120_000 };

describe('statewire demo', () => {
  for (const { on, args, first } of [
    { on: 'a control plane of its own', args: [], first: [/local control plane is up/] },
    {
      on: 'a simulated one, which it says',
      args: ['--simulated'],
      first: [/control plane is SIMULATED/, /the simulated API server answers/],
    },
  ]) {
    it(`tells every step up to the end, on ${on}`, options, async () => {
      const { code, stdout, stderr } = await runNode(['dist/statewire.cjs', 'demo', ...args]);
      assert.equal(code, 0, `${stdout}\n${stderr}`);
      const steps = [
        ...first,
        /Lambda host serves {2}application/,
        /the forwarder accepted it {2}Ready=True/,
        /change seen/,
        /settled {2}quiet for \d+ ms/,
        /Lambda invoked {2}success/,
        /Deployment applied {2}by statewire\/application/,
        /status patched {2}phase (?:Pending|Progressing)/,
        /Ready {2}2 of 2 replicas available/,
        /[12] invocations? for the edits/,
        /Ready {2}3 of 3 replicas available/,
        /the circuit opened {2}cannot reach lambda application/,
        /Ready, nothing lost {2}4 of 4 replicas available/,
        /Lambda invoked {2}Deleted, success/,
        /Deployment gone/,
      ];
      let rest = stdout;
      for (const step of steps) {
        const at = rest.search(step);
        assert.notEqual(at, -1, `${String(step)} is not in its place:\n${stdout}`);
        rest = rest.slice(at);
      }
      assert.ok(!stdout.includes('\u001B'), 'plain in a pipe');
    });
  }

  it('names the step that did not happen, shows the last lines, and ends with 1', options, async () => {
    await using folder = await temporaryFolder();
    const inside = (...parts: string[]): string => path.join(folder.path, ...parts);
    mkdirSync(inside('dist', 'functions'), { recursive: true });
    symlinkSync(path.resolve('node_modules'), inside('node_modules'), 'dir');
    for (const file of ['dist/statewire.cjs', 'dist/functions/application.mjs'])
      copyFileSync(file, inside(file));
    // A checkout whose Lambda host cannot start.
    writeFileSync(
      inside('serverless.yml'),
      'service: broken\nprovider: { name: aws }\nplugins: [not-there]\n',
    );
    const { kubeconfigPath, kubectl } = await sharedLocalCluster();
    const { code, stdout } = await runNode(['dist/statewire.cjs', 'demo', '--kubeconfig', kubeconfigPath], {
      cwd: folder.path,
    });
    assert.equal(code, 1, stdout);
    assert.match(stdout, /^✗ serverless offline serves the functions: ended \(1\)$/m);
    assert.match(stdout, /last lines of the Lambda host:\n(?: {4}.*\n)*? {4}.*not-there/);
    const left = await kubectl([
      'get',
      'namespace',
      'statewire-demo',
      '-o',
      'jsonpath={.status.phase}',
    ]).catch(() => '');
    assert.ok(left !== 'Active', 'what the demo made in a cluster that was named is removed');
  });
});
