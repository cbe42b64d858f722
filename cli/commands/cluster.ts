/** `statewire cluster up [--kubeconfig FILE] | down`: a real local control plane in the background. */
import { parseArgs } from 'node:util';
import {
  requireOurs,
  startBackgroundCluster,
  stopBackgroundCluster,
} from '../../local-cluster/background.ts';
import { LocalClusterError } from '../../local-cluster/local-cluster-error.ts';
import { renderProgress } from '../../local-cluster/render-progress.ts';
import { supervise } from '../../local-cluster/supervise.ts';

const USAGE = 'usage: statewire cluster up [--kubeconfig FILE] | down';

/** How this program runs itself as the supervisor; not for people. */
const SUPERVISE = 'supervise';

interface Parsed {
  readonly command: string | undefined;
  readonly rest: readonly string[];
  readonly kubeconfig: string | undefined;
  readonly problem?: string;
}

function parse(args: readonly string[]): Parsed {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { kubeconfig: { type: 'string' } },
      allowPositionals: true,
    });
    const [command, ...rest] = positionals;
    return { command, rest, kubeconfig: values.kubeconfig };
  } catch (error) {
    return {
      command: undefined,
      rest: [],
      kubeconfig: undefined,
      problem: (error as Error).message.split('. ')[0] ?? '',
    };
  }
}

async function up(kubeconfig: string | undefined): Promise<number> {
  try {
    if (kubeconfig !== undefined) requireOurs(kubeconfig);
  } catch (error) {
    console.error(`--kubeconfig: ${(error as Error).message}`);
    return 2;
  }
  const path = await startBackgroundCluster(kubeconfig, {
    supervisor: [process.argv[1] ?? '', 'cluster', SUPERVISE],
    onProgress: renderProgress(process.stderr),
  });
  console.log(path);
  return 0;
}

async function down(): Promise<number> {
  console.error(
    (await stopBackgroundCluster()) ? 'the local cluster is gone' : 'no local cluster is running',
  );
  return 0;
}

/** Runs the command with the arguments after `cluster`; resolves with the exit code. */
export async function cluster(args: readonly string[]): Promise<number> {
  const { command, rest, kubeconfig, problem } = parse(args);
  try {
    if (command === 'up' && rest.length === 0) return await up(kubeconfig);
    if (command === 'down' && rest.length === 0 && kubeconfig === undefined) return await down();
    if (command === SUPERVISE && rest[0] !== undefined) return await supervise(rest[0]);
  } catch (error) {
    if (!(error instanceof LocalClusterError)) throw error;
    console.error(error.message);
    return 1;
  }
  console.error(problem === undefined ? USAGE : `${problem}; ${USAGE}`);
  return 2;
}
