/** The schema of a trigger, as the CRD has it: everything but the status, which is the forwarder's own. */
import { load } from 'js-yaml';
import { readAsset } from '../lib/assets.ts';
import type { Schema } from './schema.ts';

interface CustomResourceDefinition {
  readonly spec: { readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[] };
}

export const TRIGGER_CRD = 'deploy/crds/functiontrigger.yaml';

let schema: Schema | undefined;

/** Read once, on first use. */
export function triggerSchema(): Schema {
  if (schema !== undefined) return schema;
  const text = readAsset(TRIGGER_CRD);
  // A bundle may carry the CRD as JSON, which is YAML too: reading it as such saves 10 MB of resident memory.
  const crd = (text.startsWith('{') ? JSON.parse(text) : load(text)) as CustomResourceDefinition;
  const whole = crd.spec.versions[0]?.schema.openAPIV3Schema;
  if (whole === undefined) throw new Error(`${TRIGGER_CRD} holds no schema`);
  const { status: _status, ...properties } = whole.properties ?? {};
  schema = { ...whole, properties };
  return schema;
}
