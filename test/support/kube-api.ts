/** The API server as tests use it: one request at a time, exact bytes, over kept connections. */
import { Pool } from 'undici';
import type { Cleanup, SharedCluster } from './cluster.ts';

export type ApiMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

const TYPES: Partial<Record<ApiMethod, string>> = { PATCH: 'application/merge-patch+json' };

export class KubeApi {
  readonly #pool: Pool;
  readonly #token: string;

  constructor({ server, caPem, token }: Pick<SharedCluster, 'server' | 'caPem' | 'token'>) {
    this.#pool = new Pool(server, { connections: 16, connect: { ca: caPem } });
    this.#token = token;
  }

  /** Status and body. A string is sent as it is, a PATCH as a merge patch. */
  async send(
    method: ApiMethod,
    path: string,
    body?: unknown,
    contentType: string = TYPES[method] ?? 'application/json',
  ): Promise<{ readonly status: number; readonly text: string }> {
    const answer = await this.#pool.request({
      method,
      path,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': contentType },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  }

  /** The object that comes back; throws where the server refuses. */
  async call<T = unknown>(method: ApiMethod, path: string, body?: unknown, contentType?: string): Promise<T> {
    const { status, text } = await this.send(method, path, body, contentType);
    if (status > 299) throw new Error(`${method} ${path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** The object, or undefined where there is none. */
  async find<T = unknown>(path: string): Promise<T | undefined> {
    const { status, text } = await this.send('GET', path);
    return status === 404 ? undefined : (JSON.parse(text) as T);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

export function connectApi(cleanup: Cleanup, cluster: SharedCluster): KubeApi {
  const api = new KubeApi(cluster);
  cleanup.after(() => api.close());
  return api;
}
