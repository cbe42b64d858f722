/** Triggers from a file instead of the API: YAML or JSON, one or several documents. */
import { createHash } from 'node:crypto';
import { loadAll } from 'js-yaml';
import { messageOf } from '../lib/errors.ts';
import { problem, type TriggerProblem } from './trigger-problem.ts';

type Fields = Readonly<Record<string, unknown>>;

const API_VERSION = 'statewire.dev/v1alpha1';

export interface TriggerFile {
  /** Each with namespace and uid filled in; for `readTrigger(…, { source: 'file' })`. */
  readonly triggers: readonly Fields[];
  /** What in the file is no trigger at all. A syntax error is one problem, and there are no triggers then. */
  readonly problems: readonly TriggerProblem[];
}

/**
 * Documents of kind FunctionTrigger, also inside a List. A trigger without namespace gets the default one; its uid is
 * derived from namespace and name, so that it is the same trigger after a restart.
 *
 * @param path names the file in problems
 * @param defaultNamespace for triggers that name none. @defaultValue default
 */
export function parseTriggerFile(text: string, path: string, defaultNamespace = 'default'): TriggerFile {
  let documents: unknown[];
  try {
    documents = loadAll(text);
  } catch (error) {
    return { triggers: [], problems: [problem(path, 'Invalid', messageOf(error))] };
  }
  const problems: TriggerProblem[] = [];
  const triggers = new Map<string, Fields>();
  for (const [index, document] of documents.flatMap(itemsOf).entries()) {
    const read = readDocument(document, defaultNamespace);
    if (read === undefined) continue;
    if ('text' in read) problems.push(problem(`${path}[${index}]`, read.reason, read.text));
    else if (triggers.has(read.name)) {
      problems.push(problem(`${path}[${index}]`, 'Invalid', `trigger ${read.name} stands there twice`));
    } else triggers.set(read.name, read.trigger);
  }
  return { triggers: [...triggers.values()], problems };
}

/** A List's items, else the document itself. */
function itemsOf(document: unknown): unknown[] {
  const { kind, items } = fieldsOf(document);
  return (kind === 'List' || kind === 'FunctionTriggerList') && Array.isArray(items) ? items : [document];
}

type ReadDocument =
  | { readonly name: string; readonly trigger: Fields }
  | { readonly reason: TriggerProblem['reason']; readonly text: string };

/** Undefined for an empty document. */
function readDocument(document: unknown, defaultNamespace: string): ReadDocument | undefined {
  if (document === null || document === undefined) return undefined;
  const { apiVersion, kind, metadata, ...rest } = fieldsOf(document);
  if (kind === 'ClusterFunctionTrigger' && apiVersion === API_VERSION) {
    return { reason: 'NotSupported', text: 'ClusterFunctionTrigger is not supported yet' };
  }
  if (kind !== 'FunctionTrigger' || apiVersion !== API_VERSION) {
    return { reason: 'Invalid', text: `apiVersion ${API_VERSION} and kind FunctionTrigger are expected` };
  }
  const { name, namespace = defaultNamespace, uid: _uid, ...others } = fieldsOf(metadata);
  if (typeof name !== 'string' || name === '')
    return { reason: 'Required', text: 'metadata.name is required' };
  if (typeof namespace !== 'string' || namespace === '') {
    return { reason: 'Invalid', text: 'metadata.namespace must be a text' };
  }
  const uid = uidOf(namespace, name);
  return {
    name: `${namespace}/${name}`,
    trigger: { apiVersion, kind, metadata: { ...others, namespace, name, uid }, ...rest },
  };
}

/** Looks like a uid of the API server. */
function uidOf(namespace: string, name: string): string {
  const hex = createHash('sha256').update(`${namespace}/${name}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
