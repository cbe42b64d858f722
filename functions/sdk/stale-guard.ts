import type { StatewireFunction } from './define-function.ts';
import { eventTypeOf, type ReceivedEvent } from './event.ts';

/** Objects remembered; beyond, the one handled longest ago is forgotten. */
const REMEMBERED = 10_000;

interface Handled {
  /** The event's `sequence`, comparable as text. */
  readonly sequence: string;
  readonly deadlineMs: number;
}

/**
 * Remembers the newest state handled of each object, for carriers that deliver late, twice or in another order (queues,
 * Lambda's `Event`, a broker).
 *
 * An event is stale where its state is older than one handled, and it was sent before that one was. By its state alone
 * it is not: after a restored backup the API server counts from an earlier version again, and what it says then is new.
 * Deletions are never stale. What is remembered lives as long as the process.
 */
export class StaleGuard {
  readonly #handled = new Map<string, Handled>();

  isStale(event: ReceivedEvent): boolean {
    if (eventTypeOf(event) === 'Deleted') return false;
    const seen = this.#handled.get(keyOf(event));
    const sent = handledOf(event);
    return (
      seen !== undefined &&
      sent !== undefined &&
      sent.sequence < seen.sequence &&
      sent.deadlineMs < seen.deadlineMs
    );
  }

  handled(event: ReceivedEvent): void {
    const key = keyOf(event);
    const sent = handledOf(event);
    if (sent === undefined || this.isStale(event)) return;
    this.#handled.delete(key);
    this.#handled.set(key, sent);
    if (this.#handled.size > REMEMBERED) {
      for (const oldest of this.#handled.keys()) {
        this.#handled.delete(oldest);
        break;
      }
    }
  }
}

const guards = new WeakMap<StatewireFunction, StaleGuard>();

/** One guard a function, whichever hosts it is on. */
export function staleGuardOf(fn: StatewireFunction): StaleGuard {
  const known = guards.get(fn) ?? new StaleGuard();
  guards.set(fn, known);
  return known;
}

function keyOf(event: ReceivedEvent): string {
  return `${event.source}\n${event.data.object.metadata.uid}`;
}

/** Undefined where the event does not tell. */
function handledOf({ sequence, statewiredeadline }: ReceivedEvent): Handled | undefined {
  const deadlineMs = Date.parse(statewiredeadline ?? '');
  if (Number.isNaN(deadlineMs) || !/^[0-9]{1,40}$/.test(sequence ?? '')) return undefined;
  return { sequence: (sequence ?? '').padStart(40, '0'), deadlineMs };
}
