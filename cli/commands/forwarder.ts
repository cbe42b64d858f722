/** `statewire forwarder`: the in-cluster process. SIGTERM and SIGINT end it in order; a second one ends it at once. */
import { setFlagsFromString } from 'node:v8';
import { forwarderHelp } from '../../forwarder/config/options.ts';
import { parseForwarderOptions } from '../../forwarder/config/parse-options.ts';
import { runForwarder } from '../../forwarder/pipeline/forwarder.ts';

/**
 * undici parses HTTP in WebAssembly. To optimize it, V8 takes some 15 MB for a moment that the process then never gives
 * back; the baseline compiler's code parses tens of thousands of replies a second, which is enough.
 */
const V8_FLAGS = ['--liftoff-only', '--no-wasm-tier-up', '--no-wasm-dynamic-tiering'];

export async function forwarder(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(forwarderHelp());
    return 0;
  }
  const options = parseForwarderOptions(args, process.env);
  for (const flag of V8_FLAGS) setFlagsFromString(flag);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => (stop.signal.aborted ? process.exit(1) : stop.abort(new Error(signal))));
  }
  await runForwarder(options, stop.signal);
  return 0;
}
