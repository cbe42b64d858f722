/**
 * Looks at the syntax tree of `spec.when` before it is ever run: refuses what Kubernetes does not know and what could
 * run for long, and tells what an evaluation costs. CEL itself ends always, but the library has no limit at run time.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import { RENAMED } from './cel-functions.ts';
import type { Uses } from './cel-value.ts';
import { LinearRegExp } from './linear-regexp.ts';

/** What is known of an expression once it has passed. */
export interface Plan {
  readonly uses: Uses;
  readonly nodes: number;
  /** How deep lists are iterated within each other, searching them with `in` counted. */
  readonly depth: number;
  /** How many times a list or string may double within macros. */
  readonly doublings: number;
  /** Items of the largest list or map that the expression itself holds. */
  readonly largestLiteral: number;
  /** Whether strings are split into lists, or lists joined to strings. */
  readonly splits: boolean;
  readonly joins: boolean;
  /** Every literal pattern of `matches`. */
  readonly patterns: ReadonlyMap<string, LinearRegExp>;
  /** Where in the text a method stands that is to be called by our own implementation. */
  readonly renames: readonly { readonly at: number; readonly name: string }[];
}

/** An expression that is refused. The message completes `spec.when: `. */
export class RefusedExpression extends Error {}

const MACROS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
const MAX_MACRO_DEPTH = 2;
const FUNCTIONS = new Set(
  'has size type dyn int uint double string bool bytes timestamp duration'.split(' '),
);
const TIME_GETTERS = new Set(
  (
    'getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear ' +
    'getHours getMinutes getSeconds getMilliseconds'
  ).split(' '),
);
const METHODS = new Set([
  ...MACROS,
  ...TIME_GETTERS,
  ...(
    'size contains startsWith endsWith matches lowerAscii upperAscii trim ' +
    'indexOf lastIndexOf substring charAt replace split join or orValue hasValue value of none'
  ).split(' '),
]);
/** Throws RefusedExpression. */
export function guardExpression(text: string, root: ASTNode): Plan {
  const walk = new Walk(text);
  walk.visit(root, { macros: 0, iterations: 0 });
  return walk;
}

interface Nesting {
  readonly macros: number;
  /** Macros, and searches in lists. */
  readonly iterations: number;
}

class Walk implements Plan {
  readonly #text: string;
  uses: Uses = new Map();
  nodes = 0;
  depth = 0;
  doublings = 0;
  largestLiteral = 0;
  splits = false;
  joins = false;
  readonly patterns = new Map<string, LinearRegExp>();
  readonly renames: { at: number; name: string }[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  visit(node: ASTNode, nesting: Nesting): void {
    this.nodes++;
    this.depth = Math.max(this.depth, nesting.iterations);
    const path = objectPath(node);
    if (path !== undefined) {
      this.nodes += path.length;
      this.#use(path);
      return;
    }
    switch (node.op) {
      case 'call':
        this.#call(node.args[0], node.args[1], nesting);
        return;
      case 'rcall':
        this.#method(node, nesting);
        return;
      case 'in': {
        const listed = node.args[1].op === 'list' || nesting.macros === 0;
        this.visit(node.args[0], nesting);
        this.visit(node.args[1], listed ? nesting : { ...nesting, iterations: nesting.iterations + 1 });
        return;
      }
      case '+':
        if (nesting.macros > 0 && node.args.every(({ op }) => op !== 'value')) this.doublings++;
        break;
      case 'list':
      case 'map':
        this.largestLiteral = Math.max(this.largestLiteral, node.args.length);
        break;
      default:
    }
    for (const child of childrenOf(node)) this.visit(child, nesting);
  }

  #call(name: string, args: readonly ASTNode[], nesting: Nesting): void {
    if (!FUNCTIONS.has(name)) throw new RefusedExpression(`function ${name}() is not supported`);
    for (const argument of args) this.visit(argument, nesting);
  }

  #method(node: Extract<ASTNode, { op: 'rcall' }>, nesting: Nesting): void {
    const [name, receiver, args] = node.args;
    if (!METHODS.has(name)) throw new RefusedExpression(`function .${name}() is not supported`);
    if (TIME_GETTERS.has(name) && args.length > 0) {
      throw new RefusedExpression(`.${name}() with a time zone is not supported`);
    }
    this.splits ||= name === 'split';
    this.joins ||= name === 'join';
    if (name === 'matches') this.#pattern(args[0]);
    if (RENAMED.has(name)) this.#rename(node);
    this.visit(receiver, nesting);
    if (!MACROS.has(name)) {
      for (const argument of args) this.visit(argument, nesting);
      return;
    }
    if (nesting.macros === MAX_MACRO_DEPTH) {
      throw new RefusedExpression(`macros are nested more than ${MAX_MACRO_DEPTH} deep at .${name}()`);
    }
    const inner = { macros: nesting.macros + 1, iterations: nesting.iterations + 1 };
    for (const argument of args.slice(1)) this.visit(argument, inner);
  }

  #pattern(argument: ASTNode | undefined): void {
    if (argument?.op !== 'value' || typeof argument.args !== 'string') {
      throw new RefusedExpression('.matches() takes a literal pattern only');
    }
    try {
      this.patterns.set(argument.args, new LinearRegExp(argument.args));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new RefusedExpression(`pattern ${JSON.stringify(argument.args)}: ${error.message}`);
    }
  }

  #rename(node: Extract<ASTNode, { op: 'rcall' }>): void {
    const [name, receiver, args] = node.args;
    const between = this.#text.slice(receiver.end, args[0]?.start ?? node.end);
    const found = /^[\s)]*\.\s*(?<name>\w+)\s*\(/d.exec(between)?.indices?.groups?.['name'];
    if (found === undefined) throw new RefusedExpression(`a comment stands before .${name}()`);
    this.renames.push({ at: receiver.end + found[0], name });
  }

  #use(path: readonly string[]): void {
    if (path.length === 0) this.uses = 'all';
    let level = this.uses;
    for (const [index, name] of path.entries()) {
      if (level === 'all') return;
      const known: Uses | undefined = level.get(name);
      const last = index === path.length - 1;
      const next: Uses = last ? 'all' : (known ?? new Map());
      level.set(name, next);
      level = next;
    }
  }
}

/** The fields from `object` down that a node names; undefined where it is something else. */
function objectPath(node: ASTNode): string[] | undefined {
  if (node.op === 'id') return node.args === 'object' ? [] : undefined;
  if (node.op === '.' || node.op === '.?') {
    const path = objectPath(node.args[0]);
    return path === undefined ? undefined : [...path, node.args[1]];
  }
  if (node.op === '[]' || node.op === '[?]') {
    const [of, key] = node.args;
    const path = key.op === 'value' && typeof key.args === 'string' ? objectPath(of) : undefined;
    return path === undefined || key.op !== 'value' ? undefined : [...path, String(key.args)];
  }
  return undefined;
}

function childrenOf(node: ASTNode): ASTNode[] {
  const children: ASTNode[] = [];
  const collect = (part: unknown): void => {
    if (Array.isArray(part)) for (const item of part) collect(item);
    else if (typeof part === 'object' && part !== null && 'op' in part) children.push(part as ASTNode);
  };
  collect(node.args);
  return children;
}
