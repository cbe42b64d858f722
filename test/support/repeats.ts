/** Deliveries that a restart has made twice: what came again, and how long before the kill it had been handled. */
import type { Call } from './function-host.ts';
import type { Incarnation } from './recorded-run.ts';

export interface Repeat {
  readonly first: Call;
  readonly again: Call;
  /** From the end of the first call to the kill; 0 where that call was still running. */
  readonly beforeKillMs: number;
  /** How often the same process has sent it by then. */
  readonly count: number;
}

export function repeatsOf(calls: readonly Call[], incarnations: readonly Incarnation[]): Repeat[] {
  const processOf = (call: Call): Incarnation | undefined =>
    incarnations.findLast(({ startedMs }) => startedMs <= call.startedMs);
  const last = new Map<string, { call: Call; count: number }>();
  const repeats: Repeat[] = [];
  for (const again of calls) {
    const uid = String(again.headers['ce-partitionkey']);
    const before = last.get(uid);
    const isRepeat = before !== undefined && stateOf(before.call) === stateOf(again);
    const process = processOf(again);
    const killed = before === undefined ? undefined : processOf(before.call);
    const count = isRepeat && killed === process ? before.count + 1 : 1;
    last.set(uid, { call: again, count });
    if (!isRepeat || killed === undefined) continue;
    const endedMs = before.call.endedMs === 0 ? Infinity : before.call.endedMs;
    // Within one process there is no kill that explains it.
    const beforeKillMs = killed === process ? Infinity : Math.max(0, killed.endedMs - endedMs);
    repeats.push({ first: before.call, again, beforeKillMs, count });
  }
  return repeats;
}

/** What is the same thing to the function: an end, or a generation. */
function stateOf({ type, headers }: Call): string {
  return type === 'deleted' ? type : String(headers['ce-generation']);
}
