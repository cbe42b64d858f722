/** The one table of process options of `statewire forwarder`: flags, environment, help and reference page come from it. */

export type OptionName =
  | 'kubeconfig'
  | 'namespace'
  | 'triggers'
  | 'admin-address'
  | 'checkpoint'
  | 'checkpoint-dir'
  | 'identity'
  | 'cluster-id'
  | 'replica-id'
  | 'callback-address'
  | 'callback-url'
  | 'function-api-server'
  | 'ambient-credentials-namespaces'
  | 'console-address'
  | 'grace-period'
  | 'audit-interval'
  | 'log-format'
  | 'log-level'
  | 'target-policy';

export interface OptionDefinition {
  /** Without the dashes. */
  readonly flag: OptionName;
  /** Stands for the value in the help. */
  readonly value: string;
  readonly help: string;
  /** As people read it; absent: not set. */
  readonly default?: string;
  readonly repeatable?: boolean;
}

export const FORWARDER_OPTIONS: readonly OptionDefinition[] = [
  {
    flag: 'kubeconfig',
    value: 'FILE',
    help: 'How to reach the API server. Without it: the ServiceAccount of the pod, else the file that KUBECONFIG names.',
  },
  {
    flag: 'namespace',
    value: 'NAME',
    repeatable: true,
    help: 'Only triggers and objects of this namespace. Repeatable; in the environment separated by commas.',
  },
  {
    flag: 'triggers',
    value: 'FILE',
    help: 'Triggers from a file (YAML or JSON, several documents) instead of the API. Read again when it changes.',
  },
  {
    flag: 'admin-address',
    value: 'ADDRESS',
    help: 'Where /healthz, /readyz and /metrics are served. Port 0 takes any free port.',
    default: '127.0.0.1:9090, in a pod :9090',
  },
  {
    flag: 'checkpoint',
    value: 'kubernetes|file|memory',
    help: 'Where it is kept what has been handled, so that a restart sends nothing again: as TriggerCheckpoint objects, in files, or nowhere.',
    default: 'kubernetes, with --triggers file',
  },
  {
    flag: 'checkpoint-dir',
    value: 'FOLDER',
    help: 'The folder of --checkpoint file. It must outlive the process, and belongs to one forwarder.',
    default: 'the file of --triggers with .checkpoint at its end',
  },
  {
    flag: 'identity',
    value: 'forwarder',
    help: 'Whose credentials read objects and apply results. Only forwarder for now, which requires --namespace or --triggers. trigger is not supported yet.',
    default: 'forwarder',
  },
  {
    flag: 'cluster-id',
    value: 'ID',
    help: 'Names this cluster in the source of events.',
    default: 'uid of namespace kube-system',
  },
  { flag: 'replica-id', value: 'ID', help: 'Names this process in logs and Events.', default: 'host name' },
  {
    flag: 'callback-address',
    value: 'ADDRESS',
    help: 'Where functions that are only queued POST their results: OpenFaaS async, Lambda Event. Needs --callback-url.',
  },
  {
    flag: 'callback-url',
    value: 'URL',
    help: 'The URL by which functions reach --callback-address.',
  },
  {
    flag: 'function-api-server',
    value: 'URL',
    help: 'The https address by which functions with payload.token reach the API server. Its certificate must be of the authority that the forwarder itself trusts.',
    default: 'that of the forwarder',
  },
  {
    flag: 'ambient-credentials-namespaces',
    value: 'NAME',
    repeatable: true,
    help: "Namespaces whose triggers may use the forwarder's own cloud credentials. Triggers from --triggers always may. Repeatable; in the environment separated by commas.",
  },
  {
    flag: 'console-address',
    value: 'ADDRESS',
    help: 'Where the console is served. Not supported yet.',
  },
  {
    flag: 'grace-period',
    value: 'DURATION',
    help: 'How long running calls may take to finish after SIGTERM.',
    default: '25s',
  },
  {
    flag: 'audit-interval',
    value: 'DURATION',
    help: 'How often everything known is compared with the API server, to repair what a watch withheld; a fifth earlier or later by chance. 0s: never.',
    default: '30m',
  },
  { flag: 'log-format', value: 'json|text', help: 'Form of the log lines on stderr.', default: 'json' },
  {
    flag: 'log-level',
    value: 'debug|info|warn|error',
    help: 'Least level that is logged.',
    default: 'info',
  },
  {
    flag: 'target-policy',
    value: 'FILE',
    help: 'YAML with deny: a list of CIDRs that are never called, beside those that never are.',
  },
];

/** The variable that stands in for a flag: `--log-level` is STATEWIRE_LOG_LEVEL. */
export function environmentName(flag: string): string {
  return `STATEWIRE_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/** What `statewire forwarder --help` prints. */
export function forwarderHelp(): string {
  const lines = FORWARDER_OPTIONS.flatMap((option) => [
    `  --${option.flag} ${option.value}`,
    ...wrap(option.help, 84).map((line) => `      ${line}`),
    ...(option.default === undefined ? [] : [`      Default: ${option.default}.`]),
  ]);
  return [
    'Usage: statewire forwarder [options]',
    '',
    'Watches the resources that triggers name and invokes a function per change.',
    'Each option can be set by the environment too: --log-level by STATEWIRE_LOG_LEVEL.',
    '',
    ...lines,
    '',
  ].join('\n');
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + word.length >= width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}
