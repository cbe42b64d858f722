/** What a generated module needs beside zod: each helper is written into it only where it is used. */

export type Helper =
  | 'anyOf'
  | 'distinct'
  | 'integer'
  | 'length'
  | 'multipleOf'
  | 'not'
  | 'oneOf'
  | 'own'
  | 'size';

const TEXTS: Readonly<Record<Helper, string>> = {
  integer: `/** 64 bits: what is beyond 2^53 was rounded when its JSON was read. */
const integer = z
  .number()
  .refine((value) => Number.isInteger(value) && Math.abs(value) <= 2 ** 63, 'expected an integer');
`,
  length: `/** Characters as Kubernetes counts them. */
const length = (min: number, max: number) =>
  z.refine<string>(
    (text) => [...text].length >= min && [...text].length <= max,
    \`expected \${min} to \${max} characters\`,
  );
`,
  multipleOf: `const multipleOf = (factor: number) =>
  z.refine<number>((value) => {
    const times = value / factor;
    return Math.abs(times - Math.round(times)) <= 1e-9 * Math.max(1, Math.abs(times));
  }, \`expected a multiple of \${factor}\`);
`,
  own: `/** A field whose name every object of JavaScript has: what is inherited is nothing. */
const own = <T extends z.ZodType>(field: T): T =>
  z.preprocess((value) => (typeof value === 'function' ? undefined : value), field) as z.ZodType as T;
`,
  size: `const size = (min: number, max: number) =>
  z.refine<object>(
    (fields) => Object.keys(fields).length >= min && Object.keys(fields).length <= max,
    \`expected \${min} to \${max} fields\`,
  );
`,
  distinct: `/** No two items alike: by these fields, or as a whole. */
const distinct = (...keys: readonly string[]) =>
  z.refine<readonly unknown[]>((items) => {
    const told = items.map((item) =>
      JSON.stringify(keys.length === 0 ? item : keys.map((key) => (item as Record<string, unknown>)[key])),
    );
    return new Set(told).size === items.length;
  }, \`expected no two items with the same \${keys.length === 0 ? 'value' : keys.join(', ')}\`);
`,
  anyOf: `const anyOf = (...forms: readonly z.ZodType[]) =>
  z.refine((value) => forms.some((form) => form.safeParse(value).success), 'fits no form of anyOf');
`,
  oneOf: `const oneOf = (...forms: readonly z.ZodType[]) =>
  z.refine(
    (value) => forms.filter((form) => form.safeParse(value).success).length === 1,
    'fits not exactly one form of oneOf',
  );
`,
  not: `const not = (form: z.ZodType) =>
  z.refine((value) => !form.safeParse(value).success, 'has the form that not rules out');
`,
};

/** The texts of those helpers, in one order whatever the order of their use. */
export function helperTexts(used: ReadonlySet<Helper>): readonly string[] {
  return Object.entries(TEXTS).flatMap(([name, text]) => (used.has(name as Helper) ? [text] : []));
}
