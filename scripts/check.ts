/** `npm run check`: everything fast, side by side, told in the order in which a mistake is cheapest to read. */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';

const bin = (name: string): string => path.join('node_modules', '.bin', name);
const unit = globSync(['test/*.test.ts', 'test/unit/**/*.test.ts']).toSorted();

const STEPS: readonly (readonly [name: string, command: string, args: readonly string[]])[] = [
  ['format', bin('oxfmt'), ['--check']],
  ['types', bin('tsc'), ['-p', 'tsconfig.json']],
  ['lint', bin('oxlint'), ['--type-aware', '--quiet']],
  ['dead code', bin('knip'), ['--no-config-hints']],
  [
    'unit, architecture, docs',
    process.execPath,
    ['--test', '--test-isolation=none', '--test-reporter=dot', ...unit],
  ],
];

interface Ended {
  readonly ok: boolean;
  readonly output: string;
  readonly seconds: string;
}

function run(command: string, args: readonly string[]): Promise<Ended> {
  const startedMs = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      resolve({ ok: code === 0, output, seconds });
    });
  });
}

const running = STEPS.map(([name, command, args]) => ({ name, ended: run(command, args) }));
for (const { name, ended } of running) {
  const { ok, output, seconds } = await ended;
  if (!ok) process.stdout.write(output);
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
  if (!ok) process.exitCode = 1;
}
