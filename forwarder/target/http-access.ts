/**
 * How the calls of one target are let in: with credentials, and with trust or a certificate of its own, which are read
 * when they are needed. Where they were refused they are read anew, and if they are others by now the call is made once
 * more.
 */
import type { Clock } from '../lib/clock.ts';
import type { Invocation } from '../model/invocation.ts';
import type { Principal, WholeSecretRef } from '../model/principal.ts';
import { borrowWithin } from './call-limit.ts';
import { isCertificateRefused, isTlsFailure } from './connection-failures.ts';
import type { HttpCaller } from './http-call.ts';
import { type Credentials, isRenewed, type ReadCredentials, withoutSecrets } from './http-credentials.ts';
import type { ExchangeEnd } from './http-exchange.ts';
import type { ReplyContext } from './http-reply.ts';
import { type ReadTls, type TlsMaterial, tlsReader } from './tls-secret.ts';

export interface HttpAccessOptions {
  readonly clock: Clock;
  readonly caller: HttpCaller;
  readonly principal: Principal;
  /** Undefined where the target asks for none. */
  readonly readCredentials: ReadCredentials | undefined;
  /** Absent: trusted is whom Node trusts. */
  readonly tls: { readonly secretRef: WholeSecretRef } | undefined;
  /** Of the trigger, such as `spec.target.http`. */
  readonly field: string;
  readonly url: URL;
  /** The URL as people see it. */
  readonly where: string;
}

/** What came of a call, and how it must be read. */
export interface LetIn {
  readonly end: ExchangeEnd;
  readonly context: Pick<ReplyContext, 'where' | 'timeoutMs' | 'nowMs' | 'tlsField' | 'shown'>;
}

interface Access {
  readonly credentials: Credentials;
  readonly tls: TlsMaterial | undefined;
}

const NONE: Credentials = { headers: {}, secrets: [] };

export class HttpAccess {
  readonly #options: HttpAccessOptions;
  readonly #tlsField: string;
  readonly #readTls: ReadTls | undefined;
  /** The last call broke off before an answer, as some servers treat certificates that they do not know. */
  #isDoubted = false;

  constructor(options: HttpAccessOptions) {
    const { principal, tls, field } = options;
    this.#options = options;
    this.#tlsField = `${field}.tls.secretRef`;
    this.#readTls = tls && tlsReader(principal, tls.secretRef, this.#tlsField);
  }

  /** `headers` without those that prove who calls. Throws TargetError, or the signal's reason where it was stopped. */
  async post(
    headers: Readonly<Record<string, string>>,
    invocation: Invocation,
    signal: AbortSignal,
  ): Promise<LetIn> {
    const { clock, principal, caller, url, where } = this.#options;
    const read = (fresh: boolean): Promise<Access> =>
      borrowWithin(clock, invocation, signal, this.#read(invocation, fresh), where);
    const send = ({ credentials, tls }: Access): Promise<ExchangeEnd> =>
      caller.post(
        {
          url,
          headers: { ...headers, ...credentials.headers },
          body: invocation.dataJson,
          tls: tls && { owner: principal.name, material: tls },
        },
        invocation,
        signal,
      );
    let access = await read(this.#isDoubted);
    let end = await send(access);
    if (this.#isRefusal(end)) {
      const renewed = await read(true);
      const isOther =
        isRenewed(access.credentials, renewed.credentials) || access.tls?.id !== renewed.tls?.id;
      if (isOther) {
        access = renewed;
        end = await send(renewed);
      }
    }
    this.#isDoubted = access.tls?.cert !== undefined && end.answer === undefined;
    const { secrets } = access.credentials;
    return {
      end,
      context: {
        where,
        timeoutMs: invocation.timeoutMs,
        nowMs: clock.now(),
        ...(access.tls !== undefined && { tlsField: this.#tlsField }),
        ...(secrets.length > 0 && { shown: (text: string) => withoutSecrets(text, secrets) }),
      },
    };
  }

  async #read({ attributes, dataJson }: Invocation, fresh: boolean): Promise<Access> {
    const { clock, readCredentials } = this.#options;
    const tls = await this.#readTls?.(fresh);
    const message = { id: attributes.id, nowMs: clock.now(), body: dataJson };
    return { credentials: (await readCredentials?.(message, fresh, tls)) ?? NONE, tls };
  }

  /** The function knows no such caller, or one of the two does not know the other: nobody has looked at the event. */
  #isRefusal(end: ExchangeEnd): boolean {
    const status = end.answer?.status;
    if (status !== undefined)
      return this.#options.readCredentials !== undefined && (status === 401 || status === 403);
    if (this.#readTls === undefined || end.kind !== 'broken') return false;
    return end.phase === 'connecting' ? isTlsFailure(end.error) : isCertificateRefused(end.error);
  }
}
