/** Reads one entry of a result's `apply`: what cannot name an object never gets into a request path. */
import type { Manifest } from '../../protocol/result.ts';
import { Fields, object, type Read, stringMap, textThat } from './fields.ts';

/** As apimachinery checks them before they become part of a path. */
const API_VERSION = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const KIND = /^[A-Za-z][A-Za-z0-9]{0,62}$/;
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** What may be one segment of a path; the kind's own rules are the API server's business. */
function isPathSegment(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && name.length <= 253 && !/[/%\p{Cc}]/u.test(name);
}

const apiVersion = textThat((value) => API_VERSION.test(value), 'an API version like apps/v1');
const kind = textThat((value) => KIND.test(value), 'a kind like Deployment');
const name = textThat(isPathSegment, 'the name of an object');
const namespace = textThat((value) => NAMESPACE.test(value), 'the name of a namespace');

/** The manifest as it came, all other fields untouched. */
export const readManifest: Read<Manifest> = (value, path) => {
  const manifest = new Fields(value, path);
  manifest.required('apiVersion', apiVersion);
  manifest.required('kind', kind);
  manifest.required('metadata', (metadata, metadataPath) => {
    const fields = new Fields(metadata, metadataPath);
    fields.required('name', name);
    fields.optional('namespace', namespace);
    fields.optional('labels', stringMap);
    fields.optional('annotations', stringMap);
    return fields;
  });
  return object(value, path) as unknown as Manifest;
};

/** What two manifests of one result must not share. */
export function manifestIdentity({ apiVersion, kind, metadata }: Manifest): string {
  return JSON.stringify([apiVersion, kind, metadata.namespace ?? '', metadata.name]);
}
