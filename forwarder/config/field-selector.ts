/** Field selectors, such as `spec.tier=gold,metadata.name!=web`. */

/** Three operators; a comma, equals sign or backslash in a value is written with a backslash before it. */
const TERM = /^[A-Za-z][A-Za-z0-9_.[\]'"-]*(==|=|!=)(\\[\\,=]|[^\\,=])*$/;

/** What is wrong with a field selector; undefined where nothing is. Which fields there are, only the API server knows. */
export function fieldSelectorProblem(text: string): string | undefined {
  const terms = text.split(/(?<!\\),/);
  return terms.every((term) => TERM.test(term.trim()))
    ? undefined
    : 'must be terms like spec.tier=gold, joined by commas';
}
