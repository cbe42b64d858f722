/** crd.yaml as types. */
export const API_VERSION = 'api.example.com/v1';

export interface PublicApiSpec {
  readonly basePath: string;
  readonly upstream: string;
  readonly policies?: readonly string[] | undefined;
}

export interface RouteSpec {
  readonly api: string;
  readonly path: string;
  readonly methods: readonly string[];
  readonly policies?: readonly string[];
}

export interface PolicySpec {
  readonly requestsPerMinute?: number;
  readonly auth?: 'None' | 'ApiKey' | 'JWT';
  readonly issuer?: string;
}
