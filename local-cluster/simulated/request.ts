/** What goes into the simulated API server, and what comes out. */
import type { Readable } from 'node:stream';
import type { KindRegistry, ServedKind } from './kinds.ts';
import { noResource } from './status-error.ts';

export interface SimulatedRequest {
  readonly method: string;
  /** Begins with `/`, without a query; names in it are encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** JSON text. */
  readonly body?: string | undefined;
}

export interface SimulatedReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A watch: ends when the server ends it; destroying it ends the watch. */
export interface SimulatedStream {
  readonly status: 200;
  readonly headers: Readonly<Record<string, string>>;
  readonly stream: Readable;
}

export type SimulatedAnswer = SimulatedReply | SimulatedStream;

export const JSON_HEADERS: Readonly<Record<string, string>> = { 'content-type': 'application/json' };

/** A path to a resource, an object or a subresource. */
export interface ResourcePath {
  readonly kind: ServedKind;
  /** Empty: all namespaces, or a kind without. */
  readonly namespace: string;
  /** Empty: the collection. */
  readonly name: string;
  readonly subresource: string | undefined;
}

/** Undefined where the path names no resource's group version; throws StatusError for a resource that is not served. */
export function resourcePath(path: string, kinds: KindRegistry): ResourcePath | undefined {
  const segments = path.split('/');
  const root = segments[1];
  const rest = segments.slice(2);
  const versionParts = root === 'api' ? 1 : root === 'apis' ? 2 : 0;
  if (versionParts === 0 || rest.length <= versionParts) return undefined;
  const apiVersion = rest.slice(0, versionParts).join('/');
  let parts = rest.slice(versionParts);
  if (path.includes('%')) parts = parts.map((part) => decodeURIComponent(part));
  if (parts.at(-1) === '') parts = parts.slice(0, -1);
  let namespace = '';
  // `namespaces/x` and `namespaces/x/status` are the object itself; `namespaces/x/pods` is not.
  if (parts[0] === 'namespaces' && parts.length > 2 && parts[2] !== 'status' && parts[2] !== 'finalize') {
    namespace = parts[1] as string;
    parts = parts.slice(2);
  }
  const [plural = '', name = '', subresource] = parts;
  const kind = kinds.find(apiVersion, plural);
  if (kind === undefined || parts.length > 3) throw noResource();
  if (namespace !== '' && !kind.namespaced) throw noResource();
  if (namespace === '' && kind.namespaced && name !== '') throw noResource();
  return { kind, namespace, name, subresource };
}

/** The store's key of an object. */
export function storeKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
