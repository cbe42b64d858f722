import type { Manifest } from '../../../protocol/result.ts';
import type { Clock } from '../clock.ts';
import type { KubernetesObject } from '../custom-resource.ts';
import { ApiPaths } from './api-paths.ts';
import { type ApiAnswer, ApiFailure, type ApiRequest, type SendToApi } from './api-request.ts';
import type {
  Cluster,
  PatchStatusOptions,
  KindRef,
  ObjectRef,
  StatusOutcome,
  StatusStatement,
  StatusSubject,
} from './cluster.ts';
import { patchStatus } from './patch-status.ts';

export interface ApiClusterOptions {
  readonly send: SendToApi;
  /** In whose name fields are applied, as `statewire/<trigger>`. */
  readonly fieldManager: string;
  readonly clock: Clock;
  /** Ends what waits for a next try. */
  readonly signal: AbortSignal;
  readonly paths?: ApiPaths;
}

/** A Cluster behind a real API server. */
export class ApiCluster implements Cluster {
  readonly #options: ApiClusterOptions;
  readonly #paths: ApiPaths;

  constructor(options: ApiClusterOptions) {
    this.#options = options;
    this.#paths = options.paths ?? new ApiPaths();
  }

  async get(ref: ObjectRef): Promise<KubernetesObject | undefined> {
    const path = await this.#paths.ofObject(this.#options.send, ref);
    const answer = await this.#send({ method: 'GET', path }, [200, 404]);
    return answer.status === 404 ? undefined : (answer.body as KubernetesObject);
  }

  async list({
    namespace,
    labelSelector,
    ...kind
  }: KindRef & {
    readonly namespace?: string | undefined;
    readonly labelSelector?: string | undefined;
  }): Promise<KubernetesObject[]> {
    const path = await this.#paths.ofKind(this.#options.send, kind, namespace);
    const query = labelSelector === undefined ? {} : { query: { labelSelector } };
    const { body } = await this.#send({ method: 'GET', path, ...query }, [200]);
    // The items of a list do not say what they are.
    return (body as { items: KubernetesObject[] }).items.map((item) => ({
      ...item,
      apiVersion: kind.apiVersion,
      kind: kind.kind,
    }));
  }

  async apply(object: Manifest): Promise<KubernetesObject> {
    const { apiVersion, kind, metadata } = object;
    const path = await this.#paths.ofObject(this.#options.send, {
      apiVersion,
      kind,
      name: metadata.name,
      namespace: metadata.namespace,
    });
    const query = { fieldManager: this.#options.fieldManager, force: 'true' };
    const { body } = await this.#send({ method: 'PATCH', path, query, apply: object }, [200, 201]);
    return body as KubernetesObject;
  }

  async delete(ref: ObjectRef): Promise<void> {
    const path = await this.#paths.ofObject(this.#options.send, ref);
    await this.#send({ method: 'DELETE', path, query: { propagationPolicy: 'Background' } }, [200, 202, 404]);
  }

  async patchStatus(
    subject: StatusSubject,
    statement: StatusStatement,
    { part }: PatchStatusOptions = {},
  ): Promise<StatusOutcome> {
    const { apiVersion, kind, metadata } = subject;
    const { name, namespace } = metadata;
    const { send, clock, signal, fieldManager } = this.#options;
    return patchStatus({
      path: await this.#paths.ofObject(send, { apiVersion, kind, name, namespace }),
      subject,
      statement,
      send,
      fieldManager: part === undefined ? fieldManager : `${fieldManager}/${part}`,
      clock,
      signal,
    });
  }

  async #send(request: ApiRequest, expected: readonly number[]): Promise<ApiAnswer> {
    const answer = await this.#options.send(request);
    if (!expected.includes(answer.status)) throw new ApiFailure(request, answer);
    return answer;
  }
}
