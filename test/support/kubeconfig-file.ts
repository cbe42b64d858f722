import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { kubeconfigText } from '../../local-cluster/kubeconfig.ts';
import type { Cleanup } from './cluster.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A kubeconfig file that goes with the test. */
export async function kubeconfigFile(
  cleanup: Cleanup,
  login: Parameters<typeof kubeconfigText>[0],
): Promise<string> {
  const folder = await temporaryFolder();
  cleanup.after(async () => {
    await folder[Symbol.asyncDispose]();
  });
  const file = path.join(folder.path, 'kubeconfig');
  await writeFile(file, kubeconfigText(login), { mode: 0o600 });
  return file;
}
