/** The administrator's list of addresses that functions may not have. */
import { isIPv4, isIPv6 } from 'node:net';
import { load } from 'js-yaml';
import { ConfigError, foreignText, messageOf } from '../lib/errors.ts';

export interface TargetPolicy {
  /** CIDRs such as `10.0.0.0/8` or `fd00::/8`. */
  readonly deny: readonly string[];
}

/**
 * Reads `deny: [CIDR, …]`.
 *
 * @throws ConfigError CONFIG_INVALID for everything else: a policy that was not understood must not be left out
 */
export function readTargetPolicy(text: string): TargetPolicy {
  const policy = parse(text);
  if (typeof policy !== 'object' || policy === null || Array.isArray(policy))
    throw invalid('must hold deny: a list of CIDRs');
  const { deny, ...others } = policy as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalid(`unknown field "${foreignText(unknown)}"`);
  if (!Array.isArray(deny)) throw invalid('deny must be a list of CIDRs');
  return { deny: deny.map(readCidr) };
}

function parse(text: string): unknown {
  try {
    return load(text);
  } catch (error) {
    throw invalid(messageOf(error), error);
  }
}

function readCidr(item: unknown, index: number): string {
  const [address = '', bits = '', ...rest] = String(item).split('/');
  const most = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  if (typeof item !== 'string' || rest.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > most) {
    throw invalid(`deny[${index}] is no CIDR like 10.0.0.0/8`);
  }
  return item;
}

function invalid(message: string, cause?: unknown): ConfigError {
  return new ConfigError('CONFIG_INVALID', '--target-policy', message, { cause });
}
