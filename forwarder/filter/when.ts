/**
 * Compiles `spec.when`: a CEL expression over `object`, as Kubernetes evaluates it. CEL is loaded with the first
 * expression, for 4 MB that triggers without one do not pay.
 */
import { type Clock, systemClock } from '../lib/clock.ts';
import { foreignText } from '../lib/errors.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { ownName, registerFunctions } from './cel-functions.ts';
import { type Bound, bindToCel } from './cel-value.ts';
import type { LinearRegExp } from './linear-regexp.ts';
import { WhenError } from './when-error.ts';
import { guardExpression, type Plan, RefusedExpression } from './when-guard.ts';

export interface When {
  readonly expression: string;
  /** Throws WhenError. */
  test(object: KubeObject): boolean;
}

const MAX_LENGTH = 4096;
const LIMITS = {
  maxAstNodes: 500,
  maxDepth: 50,
  maxListElements: 200,
  maxMapEntries: 200,
  maxCallArguments: 8,
};
/** Syntax tree nodes evaluated, by a pessimistic estimate: about half a second. */
const MAX_COST = 2_000_000;
/** Characters of strings that an expression may build. */
const MAX_BUILT = 10_000_000;
/** Evaluations this slow, so many in a row, end the expression: every other trigger waits for them. */
const SLOW_MS = 250;
const MAX_SLOW = 3;

/** `problem` is one line that completes `spec.when: `. */
export async function compileWhen(
  expression: string,
  clock: Pick<Clock, 'monotonic'> = systemClock,
): Promise<When | { readonly problem: string }> {
  if (expression.length > MAX_LENGTH) return { problem: `longer than ${MAX_LENGTH} characters` };
  const { Environment } = await import('@marcbachmann/cel-js');
  try {
    const patterns = new Map<string, LinearRegExp>();
    const environment = new Environment({ enableOptionalTypes: true, limits: LIMITS }).registerVariable(
      'object',
      'map',
    );
    registerFunctions(environment, patterns);
    const { ast } = environment.parse(expression);
    const plan = guardExpression(expression, ast);
    for (const [pattern, compiled] of plan.patterns) patterns.set(pattern, compiled);
    const checked = environment.check(expression);
    if (!checked.valid) return { problem: summaryOf(checked.error) };
    if (checked.type !== 'bool' && checked.type !== 'dyn') {
      return { problem: `must be bool, is ${checked.type ?? 'unknown'}` };
    }
    return new CompiledWhen(expression, plan, environment.parse(withOwnNames(expression, plan)), clock);
  } catch (error) {
    return { problem: error instanceof RefusedExpression ? foreignText(error.message) : summaryOf(error) };
  }
}

class CompiledWhen implements When {
  readonly expression: string;
  readonly #plan: Plan;
  readonly #evaluate: (context: Record<string, unknown>) => unknown;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #slowInARow = 0;

  constructor(
    expression: string,
    plan: Plan,
    evaluate: (context: Record<string, unknown>) => unknown,
    clock: Pick<Clock, 'monotonic'>,
  ) {
    this.expression = expression;
    this.#plan = plan;
    this.#evaluate = evaluate;
    this.#clock = clock;
  }

  test(object: KubeObject): boolean {
    if (this.#slowInARow >= MAX_SLOW) {
      throw new WhenError(`takes more than ${SLOW_MS} ms; not evaluated until it is edited`);
    }
    const startMs = this.#clock.monotonic();
    let result: unknown;
    try {
      const bound = bindToCel(object, this.#plan.uses);
      const tooMuch = costProblem(this.#plan, bound);
      if (tooMuch !== undefined) throw new WhenError(tooMuch);
      result = this.#evaluate({ object: bound.value });
    } catch (error) {
      throw error instanceof WhenError ? error : new WhenError(summaryOf(error), { cause: error });
    } finally {
      this.#slowInARow = this.#clock.monotonic() - startMs > SLOW_MS ? this.#slowInARow + 1 : 0;
    }
    if (typeof result !== 'boolean') throw new WhenError(`result is ${celTypeOf(result)}, not bool`);
    return result;
  }
}

/** What an evaluation may cost at most, from the sizes of what it looks at. */
function costProblem(plan: Plan, { largest, longest }: Bound): string | undefined {
  const { nodes, depth, doublings, splits, joins, largestLiteral } = plan;
  const items = Math.max(1, largest, largestLiteral, splits ? longest : 0);
  if (depth > 0 && nodes * (items * 2 ** doublings) ** depth > MAX_COST) {
    return `costs too much: lists of up to ${items} items, iterated ${depth} deep`;
  }
  const builds = joins || doublings > 0;
  return builds && longest * items * 4 ** doublings > MAX_BUILT
    ? `costs too much: builds strings from ${items} parts of up to ${longest} characters`
    : undefined;
}

/** The expression with our own implementations in place of the library's. */
function withOwnNames(expression: string, { renames }: Plan): string {
  let text = expression;
  for (const { at, name } of renames.toSorted((a, b) => b.at - a.at)) {
    text = text.slice(0, at) + ownName(name) + text.slice(at + name.length);
  }
  return text;
}

/** One line about an error of the library, without the extract of the expression that it adds. */
function summaryOf(error: unknown): string {
  const { summary, message } = error as { readonly summary?: unknown; readonly message?: unknown };
  // Our own implementations go by the names that people write.
  return foreignText(String(summary ?? message ?? error).replaceAll(/(?<=\w)_\(/g, '('));
}

function celTypeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  if (value instanceof Map) return 'map';
  return { bigint: 'int', number: 'double', string: 'string' }[typeof value as string] ?? 'another type';
}
