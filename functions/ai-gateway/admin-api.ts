import type { GatewayConfig } from './kinds.ts';
import type { RenderedConfig } from './render.ts';

type Subject = Pick<GatewayConfig, 'metadata'>;

/** The gateway was not reached, or cannot answer now. */
export class GatewayUnavailableError extends Error {
  override readonly name = 'GatewayUnavailableError';
}

/** What a gateway says of a configuration; every other failure is about the gateway, and passes. */
const REFUSALS: ReadonlySet<number> = new Set([400, 403, 409, 413, 422]);

/**
 * Whether a gateway may be told by this function: `GATEWAY_ADMIN_ORIGINS` names them, with commas between. Whoever may make
 * a resource names a URL; without this they would be sent the token, and could have anything in the cluster called.
 */
export function mayTell(adminUrl: string): boolean {
  const allowed = (process.env['GATEWAY_ADMIN_ORIGINS'] ?? '').split(',').map((origin) => origin.trim());
  return allowed.includes(new URL(adminUrl).origin);
}

/** Puts a configuration in force, whole or not at all. Returns why it is refused; rejects with GatewayUnavailableError. */
export async function putConfig(
  subject: Subject,
  adminUrl: string,
  config: RenderedConfig,
  signal: AbortSignal,
): Promise<string | undefined> {
  const answer = await send(subject, adminUrl, { method: 'PUT', body: JSON.stringify(config), signal });
  if (answer.ok) return undefined;
  const said = await textOf(answer);
  if (REFUSALS.has(answer.status)) return said;
  throw new GatewayUnavailableError(said);
}

/** Takes it back; nothing happens where there is none. Rejects with GatewayUnavailableError. */
export async function deleteConfig(subject: Subject, adminUrl: string, signal: AbortSignal): Promise<void> {
  const answer = await send(subject, adminUrl, { method: 'DELETE', signal });
  if (!answer.ok && answer.status !== 404) throw new GatewayUnavailableError(await textOf(answer));
}

async function send({ metadata }: Subject, adminUrl: string, request: RequestInit): Promise<Response> {
  const token = process.env['GATEWAY_ADMIN_TOKEN'];
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const url = `${adminUrl.replace(/\/+$/, '')}/configs/${metadata.namespace}/${metadata.name}`;
  try {
    return await fetch(url, {
      ...request,
      redirect: 'manual',
      headers: { 'content-type': 'application/json', ...authorization },
    });
  } catch (thrown) {
    // What `fetch` says is "fetch failed"; its cause tells.
    const { cause = thrown } = thrown as { cause?: unknown };
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayUnavailableError(reason, { cause: thrown });
  }
}

async function textOf(answer: Response): Promise<string> {
  return `${answer.status} ${(await answer.text()).slice(0, 256)}`;
}
