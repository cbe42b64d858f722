import { appendFileSync, readFileSync } from 'node:fs';
import type { FunctionResult } from '../../../protocol/result.ts';
import type { StatewireFunction } from '../define-function.ts';
import type { ReceivedEvent } from '../event.ts';
import type { RunOptions } from '../run.ts';
import { testFunction, type TestFunctionOptions } from './test-function.ts';

/** One line of a recording. */
export interface RecordedRun {
  readonly event: ReceivedEvent;
  readonly result: FunctionResult;
}

export interface ReplayedRun {
  readonly event: ReceivedEvent;
  /** What was answered when it was recorded. */
  readonly recorded: FunctionResult;
  /** What is answered now. */
  readonly result: FunctionResult;
}

/**
 * Options of any host that append each event and its result to a file, as one line of JSON: `toHttp(fn,
 * recordEvents('events.jsonl'))`. Tokens are left out; what objects hold is not.
 */
export function recordEvents(file: string): Pick<RunOptions, 'onRun'> {
  return { onRun: (event, result) => appendFileSync(file, `${JSON.stringify({ event, result })}\n`) };
}

/** Sends recorded events again, in their order, and tells what is answered now beside what was answered then. */
export async function replayEvents(
  fn: StatewireFunction,
  file: string,
  options?: TestFunctionOptions,
): Promise<ReplayedRun[]> {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const tested = testFunction(fn, options);
  const runs: ReplayedRun[] = [];
  for (const line of lines) {
    const { event, result: recorded } = JSON.parse(line) as RecordedRun;
    const { result } = await tested.send(event);
    runs.push({ event, recorded, result });
  }
  return runs;
}
