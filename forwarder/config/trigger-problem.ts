/** What is wrong with a trigger, in words that its author can act on. */

/** Also the reason of `Accepted=False`. */
export type TriggerProblemReason =
  | 'Invalid'
  | 'Required'
  | 'ExactlyOneTarget'
  | 'MutuallyExclusive'
  | 'UnknownField'
  | 'NotSupported';

export interface TriggerProblem {
  /** Path in the YAML, such as `spec.target.http.url`. */
  readonly field: string;
  readonly reason: TriggerProblemReason;
  /** One line that begins with the field; the same for the same problem. */
  readonly message: string;
}

/** A problem whose message begins with its field. */
export function problem(field: string, reason: TriggerProblemReason, text: string): TriggerProblem {
  return { field, reason, message: field === '' || text.startsWith(field) ? text : `${field}: ${text}` };
}

/** `spec.a`, `spec.labels["a.b/c"]`. */
export function childPath(path: string, name: string): string {
  if (!/^[A-Za-z_]\w*$/.test(name)) return `${path}[${JSON.stringify(name.slice(0, 64))}]`;
  return path === '' ? name : `${path}.${name}`;
}

/** At most this many problems are told at once. */
const MAX_TOLD = 3;

/** Reason and one-line message for `Accepted=False`: the first problems, and how many more there are. */
export function describeProblems(problems: readonly TriggerProblem[]): {
  readonly reason: TriggerProblemReason;
  readonly message: string;
} {
  const told = problems.slice(0, MAX_TOLD).map(({ message }) => message);
  const more = problems.length - told.length;
  return {
    reason: problems[0]?.reason ?? 'Invalid',
    message: told.join('; ') + (more > 0 ? `; and ${more} more` : ''),
  };
}
