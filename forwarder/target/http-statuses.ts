/**
 * What an HTTP status says about a call: whose failure it is, and whether another attempt of the same state can help.
 * docs/reference/hosts.md shows this table to people.
 */
import type { Blame, TargetErrorCode } from '../lib/errors.ts';

/** After these a server asked for room; no wait is shorter. */
const MIN_WAIT_MS = 1000;

export interface StatusRule {
  readonly code: TargetErrorCode;
  readonly blame: Blame;
  readonly permanent?: boolean;
  readonly suspect?: boolean;
  readonly minWaitMs?: number;
}

/** A rule and the statuses it is about, both ends included. */
interface StatusRow extends StatusRule {
  readonly from: number;
  readonly to: number;
}

/** The first rule that holds the status wins; 2xx is none of them. */
const HTTP_STATUS_RULES: readonly StatusRow[] = [
  { from: 300, to: 399, code: 'TARGET_MISCONFIGURED', blame: 'target' },
  { from: 401, to: 401, code: 'TARGET_FORBIDDEN', blame: 'delivery', permanent: true, suspect: true },
  { from: 403, to: 403, code: 'TARGET_FORBIDDEN', blame: 'delivery', permanent: true, suspect: true },
  { from: 404, to: 404, code: 'TARGET_NOT_FOUND', blame: 'delivery', permanent: true, suspect: true },
  { from: 408, to: 408, code: 'TARGET_TIMEOUT', blame: 'delivery' },
  { from: 409, to: 409, code: 'TARGET_REFUSED', blame: 'delivery' },
  { from: 410, to: 410, code: 'TARGET_NOT_FOUND', blame: 'delivery', permanent: true, suspect: true },
  { from: 413, to: 413, code: 'TARGET_TOO_LARGE', blame: 'delivery', permanent: true },
  { from: 425, to: 425, code: 'TARGET_REFUSED', blame: 'delivery' },
  { from: 429, to: 429, code: 'TARGET_THROTTLED', blame: 'target', minWaitMs: MIN_WAIT_MS },
  { from: 400, to: 499, code: 'TARGET_REFUSED', blame: 'delivery', permanent: true },
  { from: 500, to: 500, code: 'TARGET_FAILED', blame: 'delivery' },
  { from: 502, to: 502, code: 'TARGET_UNAVAILABLE', blame: 'target' },
  { from: 503, to: 503, code: 'TARGET_UNAVAILABLE', blame: 'target', minWaitMs: MIN_WAIT_MS },
  { from: 504, to: 504, code: 'TARGET_TIMEOUT', blame: 'delivery' },
];

/** Statuses nobody defined for this, such as 501, 520 or 999: the answer of something on the way. */
const ODD: StatusRule = { code: 'TARGET_FAILED', blame: 'target' };

/** The rule for a status that is not 2xx. */
export function ruleOfStatus(status: number): StatusRule {
  const row = HTTP_STATUS_RULES.find(({ from, to }) => from <= status && status <= to);
  if (row === undefined) return ODD;
  const { from: _from, to: _to, ...rule } = row;
  return rule;
}

/** 204 and 205 have no body by definition. */
export function isEmptyStatus(status: number): boolean {
  return status === 204 || status === 205;
}
