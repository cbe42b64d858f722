/**
 * Who triggers are to their targets: Secrets and Addressables of the trigger's namespace, tokens of its ServiceAccount.
 * They are read with the forwarder's own rights, one object at a time by its name; nothing is listed or watched.
 */
import type { Discovery } from '../kube/discovery.ts';
import type { Clock } from '../lib/clock.ts';
import { ApiError, TargetError } from '../lib/errors.ts';
import { ReadingCache } from '../lib/reading-cache.ts';
import type { KubeClient } from '../model/kube-client.ts';
import type { Address, ApiAccess, Asking, Principal } from '../model/principal.ts';
import type { TriggerIdentity, TriggerSpec } from '../model/trigger.ts';
import { readAddress } from './address.ts';
import { type FunctionApiServer, lifeSecondsFor, outlives, tooShort } from './function-access.ts';
import { readSecret, secretValue } from './secret.ts';
import { isYoung, requestToken, type Token } from './token.ts';

/** A rotated Secret, or an Addressable that moved, is noticed within this. */
const MAX_AGE_MS = 60_000;
/** What is doubted is read anew, but not more often than this. */
const MIN_AGE_MS = 1000;
/** A new token is made sooner than it has to be only where the one before is older than this. */
const MIN_TOKEN_AGE_MS = 10_000;

export interface PrincipalsOptions {
  readonly client: KubeClient;
  readonly discovery: Pick<Discovery, 'resolve'>;
  readonly clock: Clock;
  /** Whether the process's own cloud credentials serve triggers of that namespace. */
  readonly ambient: (namespace: string) => boolean;
  /** The API server as functions reach it. */
  readonly apiServer: FunctionApiServer;
}

interface PrincipalTrigger {
  readonly identity: Pick<TriggerIdentity, 'namespace'>;
  readonly spec: Pick<TriggerSpec, 'serviceAccountName'> & {
    readonly payload: Pick<TriggerSpec['payload'], 'token'>;
  };
}

export class Principals {
  readonly #options: PrincipalsOptions;
  readonly #secrets: ReadingCache<ReadonlyMap<string, string>>;
  readonly #tokens: ReadingCache<Token>;
  /** Of the API server itself, for functions. */
  readonly #accessTokens: ReadingCache<Token>;
  readonly #addresses: ReadingCache<Address>;

  constructor(options: PrincipalsOptions) {
    this.#options = options;
    this.#secrets = new ReadingCache(options.clock);
    this.#tokens = new ReadingCache(options.clock);
    this.#accessTokens = new ReadingCache(options.clock);
    this.#addresses = new ReadingCache(options.clock);
  }

  of({ identity, spec }: PrincipalTrigger): Principal {
    const { client, discovery, clock, ambient } = this.#options;
    const { namespace } = identity;
    const serviceAccount = spec.serviceAccountName;
    return {
      name: `${namespace}/${serviceAccount}`,
      ambient: ambient(namespace),
      secret: async ({ name, key }, asking) => {
        // A key that lacks is looked for again, as a Secret that is not there.
        const data = await this.#secret(namespace, name, asking, (known) => known.has(key));
        return secretValue(data, { name, key }, asking);
      },
      secretData: async ({ name }, asking) => {
        const data = await this.#secret(namespace, name, asking, () => true);
        return new Map(Array.from(data, ([key, base64]) => [key, Buffer.from(base64, 'base64')]));
      },
      token: async (audience, asking) => {
        const make = (): Promise<Token> =>
          requestToken(client, clock, { namespace, serviceAccount, audience });
        const isGood = (token: Token, ageMs: number): boolean =>
          isYoung(token, ageMs) && (asking.fresh !== true || ageMs < MIN_TOKEN_AGE_MS);
        const { text } = await this.#tokens
          .get(`${namespace}/${serviceAccount}/${audience}`, make, isGood)
          .catch((error: unknown) => {
            throw tokenFailure(error, asking, serviceAccount);
          });
        return text;
      },
      address: (ref, asking) => {
        const { apiVersion, kind, name } = ref;
        const read = (): Promise<Address> => readAddress(client, discovery, namespace, ref, asking);
        return this.#addresses
          .get(`${namespace}/${apiVersion}/${kind}/${name}`, read, (_known, ageMs) => ageMs < maxAge(asking))
          .catch((error: unknown) => {
            throw failure(error, asking, `${kind} "${name}"`, `get ${kind} of ${apiVersion}`);
          });
      },
      ...(spec.payload.token && {
        access: (leastMs: number, asking: Asking) => this.#access(namespace, serviceAccount, leastMs, asking),
      }),
    };
  }

