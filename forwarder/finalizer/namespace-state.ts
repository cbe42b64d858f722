/** Whether a namespace is being deleted: Roles, Secrets and tokens in it go within seconds, and nothing can be created. */
import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import type { KubeClient } from '../model/kube-client.ts';

/** Objects that are deleted together ask together. */
const FRESH_MS = 5000;

export class NamespaceState {
  readonly #options: { readonly client: KubeClient; readonly clock: Clock; readonly namespace: string };
  #terminating = false;
  #asking: Promise<boolean> | undefined;
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(options: { readonly client: KubeClient; readonly clock: Clock; readonly namespace: string }) {
    this.#options = options;
  }

  /** As far as is known. There is no way back from it. */
  get terminating(): boolean {
    return this.#terminating;
  }

  /** Asks, at most every 5 s. Who may not ask, and who gets no answer, takes it to be alive. */
  ask(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#options;
    if (this.#terminating || clock.monotonic() - this.#askedMs < FRESH_MS)
      return this.#asking ?? Promise.resolve(this.#terminating);
    this.#askedMs = clock.monotonic();
    this.#asking = this.#ask(signal).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(signal: AbortSignal): Promise<boolean> {
    const { client, namespace } = this.#options;
    try {
      const path = `/api/v1/namespaces/${namespace}`;
      const { metadata } = JSON.parse((await client.request({ method: 'GET', path, signal })).text) as {
        readonly metadata: { readonly deletionTimestamp?: string };
      };
      this.#terminating ||= metadata.deletionTimestamp !== undefined;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#terminating ||= error.code === 'API_NOT_FOUND';
    }
    return this.#terminating;
  }
}
