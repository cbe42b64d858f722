/**
 * Which addresses are never called, whatever name led to them: a trigger must not make the forwarder speak to things
 * that trust it for where it runs.
 *
 * Asked with the address a connection is about to use (guarded-connector.ts), so a name that changes its mind between
 * check and use gains nothing.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { ConfigError } from '../lib/errors.ts';
import { addressForms } from './ip-address.ts';

export interface AddressPolicy {
  /** Loopback is then refused: other containers of the pod listen there. */
  readonly inPod: boolean;
  /** Where the API server listens: every address and name it is known by. */
  readonly apiServers: readonly { readonly host: string; readonly port: number }[];
  /** What the administrator excludes, like `10.0.0.0/8`, `fd00::/8` or one address. */
  readonly deniedCidrs: readonly string[];
}

export interface AddressGuard {
  /** Why an address must not be called; undefined where it may. */
  problem(address: string, port: number): string | undefined;
  /** Looks up the API server where it is known by name. To be awaited before `problem` decides on that port. */
  refresh(port: number): Promise<void>;
}

const ALWAYS_DENIED: Readonly<Record<string, readonly string[]>> = {
  'is unspecified': ['0.0.0.0/8', '::/128'],
  'serves instance metadata': [
    '169.254.169.254/32', // AWS, Azure, Google, OpenStack and others
    '169.254.170.2/32', // AWS ECS
    '169.254.170.23/32', // AWS EKS Pod Identity
    'fd00:ec2::254/128', // AWS
    'fd00:ec2::23/128', // AWS EKS Pod Identity
    'fd20:ce::254/128', // Google
    'fd00:42::42/128', // Scaleway
    '100.100.100.200/32', // Alibaba
    '192.0.0.192/32', // Oracle
    '168.63.129.16/32', // Azure platform
  ],
  'is link-local': ['169.254.0.0/16', 'fe80::/10'],
  'is multicast': ['224.0.0.0/4', 'ff00::/8'],
  'is the broadcast address': ['255.255.255.255/32'],
};
const LOOPBACK = ['127.0.0.0/8', '::1/128'];

/** Throws ConfigError where a CIDR is none. */
export function createAddressGuard(policy: AddressPolicy): AddressGuard {
  const rules = Object.entries(ALWAYS_DENIED);
  if (policy.inPod) rules.push(["is the forwarder's own pod", LOOPBACK]);
  rules.push(['is excluded by --target-policy', policy.deniedCidrs]);
  const lists = rules.map(([reason, cidrs]) => ({ reason, list: blockList(cidrs) }));
  const apiServers = policy.apiServers.map((server) => ({
    ...server,
    addresses: isIP(server.host) === 0 ? [] : addressForms(server.host),
  }));

  return {
    problem(address, port) {
      const forms = addressForms(address);
      const hit = lists.find(({ list }) => forms.some((form) => list.check(form, familyOf(form))));
      if (hit !== undefined) return hit.reason;
      const isApiServer = apiServers.some(
        (server) => server.port === port && server.addresses.some((known) => forms.includes(known)),
      );
      return isApiServer ? 'is the API server' : undefined;
    },
    async refresh(port) {
      const named = apiServers.filter((server) => server.port === port && isIP(server.host) === 0);
      await Promise.all(
        named.map(async (server) => {
          // Where the lookup fails, the addresses known from before still hold.
          const found = await lookup(server.host, { all: true }).catch(() => []);
          if (found.length > 0) server.addresses = found.flatMap(({ address }) => addressForms(address));
        }),
      );
    },
  };
}

function blockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix, ...more] = cidr.split('/');
    const widest = isIPv6(address) ? 128 : 32;
    const bits = prefix === undefined ? widest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (isIP(address) === 0 || more.length > 0 || !(bits <= widest)) {
      throw new ConfigError(
        'CONFIG_INVALID',
        '--target-policy',
        `"${cidr}" is neither an address nor a CIDR`,
      );
    }
    list.addSubnet(address, bits, familyOf(address));
  }
  return list;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
