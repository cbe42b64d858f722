/** `statewire replay`: has objects that were given up delivered again, as they are now, by annotating their dead letters. */
import { parseArgs } from 'node:util';
import { deadLetterPath, REPLAY_ANNOTATION } from '../../forwarder/dead-letter/dead-letter.ts';
import { HttpKubeClient } from '../../forwarder/kube/kube-client.ts';
import { loadAccess } from '../../forwarder/kube/load-access.ts';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { ApiError, ConfigError, messageOf } from '../../forwarder/lib/errors.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import type { KubeClient } from '../../forwarder/model/kube-client.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';

const USAGE =
  'usage: statewire replay DEADLETTER… | --trigger NAME | --all [-n NAMESPACE] [--kubeconfig FILE]';
const HELP = `${USAGE}

Has the objects of dead letters delivered again, as they are now, with reason Replay and attempts of their own.
A letter goes when that succeeds. kubectl get deadletters shows which there are.

--trigger NAME           all letters of that trigger
--all                    all letters of the namespace
-n, --namespace NAME     default: that of the kubeconfig's context, else "default"
--kubeconfig FILE        default: the pod's ServiceAccount, else the file that KUBECONFIG names
`;

/** Letters read at a time. */
const PAGE = 250;

type DeadLetter = KubeObject & {
  readonly spec: {
    readonly trigger: string;
    readonly object: { readonly kind: string; readonly namespace?: string; readonly name: string };
  };
};

interface ReplayOptions {
  readonly names: readonly string[];
  readonly trigger: string | undefined;
  readonly all: boolean;
  readonly namespace: string | undefined;
  readonly kubeconfig: string | undefined;
}

/** Runs the command with the arguments behind `replay`; resolves with the exit code. */
export async function replay(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return 0;
  }
  const options = parse(args);
  const access = await loadAccess({
    kubeconfig: options.kubeconfig,
    clock: systemClock,
    logger: silentLogger,
  });
  await using client = new HttpKubeClient({ access, clock: systemClock });
  const namespace = options.namespace ?? access.namespace ?? 'default';
  const { names } = options;
  return names.length > 0
    ? await replayNamed(client, namespace, names)
    : await replayListed(client, namespace, options);
}

function parse(args: readonly string[]): ReplayOptions {
  const { values, positionals } = read(args);
  const { trigger, all } = values;
  const ways = [positionals.length > 0, trigger !== undefined, all].filter(Boolean).length;
  if (ways !== 1)
    throw new ConfigError('CONFIG_INVALID', 'DEADLETTER', `name letters, or a trigger, or --all; ${USAGE}`);
  return {
    ...values,
    names: positionals,
    trigger,
    namespace: values.namespace,
    kubeconfig: values.kubeconfig,
  };
}

// eslint-disable-next-line typescript/explicit-function-return-type -- what parseArgs infers
function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        namespace: { type: 'string', short: 'n' },
        trigger: { type: 'string' },
        all: { type: 'boolean', default: false },
        kubeconfig: { type: 'string' },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new ConfigError('CONFIG_INVALID', 'arguments', messageOf(error).split('. ')[0] ?? '');
  }
}

/** Every name is tried; 1 where one of them is unknown. */
async function replayNamed(client: KubeClient, namespace: string, names: readonly string[]): Promise<number> {
  let code = 0;
  for (const name of new Set(names)) {
    try {
      tell(await annotate(client, namespace, name));
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'API_NOT_FOUND')) throw error;
      process.stderr.write(`statewire replay: no dead letter "${name}" in namespace "${namespace}"\n`);
      code = 1;
    }
  }
  return code;
}

async function replayListed(
  client: KubeClient,
  namespace: string,
  { trigger }: Pick<ReplayOptions, 'trigger'>,
): Promise<number> {
  let count = 0;
  for await (const { metadata, spec } of list(client, namespace)) {
    if (trigger !== undefined && spec.trigger !== `${namespace}/${trigger}`) continue;
    try {
      tell(await annotate(client, namespace, metadata.name));
      count += 1;
    } catch (error) {
      // Gone since it was listed: it needs no replay.
      if (!(error instanceof ApiError && error.code === 'API_NOT_FOUND')) throw error;
    }
  }
  const of = trigger === undefined ? '' : ` of trigger "${trigger}"`;
  if (count === 0) process.stdout.write(`no dead letters${of} in namespace "${namespace}"\n`);
  return 0;
}

async function* list(client: KubeClient, namespace: string): AsyncGenerator<DeadLetter> {
  let next: string | undefined;
  do {
    const query = { limit: String(PAGE), ...(next !== undefined && { continue: next }) };
    const { text } = await client.request({ method: 'GET', path: deadLetterPath(namespace), query });
    const page = JSON.parse(text) as {
      readonly items: readonly DeadLetter[];
      readonly metadata: { readonly continue?: string };
    };
    yield* page.items;
    next = page.metadata.continue === '' ? undefined : page.metadata.continue;
  } while (next !== undefined);
}

/** The value tells when; it is another one each time, and so is the event's id. */
async function annotate(client: KubeClient, namespace: string, name: string): Promise<DeadLetter> {
  const { text } = await client.request({
    method: 'PATCH',
    path: deadLetterPath(namespace, encodeURIComponent(name)),
    contentType: 'application/merge-patch+json',
    body: JSON.stringify({ metadata: { annotations: { [REPLAY_ANNOTATION]: new Date().toISOString() } } }),
  });
  return JSON.parse(text) as DeadLetter;
}

function tell({ metadata, spec }: DeadLetter): void {
  const { kind, namespace, name } = spec.object;
  const object = namespace === undefined ? name : `${namespace}/${name}`;
  process.stdout.write(`${metadata.name}: ${kind} ${object} is sent again by trigger ${spec.trigger}\n`);
}
