/** The schemas of what is served, as OpenAPI v3. */
import { createHash } from 'node:crypto';
import type { KindRegistry } from './kinds.ts';

interface Documents {
  readonly generation: number;
  /** By folder, like `apis/apps/v1`. */
  readonly texts: ReadonlyMap<string, string>;
  readonly index: string;
}

const written = new WeakMap<KindRegistry, Documents>();
const ROOT = '/openapi/v3';

/** The document at a path, as JSON; undefined where there is none. */
export function openApiText(path: string, kinds: KindRegistry): string | undefined {
  if (!path.startsWith(ROOT)) return undefined;
  let documents = written.get(kinds);
  if (documents?.generation !== kinds.generation) {
    documents = write(kinds);
    written.set(kinds, documents);
  }
  return path === ROOT ? documents.index : documents.texts.get(path.slice(ROOT.length + 1));
}

function write(kinds: KindRegistry): Documents {
  const schemas = new Map<string, Record<string, object>>();
  const operations = new Map<string, Record<string, object>>();
  for (const { apiVersion, group, version, kind, schema, plural, namespaced } of kinds.all()) {
    const folder = group === '' ? `api/${apiVersion}` : `apis/${apiVersion}`;
    const found = schemas.get(folder) ?? {};
    schemas.set(folder, found);
    const name = `${group === '' ? 'core' : group}.${version}.${kind}`;
    const of = operations.get(folder) ?? {};
    operations.set(folder, of);
    const where = namespaced ? 'namespaces/{namespace}/' : '';
    of[`/${folder}/${where}${plural}/{name}`] = { patch: patchOperation({ group, version, kind }) };
    found[name] = { ...schema, 'x-kubernetes-group-version-kind': [{ group, version, kind }] };
  }
  const info = { title: 'Kubernetes', version: 'v1.36.0-simulated' };
  const texts = new Map<string, string>();
  const paths: Record<string, object> = {};
  for (const [folder, components] of schemas) {
    const text = JSON.stringify({
      openapi: '3.0.0',
      info,
      paths: operations.get(folder),
      components: { schemas: components },
    });
    texts.set(folder, text);
    // The URL changes with what is in the document.
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 32);
    paths[folder] = { serverRelativeURL: `${ROOT}/${folder}?hash=${hash}` };
  }
  return { generation: kinds.generation, texts, index: JSON.stringify({ paths }) };
}

/** What kubectl looks at before it leaves validation to the server. */
function patchOperation(kind: object): object {
  return {
    'x-kubernetes-action': 'patch',
    'x-kubernetes-group-version-kind': kind,
    parameters: [{ name: 'fieldValidation', in: 'query', schema: { type: 'string' } }],
  };
}
