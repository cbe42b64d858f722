/**
 * `target.file` of triggers from `--triggers FILE`. It writes where the forwarder runs and tells processes there, which is
 * for whoever starts the forwarder to say, and for nobody who may only write triggers: so the CRD does not have it.
 */
import type { RuleCheck } from './read-by-schema.ts';
import type { Schema } from './schema.ts';

const LOOPBACK = /^http:\/\/(127\.\d+\.\d+\.\d+|\[::1\]|localhost)(:\d+)?(\/[^#\s]*)?$/;
const PLACEHOLDER = /\{([^}]*)\}/g;

const FILE_SCHEMA: Schema = {
  type: 'object',
  required: ['path'],
  'x-kubernetes-validations': [
    {
      rule: '!has(self.signal) || !has(self.notify)',
      message: 'signal and notify exclude each other',
    },
  ],
  properties: {
    path: {
      type: 'string',
      pattern: '^/.*[^/]$',
      maxLength: 1024,
      'x-kubernetes-validations': [
        { rule: '', message: 'may hold {namespace} and {name}, and {name} in its last part only' },
      ],
    },
    signal: {
      type: 'object',
      required: ['pidFile'],
      properties: {
        pidFile: { type: 'string', pattern: '^/', maxLength: 1024 },
        name: { type: 'string', enum: ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTERM'], default: 'SIGHUP' },
      },
    },
    notify: {
      type: 'object',
      required: ['url'],
      properties: {
        url: {
          type: 'string',
          maxLength: 1024,
          'x-kubernetes-validations': [
            { rule: '', message: 'must be an http URL of this computer: 127.0.0.1, [::1] or localhost' },
          ],
        },
      },
    },
  },
};

/** The rules above, by their message. */
export const FILE_TARGET_RULES: Readonly<Record<string, RuleCheck>> = {
  'signal and notify exclude each other': {
    holds: ({ signal, notify }: { signal?: unknown; notify?: unknown }) =>
      signal === undefined || notify === undefined,
    reason: 'MutuallyExclusive',
  },
  'may hold {namespace} and {name}, and {name} in its last part only': {
    holds: (path: string) =>
      Array.from(path.matchAll(PLACEHOLDER)).every(
        ([whole, name = '']) =>
          name === 'namespace' || (name === 'name' && path.lastIndexOf(whole) > path.lastIndexOf('/')),
      ),
  },
  'must be an http URL of this computer: 127.0.0.1, [::1] or localhost': {
    holds: (url: string) => LOOPBACK.test(url) && URL.canParse(url),
  },
};

/** The schema of a trigger with `target.file`. */
export function withFileTarget(schema: Schema): Schema {
  const spec = schema.properties?.['spec'];
  const target = spec?.properties?.['target'];
  if (spec === undefined || target === undefined) throw new Error('the schema has no spec.target');
  return {
    ...schema,
    properties: {
      ...schema.properties,
      spec: {
        ...spec,
        properties: {
          ...spec.properties,
          target: { ...target, properties: { ...target.properties, file: FILE_SCHEMA } },
        },
      },
    },
  };
}
