/** Bodies and queries of server-side apply requests. */
import type { KubeRequest } from '../model/kube-client.ts';

/**
 * Characters that may stand raw in JSON but not, or not with the same meaning, in YAML, which is how the API server
 * reads an apply patch: other control characters, the byte order mark, and line breaks that YAML folds to a space.
 */
const NOT_IN_YAML = /[\u007F-\u009F\u2028\u2029\uFEFF\uFFFE\uFFFF]/g;
/** Half of a surrogate pair, which JSON can carry as an escape and YAML cannot. */
const LONE_SURROGATE = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;

/** JSON text that means the same when it is read as YAML. */
export function yamlSafeJson(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll(LONE_SURROGATE, String.raw`$1\ufffd`)
    .replaceAll(NOT_IN_YAML, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * A server-side apply that takes fields from other managers. What must not be taken is not in the body: that is
 * decided beforehand, from managedFields.
 */
export function applyRequest(path: string, fieldManager: string, body: string): KubeRequest {
  return {
    method: 'PATCH',
    path,
    query: { fieldManager, force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body,
  };
}
