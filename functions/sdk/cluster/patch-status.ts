import type { Clock } from '../clock.ts';
import type { KubernetesObject } from '../custom-resource.ts';
import { type ApiAnswer, ApiFailure, type ApiRequest, type SendToApi } from './api-request.ts';
import type { StatusOutcome, StatusStatement, StatusSubject } from './cluster.ts';
import { type Additions, statesNewer, statusBody } from './status-body.ts';

const MAX_TRIES = 8;
const FIRST_WAIT_MS = 100;
const UNTYPED = /failed to create typed patch object|field not declared in schema/;
const LESS: Readonly<Record<Additions, Additions | undefined>> = {
  all: 'times',
  times: 'none',
  none: undefined,
};

export interface StatusWrite {
  /** API path of the object. */
  readonly path: string;
  readonly subject: StatusSubject;
  readonly statement: StatusStatement;
  readonly send: SendToApi;
  readonly fieldManager: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * One server-side apply to `/status`, guarded by the resourceVersion of a state whose uid was compared: the API server
 * itself would let a status land on whatever object has the name now, whichever uid the body names.
 *
 * A conflict reads again; a server that is busy or away is asked again, eight times at most. Rejects with ApiFailure.
 */
export async function patchStatus(write: StatusWrite): Promise<StatusOutcome> {
  const { path, subject, send, fieldManager, clock } = write;
  let additions: Additions = 'all';
  let subresource = true;
  for (let tried = 1; ; tried++) {
    const read = { method: 'GET', path } as const;
    const found = await attempt(send, read);
    if (found.answer?.status === 404) return 'gone';
    if (found.answer?.status !== 200) {
      await again(write, tried, read, found);
      continue;
    }
    const current = found.answer.body as KubernetesObject;
    if (current.metadata.uid !== subject.metadata.uid) return 'gone';
    const input = {
      current,
      statement: write.statement,
      fieldManager,
      generation: subject.metadata.generation,
      nowMs: clock.now(),
      additions,
    };
    if (statesNewer(input)) return 'older';
    const { name, namespace, uid, resourceVersion } = current.metadata;
    const status = statusBody(input);
    const patch: ApiRequest = {
      method: 'PATCH',
      path: subresource ? `${path}/status` : path,
      query: { fieldManager, force: 'true' },
      apply: {
        apiVersion: subject.apiVersion,
        kind: subject.kind,
        // Applied to an object that is gone, the main resource would be made anew; the uid prevents that.
        metadata: {
          name,
          ...(namespace !== undefined && { namespace }),
          resourceVersion,
          ...(!subresource && { uid }),
        },
        // Nothing to say is no status: an empty one would be stored as null, which a schema refuses.
        ...(Object.keys(status).length > 0 && { status }),
      },
    };
    const wrote = await attempt(send, patch);
    const { status: answered, body } = wrote.answer ?? {};
    if (answered === 200 || answered === 201) {
      const after = (body as KubernetesObject).metadata.resourceVersion;
      return after === resourceVersion ? 'unchanged' : 'written';
    }
    const less: Additions | undefined = LESS[additions];
    if (answered === 404 && subresource) {
      // Gone since, or a kind without the subresource: the next read tells.
      subresource = false;
    } else if (answered === 500 && UNTYPED.test(messageOf(body)) && less !== undefined) {
      additions = less;
    } else {
      await again(write, tried, patch, wrote);
    }
  }
}

interface Attempt {
  readonly answer?: ApiAnswer;
  readonly error?: unknown;
}

async function attempt(send: SendToApi, request: ApiRequest): Promise<Attempt> {
  try {
    return { answer: await send(request) };
  } catch (error) {
    return { error };
  }
}

/** Waits for the next try; throws where none can help. */
async function again(
  write: StatusWrite,
  tried: number,
  request: ApiRequest,
  { answer, error }: Attempt,
): Promise<void> {
  const { signal, clock } = write;
  const passes =
    answer === undefined
      ? !signal.aborted
      : answer.status === 409 ||
        answer.status === 429 ||
        (answer.status >= 500 && !UNTYPED.test(messageOf(answer.body)));
  if (!passes || tried >= MAX_TRIES) throw answer === undefined ? error : new ApiFailure(request, answer);
  const stepMs = FIRST_WAIT_MS * 2 ** (tried - 1);
  await sleep(clock, stepMs / 2 + (Math.random() * stepMs) / 2, signal);
}

function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      timer.cancel();
      reject(signal.reason as Error);
    };
    const timer = clock.after(delayMs, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

function messageOf(body: unknown): string {
  const message = (body as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message : '';
}
