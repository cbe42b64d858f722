/** A line that a function wrote, or the forwarder logged, as people read it. */

/** What each line of a function's own logger has; the call above it tells the same. */
const KNOWN = new Set(['time', 'level', 'msg', 'trigger', 'key', 'uid', 'id', 'attempt']);

/** A JSON line of the SDK's logger in plain words; anything else as it is. */
export function describeLog(line: string): readonly string[] {
  const fields = fieldsOf(line);
  if (fields === undefined) return [line];
  const { level, msg } = fields;
  const rest = Object.entries(fields).filter(([name]) => !KNOWN.has(name));
  const stack = (fields['error'] as { readonly stack?: unknown } | undefined)?.stack;
  if (typeof stack === 'string') return [`${String(level)} ${String(msg)}`, ...ownLines(stack)];
  const told = rest.map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  return [`${String(level)} ${String(msg)}${told.join('')}`];
}

/** A stack without what is not of the function. */
function ownLines(stack: string): readonly string[] {
  return stack
    .split('\n')
    .filter((line) => !/^\s+at .*(?:\(?node:|\/node_modules\/|\/functions\/sdk\/)/.test(line));
}

function fieldsOf(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(line) as Readonly<Record<string, unknown>>;
    return typeof value['msg'] === 'string' && typeof value['level'] === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
