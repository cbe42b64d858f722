/**
 * Tokens for functions of OpenFaaS (Enterprise), which its gateway gives against a token of the trigger's ServiceAccount
 * (RFC 8693). They are kept for most of their life.
 *
 * Source: docs.openfaas.com, IAM, "Function Authentication"; openfaas/go-sdk, `InvokeFunction` and `ExchangeIDToken`.
 */
import type { Clock } from '../lib/clock.ts';
import { TargetError } from '../lib/errors.ts';
import { ReadingCache } from '../lib/reading-cache.ts';
import type { Asking, Principal } from '../model/principal.ts';
import { type HttpCaller, shownUrl } from './http-call.ts';
import { replyOf } from './http-reply.ts';
import { ruleOfOpenFaasQueue } from './platform-statuses.ts';
import type { TlsMaterial } from './tls-secret.ts';

const TIMEOUT_MS = 5000;
/** The rest is left for calls on their way and for clocks that differ. */
const USED_PART = 0.8;
/** A new one is made sooner only where the one before is older than this. */
const MIN_AGE_MS = 10_000;

export interface WantedToken {
  readonly gateway: string;
  /** `namespace:name` of the function. */
  readonly functionName: string;
  /** Of the ServiceAccount's token. */
  readonly audience: string;
  readonly tls: { readonly material: TlsMaterial; readonly field: string } | undefined;
}

interface FunctionToken {
  readonly text: string;
  /** 0 where the gateway does not say. */
  readonly lifeMs: number;
}

export class FunctionTokens {
  readonly #clock: Clock;
  readonly #caller: HttpCaller;
  readonly #tokens: ReadingCache<FunctionToken>;

  constructor({ clock, caller }: { readonly clock: Clock; readonly caller: HttpCaller }) {
    this.#clock = clock;
    this.#caller = caller;
    this.#tokens = new ReadingCache(clock);
  }

  /** Throws TargetError (target). */
  async token(wanted: WantedToken, principal: Principal, asking: Asking): Promise<string> {
    const { gateway, functionName, audience } = wanted;
    const key = JSON.stringify([principal.name, gateway, functionName, audience]);
    const isGood = ({ lifeMs }: FunctionToken, ageMs: number): boolean =>
      ageMs < lifeMs * USED_PART && (asking.fresh !== true || ageMs < MIN_AGE_MS);
    const exchange = (): Promise<FunctionToken> => this.#exchange(wanted, principal, asking);
    const { text } = await this.#tokens.get(key, exchange, isGood);
    return text;
  }

  async #exchange(
    { gateway, functionName, audience, tls }: WantedToken,
    principal: Principal,
    asking: Asking,
  ): Promise<FunctionToken> {
    const url = new URL(`${gateway}/oauth/token`);
    const body = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      subject_token: await principal.token(audience, asking),
      scope: 'function',
      audience: functionName,
    }).toString();
    const end = await this.#caller.post(
      {
        url,
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body,
        tls: tls && { owner: principal.name, material: tls.material },
      },
      { deadlineMs: this.#clock.monotonic() + TIMEOUT_MS },
      new AbortController().signal,
    );
    const where = `${asking.field}: ${shownUrl(url)}`;
    try {
      const reply = replyOf(end, {
        where,
        timeoutMs: TIMEOUT_MS,
        reply: 'Result',
        nowMs: this.#clock.now(),
        ruleOf: ruleOfOpenFaasQueue,
        ...(tls !== undefined && { tlsField: tls.field }),
      });
      const given = reply.kind === 'body' ? readToken(reply.text) : undefined;
      if (given === undefined) throw refused(`${where} gave no token`);
      return given;
    } catch (error) {
      // The function has not been called: every failure is the gateway's.
      throw error instanceof TargetError && error.blame === 'delivery'
        ? refused(error.message, error)
        : error;
    }
  }
}

/** Without `expires_in` it is not kept. */
function readToken(json: string): FunctionToken | undefined {
  try {
    const { access_token: text, expires_in: seconds } = JSON.parse(json) as Readonly<Record<string, unknown>>;
    // What no header can carry is no token.
    if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) return undefined;
    return { text, lifeMs: typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : 0 };
  } catch {
    return undefined;
  }
}

function refused(message: string, cause?: unknown): TargetError {
  return new TargetError('TARGET_UNAVAILABLE', message, { blame: 'target', cause });
}
