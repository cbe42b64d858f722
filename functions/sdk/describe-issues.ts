import type { $ZodIssue } from 'zod/v4/core';
import { oneLine } from './one-line.ts';

/** More problems than these are counted, not listed. */
const LISTED = 3;

/** `spec.replicas: Too small: expected number to be >=0; …`: the same problems give the same one line. */
export function describeIssues(issues: readonly $ZodIssue[], root: string = ''): string {
  const listed = issues.slice(0, LISTED).map((issue) => {
    const path = pathOf(issue.path, root);
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
  const more = issues.length - listed.length;
  return oneLine(more > 0 ? `${listed.join('; ')}; and ${more} more` : listed.join('; '));
}

function pathOf(path: readonly PropertyKey[], root: string): string {
  let text = root;
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_$][\w$-]*$/.test(String(part)))
      text += text === '' ? String(part) : `.${String(part)}`;
    else text += `[${JSON.stringify(String(part))}]`;
  }
  return text;
}
