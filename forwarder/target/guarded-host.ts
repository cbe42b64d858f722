/** One host and port as the address guard sees it: literals, each address that its name resolves to, and peers. */
import { isIP, type LookupFunction } from 'node:net';
import { TargetError } from '../lib/errors.ts';
import type { AddressGuard } from './address-guard.ts';
import { sharedLookup } from './shared-lookup.ts';

/** Fails, where it does, with TargetError TARGET_FORBIDDEN (target, conclusive). */
export interface GuardedHost {
  /** Why that address must not be called; undefined where it may. `ready` has been awaited before. */
  readonly refusal: (address: string) => TargetError | undefined;
  /** For sockets: as the system's, but it fails where any of the addresses must not be called. */
  readonly lookup: LookupFunction;
  /** To be awaited before each connection. Returns the refusal of a host that is an address itself. */
  readonly ready: () => Promise<TargetError | undefined>;
}

/** @param hostname a name or an address, IPv6 with or without brackets */
export function guardedHost(guard: AddressGuard, hostname: string, port: number): GuardedHost {
  const literal = hostname.replaceAll(/[[\]]/g, '');
  const isLiteral = isIP(literal) !== 0;
  const refusal = (address: string): TargetError | undefined => {
    const problem = guard.problem(address, port);
    if (problem === undefined) return undefined;
    const named = isLiteral ? '' : `${hostname} is `;
    return new TargetError('TARGET_FORBIDDEN', `never called: ${named}${address}, which ${problem}`, {
      blame: 'target',
      conclusive: true,
    });
  };
  const ask = sharedLookup();
  return {
    refusal,
    lookup(name, options, callback) {
      ask(name, options, (error, addresses) => {
        if (error !== null) {
          callback(error, []);
          return;
        }
        const refused = addresses.map(({ address }) => refusal(address)).find((found) => found !== undefined);
        const [first] = addresses;
        if (refused !== undefined) callback(refused, []);
        else if (options.all === true || first === undefined) callback(null, addresses);
        else callback(null, first.address, first.family);
      });
    },
    async ready() {
      await guard.refresh(port);
      return isLiteral ? refusal(literal) : undefined;
    },
  };
}
