import { readFile } from 'node:fs/promises';
import { TargetError } from '../lib/errors.ts';
import { errorCode } from './connection-failures.ts';

/**
 * Signals the process whose number stands in a file, as daemons write it.
 *
 * Throws TargetError TARGET_UNAVAILABLE (target) where there is no such file or process, TARGET_FORBIDDEN where it belongs
 * to another user, TARGET_MISCONFIGURED where the file holds something else.
 */
export async function signalProcess(pidFile: string, signal: NodeJS.Signals): Promise<void> {
  const text = await readFile(pidFile, 'utf8').catch((cause: unknown) => {
    const code = errorCode(cause);
    throw new TargetError(
      code === 'ENOENT' ? 'TARGET_UNAVAILABLE' : 'TARGET_MISCONFIGURED',
      `cannot read ${pidFile}: ${code}`,
      { blame: 'target', cause },
    );
  });
  // 0 and negative numbers would mean whole groups of processes, and 1 is nobody's application.
  const pid = /^\s*(\d{1,10})\s*$/.exec(text)?.[1];
  if (pid === undefined || Number(pid) < 2) {
    throw new TargetError('TARGET_MISCONFIGURED', `${pidFile} holds no process id`, { blame: 'target' });
  }
  try {
    process.kill(Number(pid), signal);
  } catch (cause) {
    const code = errorCode(cause);
    throw new TargetError(
      code === 'EPERM' ? 'TARGET_FORBIDDEN' : 'TARGET_UNAVAILABLE',
      `cannot signal the process of ${pidFile}: ${code}`,
      { blame: 'target', cause },
    );
  }
}
