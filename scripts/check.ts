/** `npm run check`: everything fast, in the order in which a mistake is cheapest to read. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';

const bin = (name: string): string => path.join('node_modules', '.bin', name);
const unit = globSync(['test/*.test.ts', 'test/unit/**/*.test.ts']).toSorted();

const STEPS: readonly (readonly [name: string, command: string, args: readonly string[]])[] = [
  ['format', bin('oxfmt'), ['--check']],
  ['types', bin('tsc'), ['-p', 'tsconfig.json']],
  ['lint', bin('oxlint'), ['--type-aware', '--quiet']],
  ['dead code', bin('knip'), []],
  [
    'unit, architecture, docs',
    process.execPath,
    ['--test', '--test-isolation=none', '--test-reporter=dot', ...unit],
  ],
];

for (const [name, command, args] of STEPS) {
  const started = performance.now();
  const { status } = spawnSync(command, [...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  console.log(
    `${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`,
  );
  if (status !== 0) process.exit(1);
}
