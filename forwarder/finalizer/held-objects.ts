/** Finds what carries a finalizer, also where no watch shows it: outside a selection, or under an earlier one. */
import { ApiError } from '../lib/errors.ts';
import { parseExact } from '../lib/exact-json.ts';
import type { KubeClient } from '../model/kube-client.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { apiVersionOf, type Resource, resourcePath } from '../model/resource.ts';
import { hasFinalizer } from './finalizer-patch.ts';

const PAGE_SIZE = '500';

interface List {
  readonly items?: readonly KubeObject[];
  readonly metadata?: { readonly continue?: string };
}

/** All objects of a kind in a namespace that carry it. Throws ApiError. */
export async function listHeld(options: {
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly namespace: string;
  readonly finalizer: string;
  readonly signal: AbortSignal;
}): Promise<readonly KubeObject[]> {
  const { client, resource, namespace, finalizer, signal } = options;
  const path = resourcePath(resource, { namespace });
  const held: KubeObject[] = [];
  let token = '';
  do {
    const query = { limit: PAGE_SIZE, ...(token !== '' && { continue: token }) };
    let list: List;
    try {
      list = parseExact((await client.request({ method: 'GET', path, query, signal })).text) as List;
    } catch (error) {
      // The kind is not served any more, and its objects went with it.
      if (error instanceof ApiError && error.code === 'API_NOT_FOUND') return [];
      throw error;
    }
    for (const item of list.items ?? []) {
      // Lists of built-in kinds leave these two out of their items.
      const object = { ...item, apiVersion: apiVersionOf(resource), kind: resource.kind };
      if (hasFinalizer(object, finalizer)) held.push(object);
    }
    token = list.metadata?.continue ?? '';
  } while (token !== '');
  return held;
}

/** Whether a selection holds the object of that name now. Throws ApiError. */
export async function isSelected(options: {
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  readonly labelSelector: string | undefined;
  readonly fieldSelector: string | undefined;
  readonly signal: AbortSignal;
}): Promise<boolean> {
  const { client, resource, namespace, name, labelSelector, fieldSelector, signal } = options;
  const query = {
    fieldSelector: [`metadata.name=${name}`, ...(fieldSelector === undefined ? [] : [fieldSelector])].join(
      ',',
    ),
    ...(labelSelector !== undefined && { labelSelector }),
  };
  const path = resourcePath(resource, { namespace });
  const { items = [] } = parseExact(
    (await client.request({ method: 'GET', path, query, signal })).text,
  ) as List;
  return items.length > 0;
}
