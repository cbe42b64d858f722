import { isDeepStrictEqual } from 'node:util';
import { retryAfter } from '@statewire/functions';
import type { GatewayRoute, Routes } from './desired.ts';

/** The gateway looked at a route and does not want it. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** The routes of one API at a gateway, by its admin API: each is written by itself. */
export class GatewayRoutes {
  readonly #url: string;
  readonly #signal: AbortSignal;

  /** @param key of the API, the same in all clusters and namespaces that share the gateway for no other */
  constructor(adminUrl: string, key: string, signal: AbortSignal) {
    this.#url = `${adminUrl.replace(/\/+$/, '')}/apis/${encodeURIComponent(key)}/routes`;
    this.#signal = signal;
  }

  async read(): Promise<Routes> {
    return (await (await this.#send('GET', '')).json()) as Routes;
  }

  /**
   * Makes the gateway's routes those that are wanted: deletes what is not wanted any more, then writes what differs.
   * Where the gateway refuses one, everything becomes as it was; the refusal is returned.
   */
  async publish(wanted: Routes): Promise<string | undefined> {
    const before = await this.read();
    try {
      await this.#change(before, wanted);
      return undefined;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      await this.#change(await this.read(), before);
      return error.message;
    }
  }

  async #change(now: Routes, wanted: Routes): Promise<void> {
    // Deleted first: a path may move from one route to another.
    for (const name of Object.keys(now)) {
      if (wanted[name] === undefined) await this.#send('DELETE', `/${name}`);
    }
    for (const [name, route] of Object.entries(wanted)) {
      if (!isDeepStrictEqual(now[name], route)) await this.#send('PUT', `/${name}`, route);
    }
  }

  /** Throws RefusedError, or what has the call repeated where the gateway is away. */
  async #send(method: string, path: string, route?: GatewayRoute): Promise<Response> {
    const token = process.env['GATEWAY_ADMIN_TOKEN'];
    const answer = await fetch(this.#url + path, {
      method,
      signal: this.#signal,
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: route === undefined ? null : JSON.stringify(route),
    }).catch((cause: unknown) => {
      throw retryAfter('5s', cause);
    });
    if (answer.ok) return answer;
    const text = await answer.text();
    if (answer.status >= 500 || answer.status === 429) throw retryAfter('5s', text);
    throw new RefusedError(`${path.slice(1)}: ${answer.status} ${text}`);
  }
}
