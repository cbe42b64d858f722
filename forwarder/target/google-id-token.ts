/**
 * Identity tokens of Google Cloud, from the metadata server of the machine or pod that the forwarder runs on (on GKE with
 * Workload Identity: those of its ServiceAccount). They are the process's own, so only triggers that it serves with its
 * own credentials get them.
 */
import { Agent } from 'undici';
import type { Clock } from '../lib/clock.ts';
import { TargetError } from '../lib/errors.ts';
import { ReadingCache } from '../lib/reading-cache.ts';
import type { Asking, Principal } from '../model/principal.ts';
import type { TargetEnvironment } from './target-maker.ts';

const PATH = '/computeMetadata/v1/instance/service-accounts/default/identity';
const TIMEOUT_MS = 5000;
const MAX_TOKEN_BYTES = 16_384;
/** Google makes a new token this long before the old one ends. */
const SPARE_MS = 300_000;
const MIN_AGE_MS = 10_000;

interface IdToken {
  readonly text: string;
  /** Wall clock. */
  readonly goodUntilMs: number;
}

export class GoogleIdTokens implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #origin: string;
  #agent: Agent | undefined;
  readonly #tokens: ReadingCache<IdToken>;

  constructor({ clock, env }: Pick<TargetEnvironment, 'clock' | 'env'>) {
    this.#clock = clock;
    this.#tokens = new ReadingCache(clock);
    // The variable is that of Google's own libraries.
    this.#origin = `http://${env['GCE_METADATA_HOST'] ?? 'metadata.google.internal'}`;
  }

  /** Throws TargetError (target). */
  async token(
    audience: string,
    { ambient }: Pick<Principal, 'ambient'>,
    { field, fresh = false }: Asking,
  ): Promise<string> {
    if (!ambient) {
      const why = 'this namespace is not in --ambient-credentials-namespaces';
      throw misconfigured(`${field}: the forwarder's Google identity does not serve this trigger: ${why}`);
    }
    const isGood = ({ goodUntilMs }: IdToken, ageMs: number): boolean =>
      this.#clock.now() < goodUntilMs && (!fresh || ageMs < MIN_AGE_MS);
    const { text } = await this.#tokens.get(audience, () => this.#ask(audience, field), isGood);
    return text;
  }

  async #ask(audience: string, field: string): Promise<IdToken> {
    const stop = new AbortController();
    const timer = this.#clock.after(TIMEOUT_MS, () => stop.abort(new Error('no answer in time')));
    try {
      this.#agent ??= new Agent({ connections: 1, maxResponseSize: MAX_TOKEN_BYTES });
      const { statusCode, body } = await this.#agent.request({
        origin: this.#origin,
        path: `${PATH}?${new URLSearchParams({ audience, format: 'full' }).toString()}`,
        method: 'GET',
        headers: { 'metadata-flavor': 'Google' },
        signal: stop.signal,
      });
      const text = (await body.text()).trim();
      if (statusCode !== 200) throw new Error(`it answered ${statusCode}`);
      return { text, goodUntilMs: expiryOf(text) - SPARE_MS };
    } catch (error) {
      throw misconfigured(`${field}: Google's metadata server gives no identity token`, error);
    } finally {
      timer.cancel();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.destroy();
  }
}

/** `exp` of a JWT in milliseconds. Throws where it is none. */
function expiryOf(jwt: string): number {
  const [, payload = ''] = jwt.split('.');
  const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as {
    readonly exp?: unknown;
  };
  if (typeof exp !== 'number') throw new Error('it answered with what is no token');
  return exp * 1000;
}

function misconfigured(message: string, cause?: unknown): TargetError {
  return new TargetError('TARGET_MISCONFIGURED', message, { blame: 'target', conclusive: true, cause });
}
