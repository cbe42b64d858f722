/** Reads one condition of a result, by the limits that metav1.Condition sets, so that the API server takes it. */
import type { ResultCondition } from '../../protocol/result.ts';
import { Fields, oneOf, type Read, textThat } from './fields.ts';

const MAX_TYPE = 316;
const MAX_REASON = 1024;
const MAX_MESSAGE = 32_768;

/** A qualified name: an optional DNS subdomain and a slash, then letters, digits, `-`, `_` and `.`. */
const TYPE =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)$/;
const REASON = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;

const type = textThat(
  (value) => value.length <= MAX_TYPE && TYPE.test(value),
  `a condition type like Ready, at most ${MAX_TYPE} characters`,
);
const status = oneOf('True', 'False', 'Unknown');
const reason = textThat(
  (value) => value.length <= MAX_REASON && REASON.test(value),
  `a word like MinimumReplicasAvailable, at most ${MAX_REASON} characters`,
);
const message = textThat(
  // The API server counts code points, of which a string never has more than its length.
  (value) => value.length <= MAX_MESSAGE || Array.from(value).length <= MAX_MESSAGE,
  `a text of at most ${MAX_MESSAGE} characters`,
);

export interface ReadCondition {
  readonly condition: ResultCondition;
  readonly unread: readonly string[];
}

export const readCondition: Read<ReadCondition> = (value, path) => {
  const fields = new Fields(value, path);
  const required = {
    type: fields.required('type', type),
    status: fields.required('status', status),
    reason: fields.required('reason', reason),
  };
  const optional = fields.optional('message', message);
  return {
    condition: optional === undefined ? required : { ...required, message: optional },
    unread: fields.unread(),
  };
};
