import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leanStart } from '../../../cli/lean-process.ts';

const ARGV = ['/bin/node', '/statewire.cjs', 'forwarder', '--namespace', 'a'];

function startOf(given: {
  readonly execArgv?: string[];
  readonly env?: NodeJS.ProcessEnv;
}): ReturnType<typeof leanStart> {
  const { execArgv = [], env = {} } = given;
  return leanStart({ execPath: '/bin/node', argv: ARGV, execArgv, env });
}

describe('a lean start', () => {
  it('keeps flags and arguments, and adds the settings', () => {
    assert.deepEqual(startOf({ execArgv: ['--cpu-prof'], env: { HOME: '/home' } }), {
      args: ['/bin/node', '--cpu-prof', '--max-semi-space-size=4', '--liftoff-only', ...ARGV.slice(1)],
      env: { HOME: '/home', MALLOC_ARENA_MAX: '1' },
    });
  });

  it('happens once', () => {
    const args = startOf({})?.args ?? [];
    assert.equal(startOf({ execArgv: args.slice(1, -ARGV.length + 1) }), undefined);
  });

  for (const { reason, given } of [
    { reason: 'a flag', given: { execArgv: ['--max_semi_space_size=32'] } },
    { reason: 'NODE_OPTIONS', given: { env: { NODE_OPTIONS: '--max-semi-space-size=32' } } },
  ]) {
    it(`leaves what the user set by ${reason}`, () => {
      const args = startOf(given)?.args.join(' ') ?? '';
      assert.doesNotMatch(args, /semi-space-size=4/);
      assert.match(args, /--liftoff-only/);
    });
  }

  it('leaves a number of arenas that the user set', () => {
    assert.equal(startOf({ env: { MALLOC_ARENA_MAX: '3' } })?.env['MALLOC_ARENA_MAX'], '3');
  });
});
