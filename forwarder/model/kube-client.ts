/** Requests to the API server, as the stages ask for them. `kube/` implements it. */

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Begins with `/`; names in it are already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body?: string;
  /** @defaultValue application/json */
  readonly contentType?: string;
  /** @defaultValue 30,000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface KubeResponse {
  readonly status: number;
  /** The body as text, at most the limit of the client. */
  readonly text: string;
}

/** Throws ApiError for every answer that is not 2xx and for every request without an answer. */
export interface KubeClient {
  request(request: KubeRequest): Promise<KubeResponse>;
}
