import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import type { ObjectHead } from '../model/delta.ts';
import type { GroupVersionKind } from '../model/resource.ts';
import { JsonCursorError } from './json-cursor.ts';
import { ListReader } from './list-reader.ts';
import { headOf, type ScannedObject, scanObject } from './object-scanner.ts';
import { readBody } from './stream-body.ts';
import type { StreamPort } from './stream-port.ts';

/** Objects per page, as client-go asks for. */
const PAGE_SIZE = 500;
/** Lists are served in one go: this much silence means that nothing more will come. */
const IDLE_MS = 30_000;

export interface ListOptions {
  readonly transport: StreamPort;
  readonly path: string;
  /** Label and field selectors. */
  readonly query: Readonly<Record<string, string>>;
  /** @defaultValue application/json */
  readonly accept?: string;
  /** Written in front of items that lack them: the API server leaves them out in lists of built-in kinds. */
  readonly kind: GroupVersionKind;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A list begins; also when it has to begin again, because its pages expired: what was handed on before is void. */
  readonly onBegin: () => void;
  /** Each object, while the list is still being read. */
  readonly onItem: (head: ObjectHead, raw: string) => void;
  readonly onBytes?: (bytes: number) => void;
  /** Goes around the reading of each page: lets others read in between. */
  readonly aroundPage?: <T>(read: () => Promise<T>) => Promise<T>;
}

/**
 * Lists everything as of now (a consistent read, in pages), with no more than a chunk of it in memory.
 * Returns the resourceVersion from which a watch goes on. Throws ApiError.
 */
export async function listPages(options: ListOptions): Promise<string> {
  options.onBegin();
  let limit: string | undefined = String(PAGE_SIZE);
  let token = '';
  const aroundPage = options.aroundPage ?? ((read) => read());
  for (;;) {
    try {
      const query = {
        ...options.query,
        ...(limit !== undefined && { limit }),
        ...(token !== '' && { continue: token }),
      };
      const page = await aroundPage(() => listPage(options, query));
      if (page.continue === '') return page.resourceVersion;
      token = page.continue;
    } catch (error) {
      // The pages were compacted away while we read them: once more, in one go.
      if (token === '' || !(error instanceof ApiError) || error.code !== 'API_EXPIRED') throw error;
      token = '';
      limit = undefined;
      options.onBegin();
    }
  }
}

async function listPage(
  options: ListOptions,
  query: Readonly<Record<string, string>>,
): Promise<{ readonly resourceVersion: string; readonly continue: string }> {
  const { transport, path, accept, clock, signal } = options;
  const body = await transport.open({
    path,
    query,
    ...(accept !== undefined && { accept }),
    headTimeoutMs: IDLE_MS,
    signal,
  });
  const reader = new ListReader();
  const end = await readBody({
    body,
    reader,
    clock,
    signal,
    idleMs: () => IDLE_MS,
    onBytes: options.onBytes,
    onFrame(frame) {
      const { head, raw } = readItem(frame, options.kind);
      options.onItem(head, raw);
      return true;
    },
  });
  if (end !== 'closed') {
    const how = end === 'idle' ? 'no answer in time' : 'connection lost';
    throw new ApiError('API_UNAVAILABLE', `GET ${path}: ${how}`);
  }
  return reader.envelope();
}

function readItem(
  frame: Buffer,
  kind: GroupVersionKind,
): { readonly head: ObjectHead; readonly raw: string } {
  const scanned = scan(frame);
  const head = scanned && headOf(scanned);
  if (scanned === undefined || head === undefined) {
    throw new ApiError('API_PROTOCOL', 'a list holds an object without name, uid or resourceVersion');
  }
  return { head, raw: withType(frame, scanned, kind) };
}

function scan(frame: Buffer): ScannedObject | undefined {
  try {
    return scanObject(frame);
  } catch (error) {
    if (error instanceof JsonCursorError) return undefined;
    throw error;
  }
}

/** The item's own text, with apiVersion and kind as watch events carry them. */
function withType(frame: Buffer, scanned: ScannedObject, { apiVersion, kind }: GroupVersionKind): string {
  if (scanned.hasApiVersion && scanned.hasKind) return frame.toString();
  const missing = [
    ...(scanned.hasKind ? [] : [`"kind":${JSON.stringify(kind)},`]),
    ...(scanned.hasApiVersion ? [] : [`"apiVersion":${JSON.stringify(apiVersion)},`]),
  ].join('');
  return `{${missing}${frame.toString('utf8', 1)}`;
}
