/**
 * Event ids: never random, never the same for two different states, equal over retries, restarts and replicas.
 *
 * `<uid>:<version>`, `<uid>:deleted` or `<uid>:left:<resourceVersion>`; where an unchanged object is sent for another
 * reason, one more part says which occasion it is.
 */
import { hash } from 'node:crypto';
import type { EventType } from '../../protocol/event.ts';

/** One child as the id of a `Child` event counts it. */
export interface ChildVersion {
  readonly uid: string;
  readonly resourceVersion: string;
}

/**
 * What stands in an id beside uid and version.
 * - `none`: the state itself is the occasion (also for a replay).
 * - `left`: a deletion that is none: the object left the selector at this resourceVersion.
 * - `child`: its children as they are now; their order does not matter.
 * - `timed`: Requeue and Resync, by the moment they were due.
 * - `redeliver`: the value of the redeliver annotation.
 */
export type IdSuffix =
  | { readonly kind: 'none' }
  | { readonly kind: 'left'; readonly resourceVersion: string }
  | { readonly kind: 'child'; readonly children: readonly ChildVersion[] }
  | { readonly kind: 'timed'; readonly dueUnixSeconds: number }
  | { readonly kind: 'redeliver'; readonly value: string };

export interface Occurrence {
  readonly uid: string;
  readonly eventType: EventType;
  /** `g<generation>` or a resourceVersion; not looked at for deletions. */
  readonly version: string;
  readonly suffix: IdSuffix;
}

/** The `id` attribute. */
export function eventId({ uid, eventType, version, suffix }: Occurrence): string {
  if (suffix.kind === 'left') return `${uid}:left:${suffix.resourceVersion}`;
  return `${uid}:${eventType === 'Deleted' ? 'deleted' : version}${lastPart(suffix)}`;
}

function lastPart(suffix: Exclude<IdSuffix, { kind: 'left' }>): string {
  switch (suffix.kind) {
    case 'none':
      return '';
    case 'child':
      return `:c${eightHex(
        suffix.children
          .map(({ uid, resourceVersion }) => `${uid}/${resourceVersion}`)
          .toSorted()
          .join('\n'),
      )}`;
    case 'timed':
      return `:t${Math.trunc(suffix.dueUnixSeconds)}`;
    case 'redeliver':
      return `:r${eightHex(suffix.value)}`;
  }
}

function eightHex(text: string): string {
  return hash('sha256', text).slice(0, 8);
}

/** 64 hex of SHA-256 over `<trigger uid>/<event id>`: the key by which receivers and brokers recognize a repeat. */
export function idempotencyKey(triggerUid: string, id: string): string {
  return hash('sha256', `${triggerUid}/${id}`);
}
