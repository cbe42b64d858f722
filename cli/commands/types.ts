/** `statewire types`: TypeScript types and zod schemas from a CRD, on stdout. */
import { readFileSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { HttpKubeClient } from '../../forwarder/kube/kube-client.ts';
import { loadAccess } from '../../forwarder/kube/load-access.ts';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { ConfigError, messageOf } from '../../forwarder/lib/errors.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { findCluster } from '../find-cluster.ts';
import { type Crd, readCrds } from '../types/crd.ts';
import { findCrd } from '../types/find-crd.ts';
import { renderModule } from '../types/render-module.ts';

const USAGE = 'usage: statewire types FILE|KIND [--version NAME] [--kubeconfig FILE]';
const HELP = `${USAGE}

Writes a TypeScript module to stdout: types, zod schemas and the kind for defineFunction of @statewire/functions.

FILE                a CRD as YAML or JSON; several of them make one module
KIND                a kind of the cluster: Widget, widgets, or with its group widgets.example.com

--version NAME      version of the kind; default: the one that is stored
--kubeconfig FILE   for KIND; default, as for kubectl: the files that KUBECONFIG names, else ~/.kube/config
`;

export async function types(args: readonly string[]): Promise<number> {
  const { values, positionals } = read(args);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [what, ...more] = positionals;
  if (what === undefined || more.length > 0) {
    throw new ConfigError('CONFIG_INVALID', 'FILE|KIND', `name one; ${USAGE}`);
  }
  const crds = isFile(what) ? readFrom(what) : [await fetchFrom(values.kubeconfig, what)];
  process.stdout.write(renderModule(crds, values.version));
  return 0;
}

// eslint-disable-next-line typescript/explicit-function-return-type -- what parseArgs infers
function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        version: { type: 'string' },
        kubeconfig: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new ConfigError('CONFIG_INVALID', 'arguments', messageOf(error).split('. ')[0] ?? '');
  }
}

/** A name with a slash or the ending of a manifest means a file, also where there is none. */
function isFile(what: string): boolean {
  return /[/\\]|\.(?:ya?ml|json)$/.test(what) || statSync(what, { throwIfNoEntry: false })?.isFile() === true;
}

function readFrom(file: string): readonly Crd[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError('CONFIG_INVALID', file, messageOf(error));
  }
  return readCrds(text, file);
}

async function fetchFrom(kubeconfig: string | undefined, kind: string): Promise<Crd> {
  const chosen = await findCluster(kubeconfig, process.env);
  const access = await loadAccess({
    kubeconfig: chosen.kubeconfig,
    clock: systemClock,
    logger: silentLogger,
  });
  await using client = new HttpKubeClient({ access, clock: systemClock });
  return await findCrd(client, kind);
}
