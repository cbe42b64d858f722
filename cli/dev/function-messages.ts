/** What a function's process tells the one that started it. */

export interface FunctionKind {
  readonly apiVersion: string;
  readonly kind: string;
}

export type FunctionMessage =
  /** It serves on that port of the loopback interface. */
  | { readonly type: 'serving'; readonly port: number; readonly kind: FunctionKind }
  /** It cannot be run; several lines for people. */
  | { readonly type: 'failed'; readonly message: string }
  /** A file that it is made of, as a path; installed packages are not told. */
  | { readonly type: 'file'; readonly path: string };
