import { isDeepStrictEqual } from 'node:util';
import type { GatewayRoute, Routes } from './desired.ts';

/** The gateway looked at a route and does not want it. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** The gateway was not reached, or cannot answer now: what it has may be something in between. */
export class GatewayUnavailableError extends Error {
  override readonly name = 'GatewayUnavailableError';
}

/** What a gateway says of a route; every other failure is about the gateway, and passes. */
const REFUSALS: ReadonlySet<number> = new Set([400, 403, 409, 413, 422]);

/** The routes of one API at a gateway, by its admin API: each is written by itself. Rejects with GatewayUnavailableError. */
export class GatewayRoutes {
  readonly #url: string;
  readonly #signal: AbortSignal;

  /** @param key of the API, the same in all clusters and namespaces that share the gateway for no other */
  constructor(adminUrl: string, key: string, signal: AbortSignal) {
    this.#url = `${adminUrl.replace(/\/+$/, '')}/apis/${encodeURIComponent(key)}/routes`;
    this.#signal = signal;
  }

  /**
   * Makes the gateway's routes those that are wanted. Where the gateway refuses one, everything becomes as it was; the
   * refusal is returned.
   */
  async publish(wanted: Routes): Promise<string | undefined> {
    const before = await this.#read();
    return await orRefusal(
      () => this.#change(before, wanted),
      async () => await this.#change(await this.#read(), before),
    );
  }

  /** Deletes them all; what the gateway refuses to forget is returned. */
  async withdraw(): Promise<string | undefined> {
    return await orRefusal(async () => await this.#change(await this.#read(), {}));
  }

  async #read(): Promise<Routes> {
    return (await (await this.#send('GET', '')).json()) as Routes;
  }

  async #change(now: Routes, wanted: Routes): Promise<void> {
    // First what sets a path free: another route may be about to take it, and two may change places.
    for (const [name, { path }] of Object.entries(now)) {
      if (routeOf(wanted, name)?.path !== path) await this.#send('DELETE', `/${name}`);
    }
    for (const [name, route] of Object.entries(wanted)) {
      if (!isDeepStrictEqual(routeOf(now, name), route)) await this.#send('PUT', `/${name}`, route);
    }
  }

  async #send(method: string, path: string, route?: GatewayRoute): Promise<Response> {
    const token = process.env['GATEWAY_ADMIN_TOKEN'];
    const answer = await fetch(this.#url + path, {
      method,
      signal: this.#signal,
      redirect: 'manual',
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: route === undefined ? null : JSON.stringify(route),
    }).catch((cause: unknown) => {
      throw new GatewayUnavailableError(reasonOf(cause), { cause });
    });
    if (answer.ok || (method === 'DELETE' && answer.status === 404)) return answer;
    const said = `${answer.status} ${(await answer.text()).slice(0, 256)}`;
    if (REFUSALS.has(answer.status)) throw new RefusedError(`${path.slice(1)}: ${said}`);
    throw new GatewayUnavailableError(said);
  }
}

/** An API may have a route of any name, `constructor` too. */
function routeOf(routes: Routes, name: string): GatewayRoute | undefined {
  return Object.hasOwn(routes, name) ? routes[name] : undefined;
}

async function orRefusal(work: () => Promise<void>, undo?: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    await undo?.();
    return error.message;
  }
}

/** What `fetch` says is "fetch failed"; its cause tells. */
function reasonOf(thrown: unknown): string {
  const { cause = thrown } = thrown as { cause?: unknown };
  return cause instanceof Error ? cause.message : String(cause);
}
