/**
 * The HTTP connections of all triggers: one set that they share, and one for each trust or certificate of a trigger's own.
 * A connection that was made on one identity's word never carries the calls of another.
 */
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { Agent } from 'undici';
import type { Clock } from '../lib/clock.ts';
import type { AddressGuard } from './address-guard.ts';
import { createHttpAgent } from './http-agent.ts';
import type { TlsMaterial } from './tls-secret.ts';

/** Connections of a trust or certificate that nobody called with in so long are ended: it was rotated, or its trigger is gone. */
const IDLE_MS = 600_000;

export interface OwnTls {
  /** Name of the principal: two of them share no connection, also where the material is the same. */
  readonly owner: string;
  readonly material: TlsMaterial;
}

interface Kept {
  readonly agent: Agent;
  usedAtMs: number;
}

export class HttpAgents implements AsyncDisposable {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #guard: AddressGuard;
  readonly #shared: Agent;
  readonly #own = new Map<string, Kept>();
  readonly #ending = new Set<Agent>();

  constructor({ clock, guard }: { readonly clock: Pick<Clock, 'monotonic'>; readonly guard: AddressGuard }) {
    this.#clock = clock;
    this.#guard = guard;
    this.#shared = createHttpAgent(guard);
  }

  of(tls: OwnTls | undefined): Agent {
    if (tls === undefined) return this.#shared;
    const nowMs = this.#clock.monotonic();
    const key = `${tls.owner} ${tls.material.id}`;
    let kept = this.#own.get(key);
    if (kept === undefined) {
      this.#endIdle(nowMs);
      kept = { agent: createHttpAgent(this.#guard, contextOf(tls.material)), usedAtMs: nowMs };
      this.#own.set(key, kept);
    }
    kept.usedAtMs = nowMs;
    return kept.agent;
  }

  /** Ends all connections; calls that still run fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    const own = Array.from(this.#own.values(), ({ agent }) => agent);
    await Promise.all([this.#shared, ...own, ...this.#ending].map((agent) => agent.destroy()));
  }

  /** Calls that still run come to their end. */
  #endIdle(nowMs: number): void {
    for (const [key, { agent, usedAtMs }] of this.#own) {
      if (nowMs - usedAtMs <= IDLE_MS) continue;
      this.#own.delete(key);
      this.#ending.add(agent);
      void agent.close().finally(() => this.#ending.delete(agent));
    }
  }
}

/** Made once, since it takes milliseconds to read all authorities that Node knows. */
function contextOf({ ca, trustsKnown, cert, key }: TlsMaterial): SecureContext {
  return createSecureContext({
    ...(ca !== undefined && { ca: trustsKnown === true ? [...getCACertificates('default'), ca] : ca }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
  });
}
