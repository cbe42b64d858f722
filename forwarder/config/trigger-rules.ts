/**
 * The CEL rules of the trigger's CRD in TypeScript, by their message: a trigger from a file, or one that an older CRD let
 * through, meets the same limits. And what only the forwarder refuses: fields of the design that do not work yet.
 */
import { parseDuration } from '../../protocol/duration.ts';
import { isBrokerUrl } from '../lib/broker-url.ts';
import { isConfidentialUrl, urlProblem } from '../lib/http-url.ts';
import type { RuleCheck } from './read-by-schema.ts';
import { problem, type TriggerProblem } from './trigger-problem.ts';

type Fields = Readonly<Record<string, unknown>>;

interface Targets {
  readonly nats?: unknown;
  readonly kafka?: unknown;
  readonly rabbitmq?: unknown;
}

/** What the rules about `payload.token` look at, defaults filled in. */
interface TokenFields {
  readonly payload: { readonly token: boolean };
  readonly target: {
    readonly http?: { readonly url?: string };
    readonly knative?: unknown;
    readonly lambda?: { readonly invocationType: string };
    readonly openfaas?: { readonly async: boolean; readonly gateway: string };
  };
}

const BROKERS = ['nats', 'kafka', 'rabbitmq'] as const;

const count = (value: Fields): number => Object.values(value).filter((one) => one !== undefined).length;

const isConfidential = (url = ''): boolean => {
  const parsed = URL.parse(url);
  return parsed !== null && isConfidentialUrl(parsed);
};

const durationOf = (value: unknown): number => parseDuration(String(value)) ?? 0;

export const TRIGGER_RULES: Readonly<Record<string, RuleCheck>> = {
  'metadata.name must be at most 63 characters': {
    holds: ({ metadata }: { metadata?: { name?: unknown } }) => {
      const { name } = metadata ?? {};
      return typeof name !== 'string' || name.length <= 63;
    },
    field: 'metadata.name',
  },
  'fields and changes exclude each other': {
    holds: ({ fields, changes }: Fields) => fields === undefined || changes === undefined,
    reason: 'MutuallyExclusive',
  },
  'exactly one of lambda, http, openfaas, knative, nats, kafka and rabbitmq must be set': {
    holds: (target: Fields) => count(target) === 1,
    reason: 'ExactlyOneTarget',
  },
  'exactly one of url and service must be set': {
    holds: ({ url, service }: Fields) => (url === undefined) !== (service === undefined),
    reason: 'MutuallyExclusive',
  },
  'must be an absolute http or https URL without credentials and fragment': {
    holds: (url: string) => urlProblem(url) === undefined,
  },
  'must be a nats or tls URL without credentials': {
    holds: (url: string) => isBrokerUrl(url, ['nats', 'tls']),
  },
  'must be an amqp or amqps URL without credentials': {
    holds: (url: string) => isBrokerUrl(url, ['amqp', 'amqps']),
  },
  'tls needs an amqps URL': {
    holds: ({ url, tls }: { url: string; tls?: unknown }) => tls === undefined || url.startsWith('amqps:'),
  },
  'tls needs an https URL': {
    holds: ({ url, tls }: { url?: string; tls?: unknown }) =>
      tls === undefined || (url !== undefined && /^https:/i.test(url)),
  },
  'tls needs an https gateway': {
    holds: ({ gateway, tls }: { gateway: string; tls?: unknown }) =>
      tls === undefined || gateway.startsWith('https:'),
  },
  'a queued call takes auth.hmac only: the queue stores and logs headers': {
    holds: ({ async, auth }: { async: boolean; auth?: { readonly hmac?: unknown } }) =>
      !async || auth === undefined || auth.hmac !== undefined,
  },
  'finalizer needs Deleted in eventTypes': {
    holds: ({ finalizer, eventTypes }: { finalizer: boolean; eventTypes: readonly string[] }) =>
      !finalizer || eventTypes.includes('Deleted'),
  },
  'finalizer needs a target that reports an outcome': {
    holds: ({ finalizer, target }: { finalizer: boolean; target: Targets }) =>
      !finalizer || BROKERS.every((type) => target[type] === undefined),
  },
  'token needs a target that answers itself': {
    holds: ({ payload, target }: TokenFields) =>
      !payload.token ||
      target.http !== undefined ||
      target.knative !== undefined ||
      target.lambda?.invocationType === 'RequestResponse' ||
      target.openfaas?.async === false,
  },
  'token needs a target with an https URL': {
    holds: ({ payload, target: { http, openfaas } }: TokenFields) =>
      !payload.token ||
      (http === undefined && openfaas === undefined) ||
      isConfidential(openfaas === undefined ? http?.url : openfaas.gateway),
  },
  'quiet must not be longer than maxWait': {
    holds: ({ quiet, maxWait }: Fields) => durationOf(quiet) <= durationOf(maxWait),
  },
  'initial must not be longer than max': {
    holds: ({ initial, max }: Fields) => durationOf(initial) <= durationOf(max),
  },
  'must be longer than 0s': { holds: (duration: string) => durationOf(duration) > 0 },
  'values are needed for In and NotIn, and only there': {
    holds: ({ operator, values }: { operator: string; values?: readonly string[] }) =>
      ['In', 'NotIn'].includes(operator) === (values !== undefined && values.length > 0),
  },
};

/** What stands in for later: refused with a name, because ignoring it would break a promise. */
const NOT_YET: readonly (readonly [
  path: string,
  isAsked: (value: unknown, spec: unknown) => boolean,
  text?: string,
])[] = [
  ['target.file', isPresent, 'is accepted from --triggers FILE only'],
  [
    'serviceAccountName',
    (value, spec) => isPresent(value) && value !== 'default' && !usesItsTokens(spec),
    'is not supported yet but for tokens of the target and payload.token: the forwarder reads and applies as itself',
  ],
];

/** Paths under `spec` that are refused for now. */
export const LATER_FIELDS: readonly string[] = NOT_YET.map(([path]) => path);

/** One problem for each field that is asked for and does not work yet. Takes any value. */
export function notSupported(spec: unknown): readonly TriggerProblem[] {
  return NOT_YET.flatMap(([path, isAsked, text = 'is not supported yet']) => {
    const value = path
      .split('.')
      .reduce<unknown>((at, name) => (at as Fields | null | undefined)?.[name], spec);
    return isAsked(value, spec) ? [problem(`spec.${path}`, 'NotSupported', text)] : [];
  });
}

/** Whether the target or the function gets tokens of the trigger's ServiceAccount. */
function usesItsTokens(spec: unknown): boolean {
  const { token } = ((spec as Fields | null)?.['payload'] ?? {}) as { readonly token?: unknown };
  if (token === true) return true;
  const { http, lambda, openfaas, knative } = ((spec as Fields | null)?.['target'] ?? {}) as {
    readonly http?: { readonly auth?: { readonly serviceAccountToken?: unknown } };
    readonly lambda?: { readonly roleArn?: unknown };
    readonly openfaas?: { readonly auth?: { readonly tokenExchange?: unknown } };
    /** Whether its address asks for a token stands in its status. */
    readonly knative?: unknown;
  };
  const users = [http?.auth?.serviceAccountToken, lambda?.roleArn, openfaas?.auth?.tokenExchange, knative];
  return users.some(isPresent);
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}
