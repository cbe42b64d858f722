/** Requests of the targets that speak HTTP, over one set of connections: each ends by its invocation's deadline. */
import type { Clock } from '../lib/clock.ts';
import type { Invocation } from '../model/invocation.ts';
import type { AddressGuard } from './address-guard.ts';
import { limitCall } from './call-limit.ts';
import { refuseInClear } from './confidential.ts';
import { HttpAgents, type OwnTls } from './http-agents.ts';
import { type ExchangeEnd, HttpExchange } from './http-exchange.ts';
import { MAX_REPLY_BYTES } from './reply-limit.ts';

export interface HttpRequest {
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** Absent: the connection is one that all triggers share. */
  readonly tls?: OwnTls | undefined;
}

export class HttpCaller implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #guard: AddressGuard;
  readonly #agents: HttpAgents;

  constructor(environment: { readonly clock: Clock; readonly guard: AddressGuard }) {
    this.#clock = environment.clock;
    this.#guard = environment.guard;
    this.#agents = new HttpAgents(environment);
  }

  /** POSTs once. Throws the signal's reason where it was stopped, TargetError for a credential in clear, and nothing else. */
  async post(
    { url, headers, body, tls }: HttpRequest,
    invocation: Pick<Invocation, 'deadlineMs' | 'confidentialBy'>,
    signal: AbortSignal,
  ): Promise<ExchangeEnd> {
    signal.throwIfAborted();
    refuseInClear(invocation, url, this.#guard);
    const end = await new Promise<ExchangeEnd>((resolve) => {
      const handler = new HttpExchange(MAX_REPLY_BYTES, (ended) => {
        limit[Symbol.dispose]();
        resolve(ended);
      });
      const limit = limitCall(this.#clock, invocation, signal, (why) => handler.stop(why));
      const path = `${url.pathname}${url.search}`;
      this.#agents.of(tls).dispatch({ origin: url.origin, path, method: 'POST', headers, body }, handler);
    });
    if (end.kind === 'broken' && end.cause === 'stopped') throw signal.reason;
    return end;
  }

  /** Ends all connections; calls that still run fail. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#agents[Symbol.asyncDispose]();
  }
}

/** The URL as people see it: without the query, which may hold a key. */
export function shownUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}
