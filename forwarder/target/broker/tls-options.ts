/** What `node:tls` is told for a connection to a broker. */
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { TlsMaterial } from '../tls-secret.ts';

/** @param host a name or an address, IPv6 with or without brackets: the certificate must be for it */
export function tlsOptions(
  host: string,
  { ca, cert, key }: Partial<TlsMaterial> = {},
): Pick<ConnectionOptions, 'host' | 'servername' | 'ca' | 'cert' | 'key'> {
  const bare = host.replaceAll(/[[\]]/g, '');
  return {
    host: bare,
    // An address is no server name (RFC 6066), and Node says so on stderr.
    servername: isIP(bare) === 0 ? bare : '',
    ...(ca !== undefined && { ca: typeof ca === 'string' ? ca : [...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}
