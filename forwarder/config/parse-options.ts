/** From flags and environment to one frozen value. */
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { parseDuration } from '../../protocol/duration.ts';
import { ConfigError, messageOf } from '../lib/errors.ts';
import { urlProblem } from '../lib/http-url.ts';
import type { LogLevel } from '../lib/logger.ts';
import type { ListenAddress } from '../model/listen-address.ts';
import { environmentName, FORWARDER_OPTIONS, type OptionName } from './options.ts';

export interface ForwarderOptions {
  readonly kubeconfig?: string;
  /** Empty: not limited to namespaces. */
  readonly namespaces: readonly string[];
  /** Set: triggers come from this file and not from the API. */
  readonly triggersFile?: string;
  readonly adminAddress: ListenAddress;
  readonly checkpoint: 'kubernetes' | 'file' | 'memory';
  /** Set where `checkpoint` is `file`. */
  readonly checkpointFolder?: string;
  readonly identity: 'forwarder';
  /** Absent: the uid of namespace kube-system. */
  readonly clusterId?: string;
  readonly replicaId: string;
  readonly gracePeriodMs: number;
  /** 0: no audits. */
  readonly auditIntervalMs: number;
  readonly logFormat: 'json' | 'text';
  readonly logLevel: LogLevel;
  readonly targetPolicyFile?: string;
  /** Absent: nobody can report a result later. */
  readonly callbacks?: { readonly address: ListenAddress; readonly url: string };
  /** By which functions reach the API server; absent: as the forwarder does. */
  readonly functionApiServer?: string;
  /** Whose triggers may use the process's own cloud credentials, beside those of a file. */
  readonly ambientNamespaces: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** Goes into the `source` of events, a URI reference. */
const CLUSTER_ID = /^[A-Za-z0-9._~-]{1,128}$/;
const DEFAULT_GRACE_PERIOD = '25s';
const DEFAULT_AUDIT_INTERVAL = '30m';

/**
 * Flags win over `STATEWIRE_…` variables; an empty variable counts as not set.
 *
 * @throws ConfigError CONFIG_INVALID, whose field is the flag
 */
export function parseForwarderOptions(argv: readonly string[], env: Environment): ForwarderOptions {
  const given = readValues(argv, env);
  const one = (name: OptionName): string | undefined => given.get(name)?.at(-1);
  const choice = <T extends string>(name: OptionName, fallback: T, ...words: readonly T[]): T => {
    const value = one(name) ?? fallback;
    const word = words.find((known) => known === value);
    if (word === undefined) throw invalid(name, `must be ${words.join(' or ')}, not "${value}"`);
    return word;
  };
  if (one('console-address') !== undefined) throw invalid('console-address', 'is not supported yet');

  const triggersFile = one('triggers');
  const byDefault = triggersFile === undefined ? 'kubernetes' : 'file';
  const checkpoint = choice('checkpoint', byDefault, 'kubernetes', 'file', 'memory');
  const checkpointFolder = one('checkpoint-dir') ?? (triggersFile && `${triggersFile}.checkpoint`);
  if (checkpoint === 'file' && checkpointFolder === undefined) {
    throw invalid('checkpoint-dir', 'is needed for --checkpoint file without --triggers');
  }
  const options: ForwarderOptions = {
    ...optional('kubeconfig', one('kubeconfig')),
    namespaces: namespacesOf('namespace', given.get('namespace') ?? []),
    ...optional('triggersFile', triggersFile),
    adminAddress: adminAddressOf(one('admin-address'), env),
    ...callbacksOf(one('callback-address'), one('callback-url')),
    ...optional('functionApiServer', apiServerOf(one('function-api-server'))),
    ambientNamespaces: namespacesOf(
      'ambient-credentials-namespaces',
      given.get('ambient-credentials-namespaces') ?? [],
    ),
    checkpoint,
    ...optional('checkpointFolder', checkpoint === 'file' ? checkpointFolder : undefined),
    identity: onlyYet('identity', one('identity'), 'forwarder', ['trigger']),
    ...optional('clusterId', one('cluster-id')),
    replicaId: one('replica-id') ?? hostname(),
    gracePeriodMs: durationOf('grace-period', one('grace-period') ?? DEFAULT_GRACE_PERIOD),
    auditIntervalMs: durationOf('audit-interval', one('audit-interval') ?? DEFAULT_AUDIT_INTERVAL),
    logFormat: choice('log-format', 'json', 'json', 'text'),
    logLevel: choice('log-level', 'info', 'debug', 'info', 'warn', 'error'),
    ...optional('targetPolicyFile', one('target-policy')),
  };
  if (options.clusterId !== undefined && !CLUSTER_ID.test(options.clusterId)) {
    throw invalid('cluster-id', 'must be 1 to 128 letters, digits and ._~-');
  }
  if (options.namespaces.length === 0 && options.triggersFile === undefined) {
    throw invalid('identity', 'forwarder requires --namespace or --triggers');
  }
  return Object.freeze(options);
}

function readValues(argv: readonly string[], env: Environment): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, readonly string[]>();
  for (const { flag, repeatable = false } of FORWARDER_OPTIONS) {
    const value = env[environmentName(flag)];
    if (value !== undefined && value !== '') values.set(flag, repeatable ? value.split(',') : [value]);
  }
  const flags = parseFlags(argv);
  for (const { flag, repeatable = false } of FORWARDER_OPTIONS) {
    const list = flags[flag];
    if (list === undefined) continue;
    if (!repeatable && list.length > 1) throw invalid(flag, 'must be given once');
    if (list.includes('')) throw invalid(flag, 'must not be empty');
    values.set(flag, list);
  }
  return values;
}

