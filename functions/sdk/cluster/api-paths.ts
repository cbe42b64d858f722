import { ApiFailure, type SendToApi } from './api-request.ts';
import type { KindRef, ObjectRef } from './cluster.ts';

interface KindPath {
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Paths of kinds by discovery, asked for once per API server and group version; again for a kind that was not there. */
export class ApiPaths {
  readonly #known = new Map<string, Promise<ReadonlyMap<string, KindPath>>>();

  /** Of all objects of a kind, in a namespace or everywhere. Rejects for a kind that is not served. */
  async ofKind(
    send: SendToApi,
    { apiVersion, kind }: KindRef,
    namespace: string | undefined,
  ): Promise<string> {
    const root = groupPath(apiVersion);
    const known =
      (await this.#read(send, root, false)).get(kind) ?? (await this.#read(send, root, true)).get(kind);
    if (known === undefined) throw new Error(`the API server does not serve ${apiVersion} ${kind}`);
    const within =
      known.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
    return `${root}${within}/${known.plural}`;
  }

  async ofObject(send: SendToApi, ref: ObjectRef): Promise<string> {
    return `${await this.ofKind(send, ref, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  }

  #read(send: SendToApi, root: string, again: boolean): Promise<ReadonlyMap<string, KindPath>> {
    const known = this.#known.get(root);
    if (known !== undefined && !again) return known;
    const reading = readKinds(send, root);
    this.#known.set(root, reading);
    reading.catch(() => this.#known.delete(root));
    return reading;
  }
}

function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

async function readKinds(send: SendToApi, path: string): Promise<ReadonlyMap<string, KindPath>> {
  const request = { method: 'GET', path } as const;
  const answer = await send(request);
  if (answer.status === 404) return new Map();
  if (answer.status !== 200) throw new ApiFailure(request, answer);
  const { resources } = answer.body as {
    resources: { name: string; kind: string; namespaced: boolean }[];
  };
  return new Map(
    resources
      .filter(({ name }) => !name.includes('/'))
      .map(({ name, kind, namespaced }) => [kind, { plural: name, namespaced }]),
  );
}
