/** Built files that others may be reading: each is whole at any moment, the one before or the one after. */
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build, type BuildOptions } from 'esbuild';

/** Writes a file by renaming; one that is the same already stays as it is. */
export function putFile(file: string, contents: Uint8Array): void {
  if (existsSync(file) && readFileSync(file).equals(contents)) return;
  mkdirSync(path.dirname(file), { recursive: true });
  const beside = `${file}.${process.pid}.new`;
  writeFileSync(beside, contents);
  renameSync(beside, file);
}

/** What esbuild makes, put where the options say. */
export async function buildFiles(options: BuildOptions): Promise<void> {
  const { outputFiles } = await build({ ...options, write: false });
  for (const { path: file, contents } of outputFiles) putFile(file, contents);
}

/** Makes `folder` hold what `made` holds: first what is new there, then what is gone goes. */
export function putFolder(made: string, folder: string): void {
  const filesOf = (root: string): readonly string[] =>
    globSync('**/*', { cwd: root, withFileTypes: true })
      .filter((one) => one.isFile())
      .map((one) => path.relative(root, path.join(one.parentPath, one.name)));
  const names = new Set(filesOf(made));
  for (const name of names) putFile(path.join(folder, name), readFileSync(path.join(made, name)));
  for (const name of filesOf(folder)) if (!names.has(name)) rmSync(path.join(folder, name));
}
