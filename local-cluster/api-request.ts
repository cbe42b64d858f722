/** The few requests that starting a cluster takes. */
import http from 'node:http';
import https from 'node:https';

export interface ApiAccess {
  readonly server: string;
  readonly caPem: string;
  readonly token: string;
}

export interface ApiReply {
  readonly status: number;
  readonly body: string;
}

const TIMEOUT_MS = 10_000;

function send(request: http.ClientRequest, body: unknown): Promise<ApiReply> {
  return new Promise((resolve, reject) => {
    request.once('error', reject);
    request.setTimeout(TIMEOUT_MS, () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.once('error', reject);
    });
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** One request in JSON to an API server; any status is an answer. */
export function apiRequest(
  { server, caPem, token }: ApiAccess,
  method: string,
  url: string,
  body?: unknown,
): Promise<ApiReply> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return send(https.request(new URL(url, server), { method, ca: caPem, headers, agent: false }), body);
}

/** One request to etcd's JSON gateway on its Unix socket. */
export function etcdRequest(
  socketPath: string,
  method: string,
  url: string,
  body?: unknown,
): Promise<ApiReply> {
  return send(http.request({ socketPath, method, path: url, agent: false }), body);
}
