type Labels = Readonly<Record<string, string>>;
type Matcher = (labels: Labels) => boolean;

/** What a label selector lets through: `a=b`, `a!=b`, `a`, `!a`, `a in (b,c)`, `a notin (b,c)`, all of them together. */
export function labelMatcher(selector: string | undefined): Matcher {
  const parts = (selector ?? '').split(/,(?![^(]*\))/).map((part) => part.trim());
  const matchers = parts.filter((part) => part !== '').map(matcherOf);
  return (labels) => matchers.every((matches) => matches(labels));
}

function matcherOf(part: string): Matcher {
  const [, setKey, word, list] = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(part) ?? [];
  if (setKey !== undefined) {
    const values = new Set((list ?? '').split(',').map((value) => value.trim()));
    return (labels) =>
      values.has(labels[setKey] ?? '') === (word === 'in') && (word !== 'in' || setKey in labels);
  }
  const [, key, operator, value] = /^([^=!\s]+)\s*(==?|!=)\s*(\S*)$/.exec(part) ?? [];
  if (key !== undefined) return (labels) => (labels[key] === value) === (operator !== '!=');
  if (/^!?[^=!\s()]+$/.test(part)) {
    const name = part.replace('!', '');
    return (labels) => name in labels === !part.startsWith('!');
  }
  throw new TypeError(`label selector ${JSON.stringify(part)} is not understood`);
}
