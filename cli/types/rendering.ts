/** What the parts of a module are rendered with, and what they become. */
import type { CrdSchema } from './crd.ts';
import type { Helper } from './helpers.ts';

/** A schema as TypeScript: the type of its values, and the zod expression that reads them. */
export interface Rendered {
  readonly type: string;
  readonly zod: string;
}

export interface Rendering {
  /** Marks a helper as used and returns its name. */
  use(helper: Helper): Helper;
  /** Something of the schema is not checked by the expression: it takes more than the API server does. */
  loosened(): void;
  /** Any schema; `name` is what it is called where it needs one. */
  render(schema: CrdSchema, name: string): Rendered;
  /** Adds declarations, and returns a name of the module that nothing else has. */
  unique(name: string): string;
  declare(text: string): void;
  /** What an object has when a handler gets it, or what a handler may write: defaults are filled in there, not here. */
  readonly defaults: 'filled' | 'optional';
}

/** The zod expression of a field, under the name that it has. */
export function fieldOf(name: string, zod: string, rendering: Rendering): string {
  return typeof Reflect.get(Object.prototype, name) === 'function' ? `${rendering.use('own')}(${zod})` : zod;
}
