/**
 * The executable `statewire`: picks a command and turns its end into an exit code.
 *
 * 0 fine, 1 failed, 2 bad usage or configuration. Commands are evaluated on first use, so the forwarder pays for no other.
 */
import { readAsset } from '../forwarder/lib/assets.ts';
import { ConfigError, messageOf } from '../forwarder/lib/errors.ts';
import { becomeLean } from './lean-process.ts';

interface Command {
  readonly summary: string;
  /** Runs the command with the arguments behind its name; resolves to the exit code. */
  readonly load: () => Promise<(args: readonly string[]) => Promise<number>>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  forwarder: {
    summary: 'watch custom resources and invoke functions',
    load: async () => {
      becomeLean();
      return (await import('./commands/forwarder.ts')).forwarder;
    },
  },
  demo: {
    summary: 'see the whole thing work on this computer',
    load: async () => (await import('./commands/demo.ts')).demo,
  },
  new: {
    summary: 'make a function project',
    load: async () => (await import('./commands/new.ts')).newProject,
  },
  dev: {
    summary: 'run a function on this computer against a cluster',
    load: async () => (await import('./commands/dev.ts')).dev,
  },
  types: {
    summary: 'TypeScript types and zod schemas from a CRD',
    load: async () => (await import('./commands/types.ts')).types,
  },
  replay: {
    summary: 'send objects again that were given up',
    load: async () => (await import('./commands/replay.ts')).replay,
  },
  cluster: {
    summary: 'a real local control plane: up, down',
    load: async () => (await import('./commands/cluster.ts')).cluster,
  },
};

function usage(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `  statewire ${name.padEnd(width)}  ${summary}`,
  );
  return `Usage: statewire <command> [options]\n\n${lines.join('\n')}\n\nstatewire <command> --help tells its options, statewire --version which one this is.\n`;
}

function version(): string {
  return (JSON.parse(readAsset('package.json')) as { version: string }).version;
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    (name === undefined ? process.stderr : process.stdout).write(usage());
    return name === undefined ? 2 : 0;
  }
  if (name === '--version') {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    process.stderr.write(`statewire: unknown command "${name}"; try statewire --help\n`);
    return 2;
  }
  try {
    const run = await command.load();
    return await run(args);
  } catch (error) {
    process.stderr.write(`statewire ${name}: ${messageOf(error)}\n`);
    return error instanceof ConfigError ? 2 : 1;
  }
}

// Not process.exit: what is still being written to a pipe would be lost.
void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
