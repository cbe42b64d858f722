/**
 * Reads the kubeconfigs that need no code of others: tokens and client certificates, inline or in files.
 * For everything else it answers `undefined`, and plugin-access.ts asks client-node.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { load } from 'js-yaml';
import type { Clock } from '../lib/clock.ts';
import { ConfigError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { CachedFile } from './cached-file.ts';
import type { KubeAccess, TlsMaterial } from './kube-access.ts';

/** Tokens are re-read after a minute less some leeway, like client-go does. */
export const TOKEN_MAX_AGE_MS = 50_000;
/** Authorities and certificates are looked at again when a connection is opened after this time. */
export const CERTIFICATE_MAX_AGE_MS = 300_000;

type Fields = Readonly<Record<string, unknown>>;

/** Settings of a user that only client-node understands. */
const PLUGIN_FIELDS = ['exec', 'auth-provider', 'username', 'password'];

/**
 * The access that the file's current context describes; undefined where it takes a credential plugin, a proxy or
 * basic auth. Throws ConfigError for a file that cannot be read or says something impossible.
 */
export function readKubeconfig(
  file: string,
  options: { readonly clock: Clock; readonly logger: Logger },
): KubeAccess | undefined {
  const config = parse(file);
  const contextName = text(config, 'current-context');
  if (contextName === undefined) throw invalid(file, 'current-context is not set');
  const context = named(file, config, 'contexts', contextName, 'context');
  const cluster = named(file, config, 'clusters', text(context, 'cluster') ?? '', 'cluster');
  const userName = text(context, 'user');
  const user = userName === undefined ? {} : named(file, config, 'users', userName, 'user');
  if (PLUGIN_FIELDS.some((field) => field in user) || text(cluster, 'proxy-url') !== undefined)
    return undefined;

  const server = serverOf(file, cluster);
  const material = (dataField: string, fileField: string, fields: Fields, maxAgeMs: number) =>
    materialOf(file, fields, dataField, fileField, maxAgeMs, options);
  const ca = material('certificate-authority-data', 'certificate-authority', cluster, CERTIFICATE_MAX_AGE_MS);
  const cert = material('client-certificate-data', 'client-certificate', user, CERTIFICATE_MAX_AGE_MS);
  const key = material('client-key-data', 'client-key', user, CERTIFICATE_MAX_AGE_MS);
  if ((cert === undefined) !== (key === undefined)) {
    throw invalid(file, `user "${userName}" has a client certificate or a key, but not both`);
  }
  const token = tokenOf(file, user, options);
  const servername = text(cluster, 'tls-server-name');
  const rejectUnauthorized = cluster['insecure-skip-tls-verify'] !== true;
  const impersonation = impersonationOf(user);

  return {
    kind: token !== undefined ? 'token' : cert !== undefined ? 'certificate' : 'anonymous',
    server,
    namespace: text(context, 'namespace'),
    tls(): TlsMaterial {
      return {
        ...(ca !== undefined && { ca: ca.read() }),
        ...(cert !== undefined && { cert: cert.read() }),
        ...(key !== undefined && { key: key.read() }),
        ...(servername !== undefined && { servername }),
        rejectUnauthorized,
      };
    },
    headers: async () => ({
      ...(token !== undefined && { authorization: `Bearer ${token.read()}` }),
      ...impersonation,
    }),
    refresh() {
      token?.invalidate();
      ca?.invalidate();
      cert?.invalidate();
      key?.invalidate();
    },
  };
}

interface Material {
  read(): string;
  invalidate(): void;
}

function fixed(value: string): Material {
  return { read: () => value, invalidate: () => undefined };
}

function parse(file: string): Fields {
  try {
    const config = load(readFileSync(file, 'utf8'));
    if (typeof config === 'object' && config !== null) return config as Fields;
  } catch (error) {
    throw invalid(file, messageOf(error), error);
  }
  throw invalid(file, 'is not a kubeconfig');
}

function named(file: string, config: Fields, list: string, name: string, field: string): Fields {
  const entries = Array.isArray(config[list]) ? (config[list] as readonly Fields[]) : [];
  const entry = entries.find((candidate) => candidate['name'] === name);
  if (entry === undefined) throw invalid(file, `${list} has no entry "${name}"`);
  return (entry[field] ?? {}) as Fields;
}

function serverOf(file: string, cluster: Fields): URL {
  const server = text(cluster, 'server') ?? '';
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw invalid(file, `server "${server}" is not an http or https URL`);
  }
  return new URL(server);
}

/** A file wins over inline data nowhere: kubectl takes the data when both are there. */
function materialOf(
  file: string,
  fields: Fields,
  dataField: string,
  fileField: string,
  maxAgeMs: number,
  options: { readonly clock: Clock; readonly logger: Logger },
): Material | undefined {
  const data = text(fields, dataField);
  if (data !== undefined) return fixed(Buffer.from(data, 'base64').toString('utf8'));
  const relative = text(fields, fileField);
  if (relative === undefined) return undefined;
  return new CachedFile({ path: path.resolve(path.dirname(file), relative), maxAgeMs, ...options });
}

/** kubectl: `tokenFile` takes precedence over `token`. */
function tokenOf(
  file: string,
  user: Fields,
  options: { readonly clock: Clock; readonly logger: Logger },
): Material | undefined {
  const relative = text(user, 'tokenFile');
  if (relative !== undefined) {
    const resolved = path.resolve(path.dirname(file), relative);
    return new CachedFile({ path: resolved, maxAgeMs: TOKEN_MAX_AGE_MS, ...options });
  }
  const token = text(user, 'token');
  return token === undefined ? undefined : fixed(token);
}

function impersonationOf(user: Fields): Record<string, string | string[]> {
  const groups = Array.isArray(user['as-groups']) ? user['as-groups'].map(String) : [];
  const as = text(user, 'as');
  const uid = text(user, 'as-uid');
  return {
    ...(as !== undefined && { 'impersonate-user': as }),
    ...(uid !== undefined && { 'impersonate-uid': uid }),
    ...(groups.length > 0 && { 'impersonate-group': groups }),
  };
}

function text(fields: Fields, field: string): string | undefined {
  const value = fields[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function invalid(file: string, message: string, cause?: unknown): ConfigError {
  return new ConfigError('CONFIG_INVALID', 'kubeconfig', `${file}: ${message}`, { cause });
}
