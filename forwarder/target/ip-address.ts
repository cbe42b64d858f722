/** IP addresses as text: which IPv4 address an IPv6 address stands for. */
import { isIPv4, isIPv6 } from 'node:net';

/** Prefixes (16-bit groups) under which the last 32 bits are an IPv4 address. */
const V4_IN_LAST_BITS: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0, 0xffff], // IPv4-mapped
  [0, 0, 0, 0, 0xffff, 0], // IPv4-translated (SIIT)
  [0x64, 0xff9b, 0, 0, 0, 0], // NAT64, well-known prefix
  [0x64, 0xff9b, 1], // NAT64, local-use prefix
];
const SIX_TO_FOUR = 0x2002;

/** The address in one spelling, without zone; and the IPv4 address it stands for where it is a wrapped one. */
export function addressForms(address: string): readonly string[] {
  const plain = address.replace(/%.*$/, '');
  if (!isIPv6(plain)) return [plain];
  const groups = groupsOf(plain);
  const spelled = groups.map((group) => group.toString(16)).join(':');
  if (groups[0] === SIX_TO_FOUR) return [spelled, dotted(groups[1] ?? 0, groups[2] ?? 0)];
  const wraps = V4_IN_LAST_BITS.some((prefix) => prefix.every((group, index) => groups[index] === group));
  return wraps ? [spelled, dotted(groups[6] ?? 0, groups[7] ?? 0)] : [spelled];
}

/** The eight groups of a valid IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const tail = address.slice(address.lastIndexOf(':') + 1);
  const text = isIPv4(tail) ? address.slice(0, -tail.length) + hexPairs(tail) : address;
  const [head = '', rest] = text.split('::');
  const left = parseGroups(head);
  const right = parseGroups(rest ?? '');
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
}

function parseGroups(text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function hexPairs(v4: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = v4.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

function dotted(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
