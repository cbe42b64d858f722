/** Records of one object, as it was met or handled, and what the next version of it comes to. */
import { begin, succeed } from '../../../forwarder/filter/delivery.ts';
import { observe } from '../../../forwarder/filter/judge.ts';
import type { ObjectRecord } from '../../../forwarder/filter/record.ts';
import type { Rules } from '../../../forwarder/filter/rules.ts';
import { WhenError } from '../../../forwarder/filter/when-error.ts';
import type { KubeObject } from '../../../forwarder/model/kube-object.ts';
import type { DropReason, Verdict } from '../../../forwarder/model/verdict.ts';
import { type Draft, object, rules, seen } from './objects.ts';

export const AT_FIRST: Draft = {
  rv: 5,
  generation: 1,
  spec: { a: 1 },
  status: { s: 1 },
  metadata: { labels: { l: '1' } },
};

/** A record that was seen once. */
export function met(over: Partial<Rules> = {}, draft: Draft = AT_FIRST): { record: ObjectRecord; by: Rules } {
  const by = rules(over);
  return { record: observe(undefined, seen(object(draft)), by).record, by };
}

/** One whose first state was delivered. */
export function handled(
  over: Partial<Rules> = {},
  draft: Draft = AT_FIRST,
): { record: ObjectRecord; by: Rules } {
  const { record, by } = met(over, draft);
  succeed(record, begin(record));
  return { record, by };
}

/** What is said of the record's next state. */
export function reasonOf(record: ObjectRecord, draft: Draft, by: Rules): DropReason | 'pass' {
  const { verdict } = observe(record, seen(object({ ...AT_FIRST, ...draft })), by);
  return reasonIn(verdict);
}

/** `when` that reads `status.s`: 1 is true, 0 is false, anything else fails. */
export const gate = {
  test: (from: KubeObject): boolean => {
    const { s } = from['status'] as { readonly s: number };
    if (s !== 0 && s !== 1) throw new WhenError('no such key: s');
    return s === 1;
  },
};

/** `pass`, or why it was dropped. */
export function reasonIn(verdict: Verdict): DropReason | 'pass' {
  return verdict.kind === 'pass' ? 'pass' : verdict.reason;
}
