/** `statewire new`: a function project in a folder of its own, which passes its own tests. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { dump } from 'js-yaml';
import { ConfigError, messageOf } from '../../forwarder/lib/errors.ts';
import { NEW_HELP, type NewOptions, parseNewOptions } from '../new/new-options.ts';
import { makeProject } from '../new/project.ts';
import { starterCrd } from '../new/starter-crd.ts';
import { type Crd, readCrds } from '../types/crd.ts';

export function newProject(args: readonly string[]): Promise<number> {
  const options = parseNewOptions(args);
  if (options === undefined) {
    process.stdout.write(NEW_HELP);
    return Promise.resolve(0);
  }
  const { name, host, sdk } = options;
  const { crd, text } = crdOf(options);
  const isStarter = options.crd === undefined;
  const { files, doubtful } = makeProject({ name, host, crd, crdText: text, isStarter, sdk });
  write(name, files);
  const notes = doubtful.map((field) => `samples/good.yaml: see whether ${field} meets its rules\n`);
  process.stdout.write(
    `${notes.join('')}${name} is made: a function for ${crd.spec.names.kind} on ${host}.\n
  cd ${name}
  npm install && npm test
  kubectl apply -f crd.yaml
  statewire dev function.ts
`,
  );
  return Promise.resolve(0);
}

/** The CRD of the project, and its text. */
function crdOf({ kind = '', group, crd: file }: NewOptions): { readonly crd: Crd; readonly text: string } {
  if (file === undefined) {
    const text = starterCrd(group, kind);
    const [crd] = readCrds(text, 'crd.yaml');
    return { crd: crd as Crd, text };
  }
  const text = readGiven(file);
  const crds = readCrds(text, file);
  const found = kind === '' ? crds : crds.filter(({ spec }) => spec.names.kind === kind);
  const [crd, ...others] = found;
  const kinds = crds.map(({ spec }) => spec.names.kind).join(', ');
  if (crd === undefined)
    throw new ConfigError('CONFIG_INVALID', '--kind', `${file} holds ${kinds}, not ${kind}`);
  if (others.length > 0) throw new ConfigError('CONFIG_INVALID', '--kind', `choose one of ${kinds}`);
  return { crd, text: crds.length === 1 && /\.ya?ml$/.test(file) ? text : dump(crd) };
}

function readGiven(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError('CONFIG_INVALID', '--crd', messageOf(error));
  }
}

/** A folder that is there is somebody's, whatever is in it. */
function write(folder: string, files: Readonly<Record<string, string>>): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new ConfigError(
      'CONFIG_INVALID',
      'NAME',
      isThere ? `./${folder} is there already` : messageOf(error),
    );
  }
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.join(folder, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
}
