/**
 * `npm test`: the proof. Builds what the tests run, then every test file: the quick ones in one process, those that
 * start servers or use a control plane one file a process, with one control plane for all of them.
 *
 * `node scripts/test.ts FILE…` runs just those files, each in a process of its own.
 */
import { globSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { renderProgress } from '../local-cluster/render-progress.ts';
import { startLocalCluster } from '../local-cluster/start.ts';

const QUICK = ['test/*.test.ts', 'test/unit/**/*.test.ts'];
const SLOW = [
  'test/contract/**/*.test.ts',
  'functions/**/*.test.ts',
  'test/integration/**/*.test.ts',
  'test/faults/**/*.test.ts',
  'test/exhaustive/**/*.test.ts',
  'test/simulation/**/*.test.ts',
  'test/museum/**/*.test.ts',
  'test/e2e/**/*.test.ts',
];

/** Runs node with the given arguments and ends this process when it fails. */
function node(...args: string[]): void {
  const { status, signal } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(signal === null ? (status ?? 1) : 1);
}

const asked = process.argv.slice(2);
if (asked.length > 0) {
  node('--test', '--test-concurrency=1', ...asked);
} else {
  const files = (patterns: string[]): string[] =>
    globSync(patterns, { exclude: (name) => name.includes('node_modules') }).toSorted();
  node('scripts/build.ts');
  node('--test', '--test-isolation=none', ...files(QUICK));
  const slow = files(SLOW);
  if (slow.length > 0) {
    // One control plane for all files (test/support/cluster.ts); it goes when this process ends, however that is.
    const cluster = await startLocalCluster({ onProgress: renderProgress(process.stderr) });
    process.env['STATEWIRE_TEST_KUBECONFIG'] = cluster.kubeconfigPath;
    node('--test', '--test-concurrency=2', ...slow);
    await cluster.stop();
  }
}
