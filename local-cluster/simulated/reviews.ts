/** Requests that store nothing: whether somebody may do something (everybody may), and tokens. */
import type { Clock } from '../../forwarder/lib/clock.ts';
import { isObject, type Json, readJson } from './json.ts';
import type { SimulatedRequest } from './request.ts';

const TOKEN = /^\/api\/v1\/namespaces\/([^/]+)\/serviceaccounts\/([^/]+)\/token$/;
const REVIEW =
  /^\/apis\/(authorization|authentication)\.k8s\.io\/v1\/(?:namespaces\/[^/]+\/)?([a-z]+reviews)$/;

/** The answer as JSON; undefined where the path is none of these. */
export function reviewText({ path, body = '{}' }: SimulatedRequest, clock: Clock): string | undefined {
  const token = TOKEN.exec(path);
  const review = REVIEW.exec(path);
  if (token === null && review === null) return undefined;
  const parsed = readJson(body);
  const asked: Json = isObject(parsed) ? parsed : {};
  if (review !== null) {
    const user = { username: 'simulated', groups: ['system:authenticated'] };
    const status = review[1] === 'authorization' ? { allowed: true } : { authenticated: true, user };
    return JSON.stringify({ ...asked, metadata: {}, status });
  }
  const seconds = Number((asked['spec'] as Json | undefined)?.['expirationSeconds'] ?? 3600);
  const expirationTimestamp = new Date(clock.now() + seconds * 1000).toISOString();
  const status = { token: `simulated:${token?.[1]}:${token?.[2]}`, expirationTimestamp };
  return JSON.stringify({ ...asked, metadata: {}, status });
}
