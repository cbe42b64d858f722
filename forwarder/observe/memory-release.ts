/** Has V8 give memory back once a burst is over: by itself it keeps the room that the burst took. */
import { runInNewContext } from 'node:vm';
import type { Clock, Timer } from '../lib/clock.ts';

const LOOK_EVERY_MS = 2000;
/** Shares of one core, over the time between two looks. */
const BUSY = 0.2;
const AT_REST = 0.05;

export interface MemoryReleaseOptions {
  readonly clock: Pick<Clock, 'after' | 'monotonic'>;
  /** Processor time this process has used so far. @defaultValue process.cpuUsage */
  readonly cpuMs?: () => number;
  /** Tells V8 that there may be garbage. */
  readonly release?: () => void;
}

/** Looks every 2 s; starting counts as a burst. Disposing it ends that. */
export function releaseMemoryAtRest(options: MemoryReleaseOptions): Disposable {
  const { clock, cpuMs = usedByThisProcess, release = hintOfGarbage } = options;
  let wasBusy = true;
  let before = { atMs: clock.monotonic(), cpuMs: cpuMs() };
  let timer: Timer;
  const look = (): void => {
    const now = { atMs: clock.monotonic(), cpuMs: cpuMs() };
    const share = (now.cpuMs - before.cpuMs) / (now.atMs - before.atMs);
    before = now;
    if (share > BUSY) wasBusy = true;
    if (share < AT_REST && wasBusy) {
      wasBusy = false;
      release();
    }
    timer = clock.after(LOOK_EVERY_MS, look);
  };
  timer = clock.after(LOOK_EVERY_MS, look);
  return { [Symbol.dispose]: () => timer.cancel() };
}

function usedByThisProcess(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * The end of a context is the one event after which V8 collects and shrinks its heap by itself while it is idle: in
 * steps of a few milliseconds, over some 15 s. A collection that is asked for stops everything for up to 100 ms.
 */
function hintOfGarbage(): void {
  runInNewContext('0');
}