function parseFlags(argv: readonly string[]): Readonly<Record<string, readonly string[] | undefined>> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: Object.fromEntries(
        FORWARDER_OPTIONS.map(({ flag }) => [flag, { type: 'string', multiple: true } as const]),
      ),
      strict: true,
      allowPositionals: false,
    });
    return values;
  } catch (error) {
    const named = /'(-[^ =']*)/.exec(messageOf(error))?.[1];
    if (named === undefined) {
      const stray = /argument '(.*?)'/.exec(messageOf(error))?.[1] ?? '';
      throw new ConfigError('CONFIG_INVALID', 'arguments', `unexpected "${stray}"`, { cause: error });
    }
    const known = FORWARDER_OPTIONS.some(({ flag }) => `--${flag}` === named);
    throw new ConfigError('CONFIG_INVALID', named, known ? 'needs a value' : 'unknown option', {
      cause: error,
    });
  }
}

function namespacesOf(flag: OptionName, names: readonly string[]): readonly string[] {
  const bad = names.find((name) => !NAMESPACE.test(name));
  if (bad !== undefined) throw invalid(flag, `"${bad}" is no name of a namespace`);
  return [...new Set(names)];
}

function adminAddressOf(text: string | undefined, env: Environment): ListenAddress {
  // Every pod has this variable; outside of one only this computer may ask.
  if (text === undefined) {
    return env['KUBERNETES_SERVICE_HOST'] === undefined ? { host: '127.0.0.1', port: 9090 } : { port: 9090 };
  }
  return addressOf('admin-address', text);
}

function addressOf(flag: OptionName, text: string): ListenAddress {
  const { host = '', port } =
    /^(?:\[(?<host>[0-9a-f:.]+)\]|(?<host>[^:[\]/]*)):(?<port>\d{1,5})$/i.exec(text)?.groups ?? {};
  if (port === undefined || Number(port) > 65_535) {
    throw invalid(flag, `"${text}" is no address like 127.0.0.1:9090 or :9090`);
  }
  return host === '' ? { port: Number(port) } : { host, port: Number(port) };
}

function callbacksOf(
  address: string | undefined,
  url: string | undefined,
): Pick<ForwarderOptions, 'callbacks'> {
  if (address === undefined && url === undefined) return {};
  if (address === undefined) throw invalid('callback-address', 'is needed for --callback-url');
  if (url === undefined) throw invalid('callback-url', 'is needed for --callback-address');
  const problem = urlProblem(url) ?? (url.includes('?') ? 'must not hold a query' : undefined);
  if (problem !== undefined) throw invalid('callback-url', problem);
  return { callbacks: { address: addressOf('callback-address', address), url } };
}

function apiServerOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  const isOrigin =
    url?.protocol === 'https:' && url.href === `${url.origin}/` && urlProblem(text) === undefined;
  if (!isOrigin) throw invalid('function-api-server', 'must be https://host or https://host:port');
  return url.origin;
}

function durationOf(flag: OptionName, text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs === undefined) throw invalid(flag, `"${text}" is no duration like 100ms, 30s or 1h30m`);
  return durationMs;
}

/** The one word that works so far. */
function onlyYet<T extends string>(
  flag: OptionName,
  value: string | undefined,
  works: T,
  later: readonly string[],
): T {
  if (value === undefined || value === works) return works;
  if (later.includes(value)) throw invalid(flag, `${value} is not supported yet, only ${works}`);
  throw invalid(flag, `must be ${[works, ...later].join(' or ')}, not "${value}"`);
}

function optional<K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, string>);
}

function invalid(flag: string, message: string): ConfigError {
  return new ConfigError('CONFIG_INVALID', `--${flag}`, message);
}
