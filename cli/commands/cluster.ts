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
const HELP = `${USAGE}

up     starts a real control plane in the background, unless one runs, and prints the path of its kubeconfig
down   stops it and removes it

--kubeconfig FILE   where to write the kubeconfig; a file of somebody else's is not overwritten`;

/** How this program runs itself as the supervisor; not for people. */
const SUPERVISE = 'supervise';

interface Parsed {
  readonly command: string | undefined;
  readonly rest: readonly string[];
  readonly kubeconfig: string | undefined;
  readonly help: boolean;
  readonly problem?: string;
}

function parse(args: readonly string[]): Parsed {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { kubeconfig: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
      allowPositionals: true,
    });
    const [command, ...rest] = positionals;
    return { command, rest, kubeconfig: values.kubeconfig, help: values.help };
  } catch (error) {
    return {
      command: undefined,
      rest: [],
      kubeconfig: undefined,
      help: false,
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
  const { command, rest, kubeconfig, help, problem } = parse(args);
  if (help) {
    console.log(HELP);
    return 0;
  }
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
