/** The CRD of a kind, as the API server has it. */
import { ApiError, ConfigError } from '../../forwarder/lib/errors.ts';
import type { KubeClient } from '../../forwarder/model/kube-client.ts';
import { type Crd, readCrds } from './crd.ts';

const PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
/** CRDs read at a time: some are megabytes. */
const PAGE = 20;

/**
 * By `Widget`, `widgets`, a short name, or with the group: `widgets.example.com`, `Widget.example.com`.
 *
 * @throws ConfigError where there is none, or several groups have such a kind; ApiError
 */
export async function findCrd(client: KubeClient, wanted: string): Promise<Crd> {
  const exact = wanted.includes('.') ? await readNamed(client, wanted.toLowerCase()) : undefined;
  if (exact !== undefined) return exact;
  const found: Crd[] = [];
  for await (const crd of list(client)) if (namesOf(crd).includes(wanted.toLowerCase())) found.push(crd);
  const [only, ...others] = found;
  if (only === undefined) {
    throw new ConfigError('CONFIG_INVALID', wanted, 'is no file, and no custom resource of this cluster');
  }
  if (others.length > 0) {
    const names = found.map(({ metadata }) => metadata.name).join(', ');
    throw new ConfigError('CONFIG_INVALID', wanted, `is several kinds, name one of ${names}`);
  }
  return only;
}

function namesOf({ spec: { group, names } }: Crd): readonly string[] {
  const { kind, plural, singular = kind, shortNames = [] } = names;
  const words = [kind, plural, singular, ...shortNames].map((name) => name.toLowerCase());
  return words.flatMap((word) => [word, `${word}.${group}`]);
}

async function readNamed(client: KubeClient, name: string): Promise<Crd | undefined> {
  try {
    const { text } = await client.request({ method: 'GET', path: `${PATH}/${encodeURIComponent(name)}` });
    return readCrds(text, name)[0];
  } catch (error) {
    if (error instanceof ApiError && error.code === 'API_NOT_FOUND') return undefined;
    throw error;
  }
}

async function* list(client: KubeClient): AsyncGenerator<Crd> {
  let next: string | undefined;
  do {
    const query = { limit: String(PAGE), ...(next !== undefined && { continue: next }) };
    const { text } = await client.request({ method: 'GET', path: PATH, query });
    const page = JSON.parse(text) as {
      readonly items: readonly Crd[];
      readonly metadata: { readonly continue?: string };
    };
    // Items of a list do not say what they are.
    yield* page.items;
    next = page.metadata.continue === '' ? undefined : page.metadata.continue;
  } while (next !== undefined);
}
