/** A CRD as a TypeScript module: types, zod schemas, and the kind for `defineFunction`. */
import { type Crd, type CrdSchema, versionOf } from './crd.ts';
import { arrayOf, objectOf } from './collections.ts';
import { formsOf } from './forms.ts';
import { type Helper, helperTexts } from './helpers.ts';
import type { Rendered, Rendering } from './rendering.ts';
import { enumOf, integerOf, intOrStringOf, numberOf, stringOf } from './scalars.ts';
import { camel, comment, quote } from './text.ts';

/** What the forwarder adds by itself: a function need not state it. */
const ADDED_TO_STATUS = new Set(['conditions', 'observedGeneration']);

/**
 * One module for all CRDs, each in one version.
 *
 * What a CRD takes, its schema takes; what it refuses, the schema refuses as far as zod can say: CEL rules and some
 * formats are told in comments. A default is filled in, as the API server does; in a status it is what may be left out.
 *
 * @param version of all of them. @defaultValue the one that is stored
 * @throws ConfigError where there is no such version, or two kinds have one name
 */
export function renderModule(crds: readonly Crd[], version?: string): string {
  const module = new Module();
  const parts = crds.map((crd) => module.kind(crd, version));
  return [
    ...comment([
      'Made by `statewire types` from a CustomResourceDefinition: make it again rather than edit it.',
    ]).split('\n', 1),
    `import { customResource, type CustomResource } from '@statewire/functions';\nimport * as z from 'zod';\n`,
    ...helperTexts(module.helpers),
    ...parts,
  ].join('\n');
}

class Module {
  readonly helpers = new Set<Helper>();
  readonly #names = new Set<string>();

  kind(crd: Crd, version: string | undefined): string {
    const { group, names, scope } = crd.spec;
    const { name, schema } = versionOf(crd, version);
    const { properties = {}, required = [], description = '' } = schema?.openAPIV3Schema ?? {};
    const kind = this.#unique(names.kind);
    const spec = this.#part(properties['spec'] ?? {}, `${kind}Spec`, 'filled');
    const status = this.#part(statusOf(properties['status']), `${kind}Status`, 'optional');
    const isOptional = properties['spec'] === undefined || !required.includes('spec');
    const [specType, specValue] = isOptional
      ? [`z.ZodOptional<typeof ${spec.value}>`, `${spec.value}.optional()`]
      : [`typeof ${spec.value}`, spec.value];
    const told = comment([description, `${names.kind} of ${group}/${name}, ${scope}.`]);
    return [
      spec.text,
      status.text,
      `${told}export const ${kind}: CustomResource<${specType}, typeof ${status.value}> = customResource({
  group: ${quote(group)},
  version: ${quote(name)},
  kind: ${quote(names.kind)},
  spec: ${specValue},
  status: ${status.value},
});
`,
    ].join('\n');
  }

  #part(
    schema: CrdSchema,
    wanted: string,
    defaults: Rendering['defaults'],
  ): { readonly text: string; readonly value: string } {
    const declarations: string[] = [];
    const rendering: Rendering = {
      defaults,
      use: (helper) => {
        this.helpers.add(helper);
        return helper;
      },
      loosened: () => undefined,
      render: (inner, name) => render(inner, name, rendering),
      unique: (name) => this.#unique(name),
      declare: (text) => void declarations.push(text),
    };
    const { type, zod } = render(schema, wanted, rendering);
    // An object has declared both names itself.
    const declared = type === wanted || type.startsWith(`${wanted} `);
    const name = declared ? wanted : this.#unique(wanted);
    const value = `${camel(name)}Schema`;
    const alias = declared ? [] : [`export type ${name} = ${type};\n`];
    const valued = declared ? type : name;
    const both = defaults === 'optional' ? `${valued}, ${valued}` : valued;
    return {
      value,
      text: [...declarations, ...alias, `export const ${value}: z.ZodType<${both}> = ${zod};\n`].join('\n'),
    };
  }

  #unique(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#names.has(name.toLowerCase()); count++) name = `${wanted}${count}`;
    this.#names.add(name.toLowerCase());
    return name;
  }
}

function render(schema: CrdSchema, name: string, rendering: Rendering): Rendered {
  const { type, zod } = bare(schema, name, rendering);
  const checked = zod + formsOf(schema, rendering);
  // Where values are listed, the API server takes no null.
  const isNullable = schema.nullable === true && schema.enum === undefined && type !== 'unknown';
  return isNullable ? { type: `${type} | null`, zod: `${checked}.nullable()` } : { type, zod: checked };
}

function bare(schema: CrdSchema, name: string, rendering: Rendering): Rendered {
  const values = schema.enum === undefined ? undefined : enumOf(schema.enum);
  if (values !== undefined) return values;
  if (schema['x-kubernetes-int-or-string'] === true) return intOrStringOf(schema, rendering);
  switch (schema.type) {
    case 'string':
      return stringOf(schema, rendering);
    case 'integer':
      return integerOf(schema, rendering);
    case 'number':
      return numberOf(schema, rendering);
    case 'boolean':
      return { type: 'boolean', zod: 'z.boolean()' };
    case 'array':
      return arrayOf(schema, name, rendering);
    case 'object':
      return objectOf(schema, name, rendering);
    default:
      return { type: 'unknown', zod: 'z.unknown()' };
  }
}

/** What a function may say, and what it reads: conditions have a place of their own in a result. */
function statusOf(schema: CrdSchema | undefined): CrdSchema {
  if (schema === undefined) return { type: 'object' };
  const { required = [] } = schema;
  return { ...schema, required: required.filter((name) => !ADDED_TO_STATUS.has(name)) };
}
