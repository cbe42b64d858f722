/** `statewire dev`: a function on this computer against a cluster, by a temporary trigger; reloaded when it is saved. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseForwarderOptions } from '../../forwarder/config/parse-options.ts';
import { ConfigError } from '../../forwarder/lib/errors.ts';
import { runForwarder } from '../../forwarder/pipeline/forwarder.ts';
import { describeLog } from '../dev/describe-log.ts';
import { devLogger } from '../dev/dev-logger.ts';
import { DEV_HELP, type DevOptions, parseDevOptions } from '../dev/dev-options.ts';
import { devTrigger, findTrigger } from '../dev/dev-trigger.ts';
import { findCluster } from '../find-cluster.ts';
import { serveFunction } from '../dev/function-child.ts';
import type { FunctionKind } from '../dev/function-messages.ts';
import { SERVE } from '../dev/function-process.ts';
import { Printer } from '../dev/printer.ts';
import { Relay } from '../dev/relay.ts';
import { shownWrites } from '../dev/shown-writes.ts';
import { type Serving, Versions } from '../dev/versions.ts';

export async function dev(args: readonly string[]): Promise<number> {
  if (args[0] === SERVE) return await serveFunction(args[1] ?? '', args[2]);
  const options = parseDevOptions(args);
  if (options === undefined) {
    process.stdout.write(DEV_HELP);
    return 0;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => (stop.signal.aborted ? process.exit(1) : stop.abort(new Error(signal))));
  }
  // Nobody reads any more, as with `| head`: it ends in order all the same.
  process.stdout.on('error', (error) => stop.abort(error));
  await run(options, stop.signal);
  return 0;
}

async function run(options: DevOptions, stop: AbortSignal): Promise<void> {
  const file = path.resolve(options.file);
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new ConfigError('CONFIG_INVALID', 'FILE', `${options.file} is no file`);
  }
  const cluster = await findCluster(options.kubeconfig, process.env);
  const printer = new Printer({
    write: (text) => void process.stdout.write(text),
    color: process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '',
  });
  printer.tell('●', 'dim', `cluster   ${cluster.description}`);

  const first = Promise.withResolvers<Serving>();
  let kind: FunctionKind | undefined;
  await using versions = new Versions({
    file,
    export: options.export,
    print: (line) => printer.below(describeLog(line)),
    loaded: (serving, isFirst) => {
      first.resolve(serving);
      if (kind !== undefined && !isSame(kind, serving.kind)) {
        printer.tell('!', 'yellow', `it is for ${describe(serving.kind)} now: start again to follow that`);
      } else if (kind !== undefined) printer.tell('↻', 'green', isFirst ? 'started again' : 'reloaded');
    },
    failed: (message, isServing) => {
      const meanwhile = isServing ? 'the version before goes on serving' : 'waiting for the next save';
      printer.tell('✖', 'red', `cannot be loaded; ${meanwhile}`, [message]);
    },
    crashed: (how) =>
      printer.tell('✖', 'red', `the function's process ${how}; it is started again when called`),
  });
  const serving = await unless(stop, first.promise);
  if (serving === undefined) return;
  kind = serving.kind;
  printer.tell('●', 'dim', `function  ${options.file}: ${describe(kind)}`);

  await using relay = new Relay({ serving: () => versions.serving(), printer, verbose: options.verbose });
  const namespace = options.namespace ?? cluster.namespace;
  const given = findTrigger(options.trigger, file, kind);
  const manifest = devTrigger({
    given,
    kind,
    namespace,
    url: await relay.listen(),
    existing: options.existing,
  });
  const from = given === undefined ? `all objects of the kind` : `as in ${path.relative('.', given.file)}`;
  printer.tell('●', 'dim', `trigger   namespace ${namespace}, ${from}; temporary`);

  const folder = mkdtempSync(path.join(tmpdir(), 'statewire-dev-'));
  try {
    const triggers = path.join(folder, 'trigger.json');
    writeFileSync(triggers, manifest, { mode: 0o600 });
    await runForwarder(forwarderOptions(triggers, cluster.kubeconfig), stop, {
      logger: devLogger(printer, () =>
        printer.tell('●', 'green', 'ready     apply something; save the file to reload; Ctrl-C ends'),
      ),
      wrapClient: (client) => shownWrites(client, printer),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  printer.tell('●', 'dim', 'ended; what the function wrote is still there');
}

/** Nothing of the environment counts, since nobody thinks of a forwarder here. */
function forwarderOptions(
  triggers: string,
  kubeconfig: string | undefined,
): ReturnType<typeof parseForwarderOptions> {
  const where = kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig];
  const fixed = ['--checkpoint', 'memory', '--admin-address', '127.0.0.1:0', '--grace-period', '5s'];
  return parseForwarderOptions(['--triggers', triggers, ...where, ...fixed, '--cluster-id', 'dev'], {});
}

/** Undefined where the signal comes first. */
async function unless<T>(stop: AbortSignal, work: Promise<T>): Promise<T | undefined> {
  const stopped = Promise.withResolvers<undefined>();
  stop.addEventListener('abort', () => stopped.resolve(undefined), { once: true });
  return await Promise.race([work, stopped.promise]);
}

function isSame(a: FunctionKind, b: FunctionKind): boolean {
  return a.apiVersion === b.apiVersion && a.kind === b.kind;
}

function describe({ kind, apiVersion }: FunctionKind): string {
  return `${kind} of ${apiVersion}`;
}
