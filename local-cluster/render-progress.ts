/** Shows progress on a terminal in place, and in a pipe as one line for each change. */
import { type OnProgress, type ProgressEvent, progressLine } from './progress.ts';

export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** What makes an event a change rather than a tick of the same step. */
function step(event: ProgressEvent): string {
  return 'name' in event
    ? `${event.kind} ${event.name}`
    : 'component' in event
      ? event.component
      : event.kind;
}

/** Renders to the given stream, usually stderr. */
export function renderProgress(stream: ProgressStream): OnProgress {
  let shown = '';
  return (event) => {
    const line = progressLine(event);
    if (stream.isTTY === true) {
      const end = event.kind === 'built' || event.kind === 'ready' ? '\n' : '';
      // A line that wraps could not be overwritten by a carriage return.
      stream.write(`\r\u001B[2K${line.slice(0, (stream.columns ?? 80) - 1)}${end}`);
    } else if (step(event) !== shown) {
      stream.write(`${line}\n`);
    }
    shown = step(event);
  };
}
