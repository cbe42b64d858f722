/**
 * What a status says where a platform stands before the function and answers in its place: an OpenFaaS gateway with its
 * watchdog, or the ingress, activator and queue-proxy of Knative.
 */
import type { HttpAnswer } from './http-exchange.ts';
import { ruleOfStatus, type StatusRule } from './http-statuses.ts';

const MIN_WAIT_MS = 1000;

/** The platform knows no such function (yet): it is being rolled out, or was removed. It says nothing of the object. */
const NOT_FOUND: StatusRule = { code: 'TARGET_NOT_FOUND', blame: 'target' };
const UNAVAILABLE: StatusRule = { code: 'TARGET_UNAVAILABLE', blame: 'target' };

/** Knative's data plane tries 404 again; an ingress without a route answers so. */
export function ruleOfKnative({ status }: HttpAnswer): StatusRule {
  return status === 404 ? NOT_FOUND : ruleOfStatus(status);
}

/** Marked answers that mean what they mean without the mark. */
const PLAIN: ReadonlySet<number> = new Set([429, 502, 504]);

/**
 * With `X-OpenFaaS-Internal` the gateway, the provider or the watchdog answered, and without it the function. Only 504
 * stays the delivery's: the function was called and cut off.
 */
export function ruleOfOpenFaas({ status, headers }: HttpAnswer): StatusRule {
  if (status === 404) return NOT_FOUND;
  const isMarked = headers['x-openfaas-internal'] !== undefined;
  return isMarked && !PLAIN.has(status) ? { ...UNAVAILABLE, minWaitMs: MIN_WAIT_MS } : ruleOfStatus(status);
}

/** `/async-function/` and `/oauth/token`: the function is not called yet, so that every failure but of the event's size is the gateway's. */
export function ruleOfOpenFaasQueue({ status }: HttpAnswer): StatusRule {
  switch (status) {
    case 400:
      return { code: 'TARGET_MISCONFIGURED', blame: 'target' };
    case 401:
    case 403:
      return { code: 'TARGET_FORBIDDEN', blame: 'target' };
    case 404:
      return NOT_FOUND;
    case 413:
    case 429:
    case 503:
      return ruleOfStatus(status);
    default:
      return status < 400 ? ruleOfStatus(status) : UNAVAILABLE;
  }
}
