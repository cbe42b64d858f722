/** The requests that write dead letters. Each throws ApiError. */
import { ApiError } from '../lib/errors.ts';
import type { KubeClient, KubeRequest } from '../model/kube-client.ts';
import type { KubeObject } from '../model/kube-object.ts';
import {
  createBody,
  deadLetterPath,
  type LetterBody,
  type LetterSight,
  readLetter,
  REPLAY_ANNOTATION,
  statusBody,
} from './dead-letter.ts';

const MERGE_PATCH = 'application/merge-patch+json';

export class LetterApi {
  readonly #client: KubeClient;
  readonly #signal: AbortSignal;

  constructor(client: KubeClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  create(body: LetterBody): Promise<LetterSight> {
    return this.#send({ method: 'POST', path: deadLetterPath(body.namespace), body: createBody(body) });
  }

  read(at: Pick<LetterBody, 'namespace' | 'name'>): Promise<LetterSight> {
    return this.#send({ method: 'GET', path: pathOf(at) });
  }

  /** `firstFailedAt` stays where the letter has one. */
  writeStatus({ failure, ...at }: LetterBody, { firstFailedAt }: LetterSight): Promise<LetterSight> {
    return this.#send({
      method: 'PATCH',
      path: `${pathOf(at)}/status`,
      contentType: MERGE_PATCH,
      body: statusBody(failure, firstFailedAt),
    });
  }

  /** Only of the version that was seen: a value that was written since is another wish. */
  removeReplay({ resourceVersion, ...at }: LetterSight): Promise<LetterSight> {
    const metadata = { resourceVersion, annotations: { [REPLAY_ANNOTATION]: null } };
    return this.#send({
      method: 'PATCH',
      path: pathOf(at),
      contentType: MERGE_PATCH,
      body: JSON.stringify({ metadata }),
    });
  }

  /** @param uid of the letter that is meant; undefined: whatever has that name */
  async delete(at: Pick<LetterBody, 'namespace' | 'name'>, uid: string | undefined): Promise<undefined> {
    await this.#client.request({
      method: 'DELETE',
      path: pathOf(at),
      ...(uid !== undefined && { body: JSON.stringify({ preconditions: { uid } }) }),
      signal: this.#signal,
    });
  }

  async #send(request: KubeRequest): Promise<LetterSight> {
    const { text } = await this.#client.request({ ...request, signal: this.#signal });
    const sight = readLetter(JSON.parse(text) as KubeObject);
    if (sight === undefined)
      throw new ApiError('API_PROTOCOL', `${request.path}: the answer is no DeadLetter`);
    return sight;
  }
}

function pathOf({ namespace, name }: Pick<LetterBody, 'namespace' | 'name'>): string {
  return deadLetterPath(namespace, name);
}
