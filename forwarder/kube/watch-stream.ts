import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import type { ObjectHead } from '../model/delta.ts';
import { errorFromStatus } from './api-error.ts';
import { DocumentReader } from './document-reader.ts';
import { JsonCursorError } from './json-cursor.ts';
import { headOf, type ScannedEvent, scanEvent } from './object-scanner.ts';
import { type BodyEnd, readBody } from './stream-body.ts';
import type { StreamPort } from './stream-port.ts';

/** The server is asked to end a watch after 5 to 10 minutes, so that watches spread over its replicas. */
const MIN_WATCH_SECONDS = 300;

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly head: ObjectHead; readonly raw: string }
  | {
      readonly type: 'BOOKMARK';
      readonly resourceVersion: string;
      /** The last of the initial events of a streaming list. */
      readonly endsInitialEvents: boolean;
    }
  /** An event of a type this program does not know. */
  | { readonly type: 'UNKNOWN' };

export interface WatchOptions {
  readonly transport: StreamPort;
  readonly path: string;
  /** Label and field selectors. */
  readonly query: Readonly<Record<string, string>>;
  /** Where to go on; undefined: a streaming list first (every object as ADDED, then a bookmark that says so). */
  readonly resourceVersion: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Longest silence before the socket is given up; asked again after each byte. */
  readonly idleMs: () => number;
  /** The server has accepted the watch. */
  readonly onOpen: () => void;
  readonly onEvent: (event: WatchEvent) => void;
  readonly onBytes?: (bytes: number) => void;
}

/**
 * Watches until the stream ends, and tells how it ended. Throws ApiError when the watch is refused, when the server
 * sends an ERROR event (410 as API_EXPIRED), or something that is no event (API_PROTOCOL).
 */
export async function watchStream(options: WatchOptions): Promise<BodyEnd> {
  const { transport, path, clock, random, signal, idleMs } = options;
  const body = await transport.open({
    path,
    query: {
      ...options.query,
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(Math.floor(MIN_WATCH_SECONDS * (1 + random()))),
      ...(options.resourceVersion === undefined
        ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
        : { resourceVersion: options.resourceVersion }),
    },
    headTimeoutMs: idleMs(),
    signal,
  });
  options.onOpen();
  const reader = new DocumentReader();
  const end = await readBody({
    body,
    reader,
    clock,
    signal,
    idleMs,
    onBytes: options.onBytes,
    onFrame(frame) {
      options.onEvent(readEvent(frame, path));
      return true;
    },
  });
  return end === 'closed' && !reader.complete ? 'lost' : end;
}

function readEvent(frame: Buffer, path: string): WatchEvent {
  const event = scan(frame);
  if (event?.type === undefined) throw new ApiError('API_PROTOCOL', 'the watch sent an event without a type');
  const { type, object } = event;
  if (type === 'ERROR') {
    throw errorFromStatus(`watch of ${path}`, frame.toString('utf8', event.objectStart, event.objectEnd));
  }
  if (type === 'BOOKMARK') {
    const resourceVersion = object?.metadata.resourceVersion;
    if (!resourceVersion) {
      throw new ApiError('API_PROTOCOL', 'the watch sent a bookmark without resourceVersion');
    }
    return { type, resourceVersion, endsInitialEvents: object?.metadata.endsInitialEvents ?? false };
  }
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') return { type: 'UNKNOWN' };
  const head = object && headOf(object);
  if (head === undefined) {
    throw new ApiError('API_PROTOCOL', 'the watch sent an object without name, uid or resourceVersion');
  }
  return { type, head, raw: frame.toString('utf8', event.objectStart, event.objectEnd) };
}

function scan(frame: Buffer): ScannedEvent | undefined {
  try {
    return scanEvent(frame);
  } catch (error) {
    if (error instanceof JsonCursorError) return undefined;
    throw error;
  }
}
