/** What a reflector does after a list or watch has ended: the rules of client-go's reflector, as a pure function. */
import type { ApiError } from '../lib/errors.ts';
import {
  type BackoffShape,
  DENIED_BACKOFF,
  FAILURE_BACKOFF,
  NOT_READY_BACKOFF,
  REFUSED_BACKOFF,
} from './backoff.ts';

/** Why a watch is opened again: the `reason` label of `statewire_watch_restarts_total`. */
export type RestartReason =
  | 'closed'
  | 'lost'
  | 'idle'
  | 'expired'
  | 'throttled'
  | 'denied'
  | 'unavailable'
  | 'protocol'
  | 'invalid';

/** Why a list is made: the `reason` label of `statewire_relists_total`. */
export type RelistReason = 'start' | 'expired' | 'protocol' | 'retry' | 'subscriber' | 'audit';

/** How a list or watch ended. */
export type RoundEnd =
  | { readonly kind: 'listed' }
  | {
      readonly kind: 'ended';
      readonly how: 'closed' | 'lost' | 'idle';
      /** Events and bookmarks received. */
      readonly events: number;
      readonly lastedMs: number;
    }
  | { readonly kind: 'failed'; readonly error: ApiError; readonly refused: boolean; readonly events: number };

export interface RoundContext {
  /** What the round was: `stream` a streaming list that had not reached its end. */
  readonly phase: 'pages' | 'stream' | 'watch';
  /** Rounds before this one that ended with this error code and brought nothing. */
  readonly repeats: number;
}

export type Step =
  /** The kind is not served. */
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'again';
      /** Whether to list before watching, and why. */
      readonly relist?: RelistReason;
      /** Wait that long first; where the server said how long, that long. */
      readonly backoff?: BackoffShape;
      readonly retryAfterMs?: number;
      readonly restart: RestartReason;
      /** Streaming lists: not for this list, or not for some minutes because the server does not know them. */
      readonly streaming?: 'skip' | 'refused';
    };

/** A watch this short that brought nothing is treated like an error, or it would be reopened without end. */
const VERY_SHORT_MS = 1000;
/** An event that cannot be read comes again from the same version; then a list gets past it. */
const MAX_UNREADABLE = 3;

export function nextStep(end: Exclude<RoundEnd, { kind: 'listed' }>, { phase, repeats }: RoundContext): Step {
  const listing = phase !== 'watch';
  const relist = listing ? { relist: 'retry' as const } : {};
  if (end.kind === 'ended') {
    const again = { kind: 'again', ...relist, restart: end.how } as const;
    if (phase === 'stream') return { ...again, streaming: 'skip', backoff: FAILURE_BACKOFF };
    const short = end.events === 0 && end.lastedMs < VERY_SHORT_MS;
    return short ? { ...again, backoff: FAILURE_BACKOFF } : again;
  }
  const { error } = end;
  const failed = { kind: 'again', ...relist, backoff: FAILURE_BACKOFF } as const;
  switch (error.code) {
    case 'API_NOT_FOUND':
      return { kind: 'absent' };
    case 'API_EXPIRED':
      // Routine: the server has compacted past our version. Only where it repeats at once is it worth a pause.
      return {
        kind: 'again',
        relist: 'expired',
        restart: 'expired',
        ...(repeats > 0 && { backoff: FAILURE_BACKOFF }),
      };
    case 'API_THROTTLED':
      return { ...failed, restart: 'throttled', ...retryAfter(error) };
    case 'API_UNAUTHORIZED':
    case 'API_FORBIDDEN':
      return { ...failed, restart: 'denied', backoff: DENIED_BACKOFF };
    case 'API_PROTOCOL':
      return {
        ...failed,
        restart: 'protocol',
        ...(!listing && repeats + 1 >= MAX_UNREADABLE && { relist: 'protocol' as const }),
        ...(phase === 'stream' && { streaming: 'skip' as const }),
      };
    case 'API_INVALID':
    case 'API_CONFLICT':
      // 400, 405, 406, 422: the server knows no streaming lists.
      if (phase === 'stream') return { kind: 'again', ...relist, restart: 'invalid', streaming: 'refused' };
      return { ...failed, restart: 'invalid' };
    case 'API_UNAVAILABLE':
      return {
        ...failed,
        restart: 'unavailable',
        ...(end.refused && { backoff: REFUSED_BACKOFF }),
        ...(error.status === 503 && { backoff: NOT_READY_BACKOFF }),
        ...(phase === 'stream' && error.status === 500 && { streaming: 'skip' as const }),
        ...retryAfter(error),
      };
    default:
      return error.code satisfies never;
  }
}

function retryAfter({ retryAfterMs }: ApiError): { readonly retryAfterMs?: number } {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}
