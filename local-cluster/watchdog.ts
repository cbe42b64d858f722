/**
 * Ends processes and removes a folder once the process that started them is gone, however it went.
 *
 * The watchdog is a shell that reads from a pipe. Nobody else holds the pipe's other end, so it closes when this
 * process exits, crashes or is killed; an exit handler would miss the last two.
 */
import { spawn } from 'node:child_process';

export interface Watchdog {
  /** Also ends this process; a negative number is a process group. */
  add(pid: number): void;
  /** The process has ended by itself: its id may be somebody else's soon. */
  remove(pid: number): void;
  /** Ends what is left, removes the folder, and resolves once that is done. */
  close(): Promise<void>;
}

// Bounded: in a container whose first process reaps nobody, a killed process keeps answering to kill -0.
const SCRIPT = `
trap '' INT TERM HUP
pids=' '
while read -r op pid; do
  case "$op" in
    +) pids="$pids$pid " ;;
    -) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
tries=0
for pid in $pids; do
  while kill -0 "$pid" 2>/dev/null && [ $tries -lt 30 ]; do sleep 0.1; tries=$((tries+1)); done
done
rm -rf -- "$1"
`;

/** Starts a watchdog over a folder. It does not keep this process running. */
export function startWatchdog(folder: string): Watchdog {
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'statewire-watchdog', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    detached: true, // A Ctrl-C meant for us must not end it.
  });
  child.unref();
  const { stdin } = child;
  (stdin as typeof stdin & { unref(): void }).unref();
  // Without it, a watchdog that somebody killed would take this process down at the next write.
  stdin.on('error', () => {});
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const tell = (line: string): void => {
    if (stdin.writable) stdin.write(`${line}\n`);
  };
  return {
    add: (pid) => tell(`+ ${pid}`),
    remove: (pid) => tell(`- ${pid}`),
    close: async () => {
      child.ref();
      stdin.end();
      await ended;
    },
  };
}
