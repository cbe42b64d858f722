import { retryAfter } from '@statewire/functions';
import type { GatewayConfig } from './kinds.ts';
import type { RenderedConfig } from './render.ts';

/** Puts a configuration in force, whole or not at all. Returns why the gateway refuses it; throws where it is away. */
export async function putConfig(
  object: Pick<GatewayConfig, 'metadata'>,
  adminUrl: string,
  config: RenderedConfig,
  signal: AbortSignal,
): Promise<string | undefined> {
  const answer = await send(object, adminUrl, { method: 'PUT', body: JSON.stringify(config), signal });
  if (answer.ok) return undefined;
  if (answer.status >= 500 || answer.status === 429) throw retryAfter('5s', await answer.text());
  return `${answer.status} ${await answer.text()}`;
}

/** Takes it back; nothing happens where there is none. */
export async function deleteConfig(
  object: Pick<GatewayConfig, 'metadata'>,
  adminUrl: string,
  signal: AbortSignal,
): Promise<void> {
  const answer = await send(object, adminUrl, { method: 'DELETE', signal });
  if (!answer.ok && answer.status !== 404) throw retryAfter('5s', await answer.text());
}

async function send(
  { metadata }: Pick<GatewayConfig, 'metadata'>,
  adminUrl: string,
  request: RequestInit,
): Promise<Response> {
  const token = process.env['GATEWAY_ADMIN_TOKEN'];
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const url = `${adminUrl.replace(/\/+$/, '')}/configs/${metadata.namespace}/${metadata.name}`;
  try {
    return await fetch(url, {
      ...request,
      headers: { 'content-type': 'application/json', ...authorization },
    });
  } catch (cause) {
    throw retryAfter('5s', cause);
  }
}
