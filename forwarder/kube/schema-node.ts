import type { KindSchema, SchemaNode } from '../model/kind-schema.ts';

/** A schema as OpenAPI v3 writes it; the fields that are looked at. */
export interface OpenApiSchema {
  readonly $ref?: string;
  readonly allOf?: readonly OpenApiSchema[];
  readonly type?: string;
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly additionalProperties?: OpenApiSchema | boolean;
  readonly items?: OpenApiSchema;
  readonly [extension: `x-kubernetes-${string}`]: unknown;
}

export type OpenApiSchemas = Readonly<Record<string, OpenApiSchema>>;

const REFERENCE_ROOT = '#/components/schemas/';

/** The schema of one kind, with references followed on first use: schemas may contain themselves. */
export function kindSchema(root: OpenApiSchema, schemas: OpenApiSchemas): KindSchema {
  const object = schemaNode(root, schemas);
  return {
    field(path) {
      let node: SchemaNode | undefined = object;
      for (const name of path) {
        const { properties, additionalProperties }: SchemaNode = node;
        node =
          properties !== undefined && Object.hasOwn(properties, name)
            ? properties[name]
            : typeof additionalProperties === 'object'
              ? additionalProperties
              : undefined;
        if (node === undefined) return undefined;
      }
      return node;
    },
  };
}

/** Where a schema points to with `$ref`, alone or as the only part of `allOf`; undefined where it stands by itself. */
export function referenceOf({ $ref, allOf }: OpenApiSchema): string | undefined {
  const reference = $ref ?? (allOf?.length === 1 ? allOf[0]?.$ref : undefined);
  return reference?.startsWith(REFERENCE_ROOT) === true ? reference.slice(REFERENCE_ROOT.length) : undefined;
}

function schemaNode(written: OpenApiSchema, schemas: OpenApiSchemas): SchemaNode {
  const reference = referenceOf(written);
  const target = reference === undefined ? undefined : schemas[reference];
  // List and map types may stand beside a reference and win over what it says.
  const schema: OpenApiSchema = target === undefined ? written : { ...target, ...written };
  const { type, properties, additionalProperties, items } = schema;
  const listType = schema['x-kubernetes-list-type'] as SchemaNode['listType'];
  const listMapKeys = schema['x-kubernetes-list-map-keys'] as readonly string[] | undefined;
  const mapType = schema['x-kubernetes-map-type'] as SchemaNode['mapType'];
  const node = {
    ...(type !== undefined && schema['x-kubernetes-int-or-string'] !== true && { type }),
    ...(typeof additionalProperties === 'boolean' && { additionalProperties }),
    ...(schema['x-kubernetes-preserve-unknown-fields'] === true && { preserveUnknownFields: true }),
    ...(listType !== undefined && { listType }),
    ...(listMapKeys !== undefined && { listMapKeys }),
    ...(mapType !== undefined && { mapType }),
  };
  if (properties !== undefined) {
    lazy(node, 'properties', () => {
      const nodes: Record<string, SchemaNode> = {};
      for (const [name, property] of Object.entries(properties)) {
        lazy(nodes, name, () => schemaNode(property, schemas));
      }
      return nodes;
    });
  }
  if (items !== undefined) lazy(node, 'items', () => schemaNode(items, schemas));
  if (typeof additionalProperties === 'object') {
    lazy(node, 'additionalProperties', () => schemaNode(additionalProperties, schemas));
  }
  return node;
}

/** A property that is computed when it is first read. */
function lazy(target: object, name: string, compute: () => unknown): void {
  Object.defineProperty(target, name, {
    enumerable: true,
    configurable: true,
    get() {
      const value = compute();
      Object.defineProperty(target, name, { enumerable: true, value });
      return value;
    },
  });
}
