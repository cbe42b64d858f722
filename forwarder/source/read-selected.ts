import type { Clock } from '../lib/clock.ts';
import type { ObjectHead } from '../model/delta.ts';
import type { GroupVersionKind } from '../model/resource.ts';
import { listPages } from '../kube/list-pages.ts';
import type { StreamPort } from '../kube/stream-port.ts';

/**
 * Reads one object as a source sees it: by a list of its name, because a GET knows nothing of selectors and needs a
 * right of its own. A consistent read, which costs the API server no more than a GET. Throws ApiError.
 */
export async function readSelected(options: {
  readonly transport: StreamPort;
  /** Where the objects of its namespace are. */
  readonly path: string;
  /** The source's selectors. */
  readonly query: Readonly<Record<string, string>>;
  readonly name: string;
  readonly kind: GroupVersionKind;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<{
  /** Undefined: there is none, or it is not selected. */
  readonly found: { readonly head: ObjectHead; readonly raw: string } | undefined;
  /** As of this version. */
  readonly version: string;
}> {
  const { query, name } = options;
  const selectors = [query['fieldSelector'], `metadata.name=${name}`];
  let found: { readonly head: ObjectHead; readonly raw: string } | undefined;
  const version = await listPages({
    ...options,
    query: { ...query, fieldSelector: selectors.filter((one) => one !== undefined).join(',') },
    onBegin: () => (found = undefined),
    onItem: (head, raw) => (found = { head, raw }),
  });
  return { found, version };
}
