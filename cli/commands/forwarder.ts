/** `statewire forwarder`: the in-cluster process. SIGTERM and SIGINT end it in order; a second one ends it at once. */
import { forwarderHelp } from '../../forwarder/config/options.ts';
import { parseForwarderOptions } from '../../forwarder/config/parse-options.ts';
import { runForwarder } from '../../forwarder/pipeline/forwarder.ts';

export async function forwarder(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(forwarderHelp());
    return 0;
  }
  const options = parseForwarderOptions(args, process.env);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => (stop.signal.aborted ? process.exit(1) : stop.abort(new Error(signal))));
  }
  await runForwarder(options, stop.signal);
  return 0;
}
