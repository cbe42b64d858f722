/** What a filter says of a change: it matters, or why not. */

/** Why a change was dropped: the `reason` label of `statewire_filtered_total`, a closed list. */
export type DropReason =
  | 'seen'
  | 'unchanged'
  | 'own-write'
  | 'event-type'
  | 'when-false'
  | 'when-error'
  | 'baseline'
  | 'deleting'
  | 'never-started'
  | 'suspended';

export type Verdict = { readonly kind: 'pass' } | { readonly kind: 'drop'; readonly reason: DropReason };

export const PASS: Verdict = { kind: 'pass' };

export function drop(reason: DropReason): Verdict {
  return { kind: 'drop', reason };
}
