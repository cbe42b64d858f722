/** Label selectors as the API server's query parameter. */
import type { LabelSelector } from '../model/trigger.ts';
import { childPath, problem, type TriggerProblem } from './trigger-problem.ts';

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const MAX_PREFIX = 253;

/** The selector as text, such as `a=b,tier in (gold,silver),!legacy`; empty for a selector of everything. */
export function selectorQuery({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.toSorted().join(',')})`;
  });
  // Sorted, so that equal selectors share a watch.
  return [...labels.toSorted(), ...expressions.toSorted()].join(',');
}

/** Labels and values that cannot be: the API server would refuse the list with them. */
export function selectorProblems(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  path: string,
): readonly TriggerProblem[] {
  const problems: TriggerProblem[] = [];
  const check = (field: string, isGood: boolean, text: string): void => {
    if (!isGood) problems.push(problem(field, 'Invalid', text));
  };
  for (const [key, value] of Object.entries(matchLabels)) {
    const field = childPath(`${path}.matchLabels`, key);
    check(field, isLabelKey(key), 'is no label name');
    check(field, isLabelValue(value), 'is no label value');
  }
  for (const [index, { key, values = [] }] of matchExpressions.entries()) {
    const field = `${path}.matchExpressions[${index}]`;
    check(`${field}.key`, isLabelKey(key), 'is no label name');
    for (const [at, value] of values.entries()) {
      check(`${field}.values[${at}]`, isLabelValue(value), 'is no label value');
    }
  }
  return problems;
}

function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  const prefix = key.slice(0, Math.max(0, slash));
  return (
    NAME.test(key.slice(slash + 1)) && (slash < 0 || (prefix.length <= MAX_PREFIX && PREFIX.test(prefix)))
  );
}

function isLabelValue(value: string): boolean {
  return value === '' || NAME.test(value);
}
