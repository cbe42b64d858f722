/** Events that hold a credential (`payload.token`) go over TLS, or nowhere. */
import { TargetError } from '../lib/errors.ts';
import { isConfidentialUrl } from '../lib/http-url.ts';
import type { Invocation } from '../model/invocation.ts';
import type { AddressGuard } from './address-guard.ts';

/** Where a request is about to go. */
export interface Destination {
  /** `https:` */
  readonly protocol: string;
  /** IPv6 with or without brackets. */
  readonly hostname: string;
  readonly port?: number | string | undefined;
}

/**
 * Asked right before a request leaves. The one way without TLS is this computer itself, as browsers have it, where the
 * guard lets it be called: in a pod others listen there.
 *
 * @throws TargetError TARGET_MISCONFIGURED (target), which names the trigger's field
 */
export function refuseInClear(
  { confidentialBy }: Pick<Invocation, 'confidentialBy'>,
  { protocol, hostname, port = '' }: Destination,
  guard: AddressGuard,
): void {
  if (confidentialBy === undefined || protocol === 'https:') return;
  const host = hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname;
  const address = host === 'localhost' ? '127.0.0.1' : host.replaceAll(/[[\]]/g, '');
  const isHere =
    isConfidentialUrl({ protocol, hostname: host }) &&
    guard.problem(address, Number(port) || 80) === undefined;
  if (isHere) return;
  const where = `${protocol}//${host}${port === '' ? '' : `:${port}`}`;
  throw new TargetError(
    'TARGET_MISCONFIGURED',
    `${confidentialBy}: a token is not sent in clear, to ${where}`,
    {
      blame: 'target',
      conclusive: true,
    },
  );
}
