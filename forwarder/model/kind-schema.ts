/** The schema of a kind, as far as writing its objects needs it: which fields are declared, and how lists merge. */

export interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  /** The schema of every other value of a map; `true` allows any. */
  readonly additionalProperties?: SchemaNode | boolean;
  /** `x-kubernetes-preserve-unknown-fields`: undeclared fields are kept. */
  readonly preserveUnknownFields?: boolean;
  readonly items?: SchemaNode;
  /** `x-kubernetes-list-type`; a list without one is atomic. */
  readonly listType?: 'atomic' | 'set' | 'map';
  /** `x-kubernetes-list-map-keys`. */
  readonly listMapKeys?: readonly string[];
  /** `x-kubernetes-map-type`; a map without one is granular. */
  readonly mapType?: 'atomic' | 'granular';
}

export interface KindSchema {
  /** The node at a path of property names from the object's root; undefined where it is not declared. */
  field(path: readonly string[]): SchemaNode | undefined;
}
