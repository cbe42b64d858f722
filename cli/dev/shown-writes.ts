/**
 * What the forwarder writes to the cluster, shown once it is written. Dead letters are the exception: they stay in
 * memory, as where their kind is not installed, so that none is left behind.
 */
import { ApiError } from '../../forwarder/lib/errors.ts';
import type { KubeClient, KubeRequest } from '../../forwarder/model/kube-client.ts';
import type { Printer } from './printer.ts';

const DEAD_LETTERS = /^\/apis\/statewire\.dev\/[^/]+\/(?:namespaces\/[^/]+\/)?deadletters(?:\/|$)/;

export function shownWrites(client: KubeClient, printer: Printer): KubeClient {
  return {
    async request(request) {
      if (DEAD_LETTERS.test(request.path)) {
        throw new ApiError('API_NOT_FOUND', 'dead letters are kept in memory', { status: 404 });
      }
      const response = await client.request(request);
      const line = describeWrite(request);
      if (line !== undefined) printer.tell('✎', 'dim', line);
      return response;
    },
  };
}

/** Undefined for what changes nothing that somebody asked for. */
function describeWrite({ method, path, body, query }: KubeRequest): string | undefined {
  if (method === 'GET' || /\/(?:events|selfsubjectaccessreviews|token)(?:\/|$)/.test(path)) return undefined;
  if (query?.['dryRun'] !== undefined) return undefined;
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  const at = parts.indexOf('namespaces');
  const [plural, name = '', subresource] =
    at < 0 ? parts.slice(parts[0] === 'api' ? 2 : 3) : parts.slice(at + 2);
  const object = at < 0 ? name : `${parts[at + 1] ?? ''}/${name}`;
  if (method === 'DELETE') return `deleted ${plural ?? ''} ${object}`;
  if (subresource !== undefined) return `wrote ${subresource} of ${plural ?? ''} ${object}`;
  const kind = (JSON.parse(body ?? '{}') as { readonly kind?: string }).kind ?? plural ?? '';
  return `applied ${kind} ${object}`;
}
