/**
 * Access by way of client-node, for what our own reader leaves to it: exec plugins, OIDC and other auth providers,
 * basic auth, proxies, several kubeconfig files. It only tells server, certificates and headers; requests stay ours.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../lib/clock.ts';
import { ConfigError, messageOf } from '../lib/errors.ts';
import type { KubeAccess, TlsMaterial } from './kube-access.ts';

/** Plugins cache on their own; this only spares asking them for each of many requests. */
const HEADERS_MAX_AGE_MS = 10_000;

interface Applied {
  readonly headers?: Readonly<Record<string, string>>;
  readonly ca?: Buffer | string;
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
  readonly auth?: string;
}

/** Loads client-node (33 MB) on first use. `files`: at least one; merged in this order. */
export async function pluginAccess(
  files: readonly string[],
  options: { readonly clock: Clock },
): Promise<KubeAccess> {
  const library = await import('@kubernetes/client-node');
  const load = (): KubeConfig => {
    try {
      const config = new library.KubeConfig();
      config.loadFromFile(files[0] ?? '');
      for (const file of files.slice(1)) {
        const more = new library.KubeConfig();
        more.loadFromFile(file);
        config.mergeConfig(more, true);
      }
      return config;
    } catch (error) {
      throw new ConfigError('CONFIG_INVALID', 'kubeconfig', `${files.join(', ')}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  };
  let config = load();
  const cluster = config.getCurrentCluster();
  if (cluster === null || !URL.canParse(cluster.server)) {
    throw new ConfigError('CONFIG_INVALID', 'kubeconfig', `${files.join(', ')}: no cluster is selected`);
  }
  let applied: { readonly value: Promise<Applied>; readonly atMs: number } | undefined;
  let tls: TlsMaterial = { rejectUnauthorized: !cluster.skipTLSVerify };

  const apply = (): Promise<Applied> => {
    const nowMs = options.clock.monotonic();
    if (applied === undefined || nowMs - applied.atMs > HEADERS_MAX_AGE_MS) {
      // One call at a time: concurrent requests would each start the plugin.
      const request: Record<string, unknown> = {};
      const value = config.applyToHTTPSOptions(request).then(() => request as Applied);
      const entry = { value, atMs: nowMs };
      applied = entry;
      value.then(
        (result) => void (tls = tlsOf(result)),
        () => void (applied = applied === entry ? undefined : applied),
      );
    }
    return applied.value;
  };
  try {
    await apply();
  } catch (error) {
    throw new ConfigError('CONFIG_INVALID', 'kubeconfig', `${files.join(', ')}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const proxyUrl = (cluster as { readonly proxyUrl?: string }).proxyUrl;
  if (proxyUrl !== undefined && !/^https?:\/\//.test(proxyUrl)) {
    throw new ConfigError(
      'CONFIG_INVALID',
      'kubeconfig',
      `proxy-url "${proxyUrl}" is not an http or https URL`,
    );
  }

  return {
    kind: 'plugin',
    server: new URL(cluster.server),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    ...(proxyUrl !== undefined && { proxy: new URL(proxyUrl) }),
    tls: () => tls,
    async headers() {
      const { headers = {}, auth } = await apply();
      const lower = Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
      );
      return {
        ...(auth !== undefined && { authorization: `Basic ${Buffer.from(auth).toString('base64')}` }),
        ...lower,
      };
    },
    refresh() {
      // A fresh KubeConfig, because the plugins' caches know nothing of a 401.
      config = load();
      applied = undefined;
    },
  };
}

function tlsOf(applied: Applied): TlsMaterial {
  return {
    ...(applied.ca !== undefined && { ca: applied.ca.toString() }),
    ...(applied.cert !== undefined && { cert: applied.cert.toString() }),
    ...(applied.key !== undefined && { key: applied.key.toString() }),
    ...(applied.servername !== undefined && { servername: applied.servername }),
    rejectUnauthorized: applied.rejectUnauthorized ?? true,
  };
}