  async #access(
    namespace: string,
    serviceAccount: string,
    leastMs: number,
    asking: Asking,
  ): Promise<ApiAccess> {
    const { client, clock, apiServer } = this.#options;
    const lifeSeconds = lifeSecondsFor(leastMs);
    const cacheKey = `${namespace}/${serviceAccount}/${lifeSeconds}`;
    const isGood = (token: Token, ageMs: number): boolean => outlives(token, ageMs, leastMs);
    const make = (): Promise<Token> =>
      requestToken(client, clock, { namespace, serviceAccount, lifeSeconds });
    const at = apiServer(asking);
    const token = await this.#accessTokens.get(cacheKey, make, isGood).catch((error: unknown) => {
      throw tokenFailure(error, asking, serviceAccount);
    });
    if (!isGood(token, this.#accessTokens.ageMs(cacheKey) ?? 0)) {
      throw tooShort(token, leastMs, asking, serviceAccount);
    }
    return { ...at, token: token.text, expiresAt: token.expiresAt };
  }

  async #secret(
    namespace: string,
    name: string,
    asking: Asking,
    isWhole: (known: ReadonlyMap<string, string>) => boolean,
  ): Promise<ReadonlyMap<string, string>> {
    const { client, clock } = this.#options;
    const cacheKey = `${namespace}/${name}`;
    const sinceMs = this.#secrets.ageMs(cacheKey);
    // Read a moment ago, it may have been rotated since: whoever doubts it waits until it may be read again. Rounded up,
    // because timers count whole milliseconds.
    if (asking.fresh === true && sinceMs !== undefined && sinceMs < MIN_AGE_MS)
      await clock.sleep(Math.ceil(MIN_AGE_MS - sinceMs));
    return await this.#secrets
      .get(
        cacheKey,
        () => readSecret(client, namespace, name),
        (known, ageMs) => isWhole(known) && ageMs < maxAge(asking),
      )
      .catch((error: unknown) => {
        throw failure(error, asking, `Secret "${name}"`, 'get secrets');
      });
  }
}

function maxAge({ fresh = false }: Asking): number {
  return fresh ? MIN_AGE_MS : MAX_AGE_MS;
}

function tokenFailure(thrown: unknown, asking: Asking, serviceAccount: string): TargetError {
  return failure(thrown, asking, `ServiceAccount "${serviceAccount}"`, 'create serviceaccounts/token');
}

/** `what` names the object, `right` what the forwarder needs for it. */
function failure(thrown: unknown, { field }: Asking, what: string, right: string): TargetError {
  if (thrown instanceof TargetError) return thrown;
  const code = thrown instanceof ApiError ? thrown.code : undefined;
  const details = { blame: 'target', cause: thrown } as const;
  switch (code) {
    case 'API_NOT_FOUND':
      return new TargetError('TARGET_MISCONFIGURED', `${field}: there is no ${what} in this namespace`, {
        ...details,
        conclusive: true,
      });
    case 'API_FORBIDDEN':
      return new TargetError(
        'TARGET_MISCONFIGURED',
        `${field}: the forwarder lacks the right for ${what}: ${right}`,
        { ...details, conclusive: true },
      );
    case 'API_INVALID':
      return new TargetError('TARGET_MISCONFIGURED', `${field}: the API server refuses ${what}`, {
        ...details,
        conclusive: true,
      });
    default:
      return new TargetError('TARGET_UNAVAILABLE', `${field}: ${what} cannot be read now`, details);
  }
}
