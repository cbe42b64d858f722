/** `statewire demo`, which is `npm start`: the whole thing on this computer, told step by step. */
import { parseArgs } from 'node:util';
import { ConfigError, messageOf } from '../../forwarder/lib/errors.ts';
import { LocalClusterError } from '../../local-cluster/local-cluster-error.ts';
import { renderProgress } from '../../local-cluster/render-progress.ts';
import { startSimulatedCluster } from '../../local-cluster/simulated/start.ts';
import { startLocalCluster } from '../../local-cluster/start.ts';
import { ClusterView } from '../demo/cluster-view.ts';
import { ForwarderChild } from '../demo/forwarder-child.ts';
import { LambdaHost } from '../demo/lambda-host.ts';
import { Narrator } from '../demo/narrator.ts';
import { StepError } from '../demo/step.ts';
import {
  burst,
  createApplication,
  createTrigger,
  deletion,
  demoCrds,
  failure,
  installKinds,
  NAMESPACE,
  type Stage,
} from '../demo/story.ts';

const HELP = `usage: statewire demo [--kubeconfig FILE | --simulated] [--keep]

--kubeconfig FILE   use that cluster rather than a local control plane; what the demo made there is removed at the end
--simulated         use a control plane that is only simulated, in this process: starts at once, needs no Go, proves little
--keep              stay up at the end, and say how to play
`;

interface DemoOptions {
  readonly kubeconfig: string | undefined;
  readonly simulated: boolean;
  readonly keep: boolean;
}

export async function demo(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return 0;
  }
  const options = parse(args);
  const narrator = new Narrator(process.stdout);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  await using running = new AsyncDisposableStack();
  let stage: Partial<Stage> = {};
  const interrupted = new Promise<never>((_, reject) => {
    stop.signal.addEventListener('abort', () => reject(new StepError('interrupted')), { once: true });
  });
  try {
    await Promise.race([
      interrupted,
      tell(options, narrator, running, stop.signal, (parts) => (stage = { ...stage, ...parts })),
    ]);
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return options.keep ? 0 : 1;
    if (!(error instanceof StepError || error instanceof LocalClusterError || error instanceof ConfigError)) {
      narrator.failed(messageOf(error), lastLines(stage));
      return 1;
    }
    narrator.failed(error.message, lastLines(stage));
    return error instanceof ConfigError ? 2 : 1;
  }
}

function parse(args: readonly string[]): DemoOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        kubeconfig: { type: 'string' },
        simulated: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
      },
    });
    const { kubeconfig, simulated, keep } = values;
    if (simulated && kubeconfig !== undefined)
      throw new Error('--simulated and --kubeconfig exclude each other');
    return { kubeconfig, simulated, keep };
  } catch (error) {
    throw new ConfigError('CONFIG_INVALID', 'demo', messageOf(error));
  }
}

async function tell(
  options: DemoOptions,
  narrator: Narrator,
  running: AsyncDisposableStack,
  signal: AbortSignal,
  has: (parts: Partial<Stage>) => void,
): Promise<void> {
  narrator.chapter('Setting the stage');
  const lambda = running.use(await LambdaHost.prepare());
  has({ lambda });
  const kubeconfig = await findCluster(options, narrator, running, signal);
  const cluster = running.use(await ClusterView.connect(kubeconfig));
  const version = await cluster.get<{ gitVersion: string }>('/version');
  narrator.saw(
    options.simulated ? 'the simulated API server answers' : 'kube-apiserver answers',
    version?.gitVersion,
  );
  await installKinds(cluster, narrator);
  if (options.kubeconfig !== undefined)
    running.defer(() => cluster.remove(`/api/v1/namespaces/${NAMESPACE}`));
  narrator.saw('Lambda host serves', `${(await lambda.start()).join(', ')} (serverless offline)`);
  const forwarder = running.use(
    new ForwarderChild({ kubeconfig, namespace: NAMESPACE, lambdaEndpoint: lambda.endpoint }),
  );
  has({ forwarder });
  narrator.saw('forwarder is ready', `http://${await forwarder.ready()}/metrics`);

  const stage: Stage = { narrator, cluster, forwarder, lambda };
  await createTrigger(stage);
  await createApplication(stage);
  await burst(stage);
  await failure(stage);
  if (options.keep) {
    narrator.plain(`\nEverything stays up until Ctrl-C. To play:
  export KUBECONFIG=${kubeconfig}
  kubectl -n ${NAMESPACE} get functiontriggers,applications,deployments
  kubectl -n ${NAMESPACE} patch application hello --type=merge -p '{"spec":{"replicas":1}}'
  kubectl -n ${NAMESPACE} delete application hello`);
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    return;
  }
  await deletion(stage);
}

/** The kubeconfig of the named cluster, or of a control plane that ends with the demo. */
async function findCluster(
  { kubeconfig, simulated }: DemoOptions,
  narrator: Narrator,
  running: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<string> {
  if (kubeconfig !== undefined) return kubeconfig;
  if (simulated) {
    const cluster = running.use(await startSimulatedCluster());
    narrator.plain(
      '  The control plane is SIMULATED: no Kubernetes runs here, and no Pod becomes available.',
    );
    return cluster.kubeconfigPath;
  }
  const local = running.use(
    await startLocalCluster({ crds: demoCrds(), onProgress: renderProgress(process.stderr), signal }),
  );
  narrator.saw('local control plane is up', local.server);
  return local.kubeconfigPath;
}

function lastLines({ forwarder, lambda }: Partial<Stage>): readonly string[] {
  return [
    ...(forwarder === undefined ? [] : ['last lines of the forwarder:', ...forwarder.child.tail()]),
    ...(lambda?.child === undefined ? [] : ['last lines of the Lambda host:', ...lambda.child.tail(5)]),
  ];
}
