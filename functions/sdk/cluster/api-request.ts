import { Agent, request as send } from 'node:https';
import { oneLine } from '../one-line.ts';
import type { ApiEndpoint } from './api-access.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** A server-side apply. */
  readonly apply?: unknown;
}

export interface ApiAnswer {
  readonly status: number;
  /** The JSON that came; undefined for other bodies. */
  readonly body: unknown;
}

/** Sends one request. Rejects where no answer came. */
export type SendToApi = (request: ApiRequest) => Promise<ApiAnswer>;

/** The API server refused, or could not be reached (then without a status). */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly status: number | undefined;

  constructor(request: ApiRequest, answer: ApiAnswer | undefined, cause?: unknown) {
    const said = answer === undefined ? cause : answer.body;
    const why = (said as { message?: unknown } | null | undefined)?.message;
    const words = [request.method, `${request.path}:`, answer?.status ?? 'no answer'];
    super(oneLine([...words, typeof why === 'string' ? why : ''].join(' ')), { cause });
    this.status = answer?.status;
  }
}

/** Connections are kept between calls; one agent for each API server. */
const agents = new Map<string, Agent>();

function agentOf({ server, certificateAuthority }: ApiEndpoint): Agent {
  const key = `${server}\n${certificateAuthority ?? ''}`;
  const agent =
    agents.get(key) ??
    new Agent({
      keepAlive: true,
      ...(certificateAuthority !== undefined && { ca: certificateAuthority }),
    });
  agents.set(key, agent);
  return agent;
}

/** Requests as the owner of a token; each ends with `signal`. */
export function apiSender(endpoint: () => ApiEndpoint, signal: AbortSignal): SendToApi {
  return (request) =>
    new Promise((resolve, reject) => {
      const at = endpoint();
      const body = request.apply === undefined ? undefined : JSON.stringify(request.apply);
      const query = request.query === undefined ? '' : `?${new URLSearchParams(request.query).toString()}`;
      const outgoing = send(
        `${at.server}${request.path}${query}`,
        {
          method: request.method,
          agent: agentOf(at),
          signal,
          headers: {
            accept: 'application/json',
            authorization: `Bearer ${at.token}`,
            'user-agent': 'statewire-functions',
            ...(body !== undefined && {
              'content-type': 'application/apply-patch+yaml',
              'content-length': Buffer.byteLength(body),
            }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('error', reject);
          response.once('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              body: jsonOf(Buffer.concat(chunks).toString('utf8')),
            }),
          );
        },
      );
      outgoing.once('error', (cause) => reject(new ApiFailure(request, undefined, cause)));
      outgoing.end(body);
    });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
