/** Lists: consistent or as the cache has them, whole or in pages. */
import { isObject } from './json.ts';
import { CompactedError, type ObjectStore, type Stored } from './object-store.ts';
import { itemText, type View } from './representation.ts';
import type { Selector } from './selectors.ts';
import { expired, StatusError } from './status-error.ts';
import { tooLarge } from './watch.ts';
import type { WatchCache } from './watch-cache.ts';

export interface ListOptions {
  readonly view: View;
  readonly keyPrefix: string;
  readonly selector: Selector | undefined;
  readonly query: Readonly<Record<string, string>>;
  readonly store: ObjectStore;
  readonly cache: WatchCache;
}

interface Page {
  readonly revision: number;
  readonly items: readonly Stored[];
  readonly next: string | undefined;
  /** After this page; undefined where a selector leaves it open. */
  readonly remaining: number | undefined;
}

const EXPIRED_TOKEN =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

/** The answer to a LIST, as JSON. Throws StatusError. */
export function listText(options: ListOptions): string {
  const { view } = options;
  const { kind, partial } = view;
  const { revision, items, next, remaining } = page(options);
  const metadata = JSON.stringify({
    resourceVersion: String(revision),
    ...(next !== undefined && { continue: next }),
    ...(next !== undefined && remaining !== undefined && { remainingItemCount: remaining }),
  });
  const texts = items.map((stored) => itemText(stored, view)).join(',');
  if (partial) {
    return `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":${metadata},"items":[${texts}]}\n`;
  }
  const apiVersion = JSON.stringify(kind.apiVersion);
  const name = JSON.stringify(`${kind.kind}List`);
  return kind.custom
    ? `{"apiVersion":${apiVersion},"items":[${texts}],"kind":${name},"metadata":${metadata}}\n`
    : `{"kind":${name},"apiVersion":${apiVersion},"metadata":${metadata},"items":[${texts}]}\n`;
}

/** The objects that a LIST without pages finds. */
export function listed({ keyPrefix, selector }: ListOptions, from: readonly Stored[]): readonly Stored[] {
  return from.filter(
    ({ key, object }) => key.startsWith(keyPrefix) && (selector === undefined || selector(object)),
  );
}

function page(options: ListOptions): Page {
  const { query, store, cache, view } = options;
  const { resourceVersion = '', resourceVersionMatch, limit = '0' } = query;
  const token = query['continue'] ?? '';
  const { resource } = view.kind;
  if (token !== '') {
    const { revision, after } = readToken(token);
    return paged(options, snapshot(store, resource, revision, EXPIRED_TOKEN), { revision, after, limit });
  }
  if (resourceVersion === '') {
    const { revision } = store;
    return paged(options, store.list(resource), { revision, after: '', limit });
  }
  const wanted = Number(resourceVersion);
  if (resourceVersionMatch === 'Exact') {
    const message = `The provided resource version ${wanted} is too old`;
    return paged(options, snapshot(store, resource, wanted, message), { revision: wanted, after: '', limit });
  }
  if (wanted > cache.revision) {
    // The cache is taken to catch up in time, unless it stands still.
    if (wanted > store.revision || cache.lagMs === Infinity) throw tooLarge(wanted, cache.revision);
    return paged(options, store.list(resource), { revision: store.revision, after: '', limit });
  }
  const { revision } = cache;
  return paged(options, cache.list(resource), { revision, after: '', limit });
}

function snapshot(
  store: ObjectStore,
  resource: string,
  revision: number,
  message: string,
): readonly Stored[] {
  if (revision > store.revision) throw tooLarge(revision, store.revision);
  try {
    return store.list(resource, revision);
  } catch (error) {
    if (error instanceof CompactedError) throw expired(message);
    throw error;
  }
}

function paged(
  options: ListOptions,
  all: readonly Stored[],
  { revision, after, limit }: { readonly revision: number; readonly after: string; readonly limit: string },
): Page {
  const size = Number(limit) || Infinity;
  const rest = after === '' ? all : all.filter(({ key }) => key > after);
  const selected = listed(options, rest);
  const items = selected.length > size ? selected.slice(0, size) : selected;
  const last = items.at(-1);
  const next = items.length < selected.length && last ? writeToken(revision, last.key) : undefined;
  const counted = options.selector === undefined ? selected.length - items.length : undefined;
  return { revision, items, next, remaining: counted };
}

function writeToken(revision: number, after: string): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: after })).toString(
    'base64url',
  );
}

function readToken(token: string): { readonly revision: number; readonly after: string } {
  try {
    const { rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString()) as Record<string, unknown>;
    if (typeof rv === 'number' && typeof start === 'string' && !isObject(start))
      return { revision: rv, after: start };
  } catch {
    // Said below.
  }
  throw new StatusError(400, 'continue key is not valid');
}
