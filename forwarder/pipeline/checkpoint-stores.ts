/** Where the process keeps what has been handled, as `--checkpoint` says. */
import { access, constants, mkdir } from 'node:fs/promises';
import { FileSegmentStores } from '../checkpoint/file-segment-store.ts';
import { KubeSegmentStores } from '../checkpoint/kube-segment-store.ts';
import { MemorySegmentStores } from '../checkpoint/memory-segment-store.ts';
import type { SegmentStores } from '../checkpoint/segment-store.ts';
import type { ForwarderOptions } from '../config/parse-options.ts';
import { ConfigError, messageOf } from '../lib/errors.ts';
import type { KubeClient } from '../model/kube-client.ts';

/** Throws ConfigError where the folder cannot be written. */
export async function openCheckpoints(
  { checkpoint, checkpointFolder, triggersFile }: ForwarderOptions,
  client: KubeClient,
): Promise<SegmentStores> {
  if (checkpoint === 'memory') return new MemorySegmentStores();
  if (checkpoint === 'kubernetes' || checkpointFolder === undefined) {
    return new KubeSegmentStores({ client, owned: triggersFile === undefined });
  }
  try {
    await mkdir(checkpointFolder, { recursive: true });
    await access(checkpointFolder, constants.W_OK);
  } catch (error) {
    const remedy = 'name a folder that can be written, or use --checkpoint memory';
    throw new ConfigError('CONFIG_INVALID', '--checkpoint-dir', `${messageOf(error)}; ${remedy}`);
  }
  return new FileSegmentStores(checkpointFolder);
}
