/** Files that are replaced whole. */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, TargetError } from '../lib/errors.ts';
import { errorCode } from './connection-failures.ts';

/**
 * Written beside, made durable, then put in place by one rename; a folder that is missing is made. Where `isOver` says so
 * by then, nothing is put in place.
 *
 * @param mark for the name of what is written beside: the same for every attempt, so that a crash leaves one behind at most
 */
export async function replaceFile(
  file: string,
  text: string,
  mark: string,
  isOver: () => boolean,
): Promise<void> {
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true });
  const beside = path.join(folder, `.${mark.slice(0, 16)}.tmp`);
  try {
    const handle = await open(beside, 'w', 0o644);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (!isOver()) await rename(beside, file);
  } finally {
    await rm(beside, { force: true });
  }
  await syncFolder(folder);
}

/** Nothing happens where there is none. */
export async function removeFile(file: string): Promise<void> {
  await rm(file, { force: true });
}

/** Makes the rename durable, where the system can. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (errorCode(error) !== 'EINVAL') throw error;
  } finally {
    await handle.close();
  }
}

/** A TargetError as it is; what the file system says, as the failure of the target, or of an object with a name too long. */
export function fileFailure(error: unknown, where: string): TargetError {
  if (error instanceof TargetError) return error;
  const code = errorCode(error);
  const message = `${where}: ${code === '' ? messageOf(error) : code}`;
  if (code === 'ENAMETOOLONG') {
    return new TargetError('TARGET_REFUSED', message, { blame: 'delivery', permanent: true, cause: error });
  }
  const isLasting = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'EEXIST'].includes(code);
  return new TargetError(isLasting ? 'TARGET_MISCONFIGURED' : 'TARGET_UNAVAILABLE', message, {
    blame: 'target',
    conclusive: isLasting,
    cause: error,
  });
}
