/**
 * The Azure Functions library for Node.js, called as its host calls it: `app.http` registers through the core module that
 * the host provides, and requests reach the function as the library's own `HttpRequest`.
 */
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import Module from 'node:module';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { AzureHandler } from '../../functions/sdk/azure.ts';
import { cachedPackage } from './cached-packages.ts';
import { serve, type Served } from './serve.ts';

interface Metadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, { readonly type: string; readonly direction: string }>>;
}

interface RpcHttp {
  readonly http: {
    readonly statusCode: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: { readonly bytes?: Uint8Array; readonly string?: string } | null;
  };
}

interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], handler: unknown): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<{ readonly returnValue: RpcHttp }>;
}

interface Library {
  readonly app: {
    http(name: string, options: { methods: string[]; authLevel: string; handler: AzureHandler }): void;
  };
}

/** What the library finds as `@azure/functions-core`. */
class Core {
  readonly version = '4.1050.0';
  readonly hostVersion = '4.1050.0';
  readonly functions = new Map<string, { metadata: Metadata; handler: unknown }>();
  model: { getInvocationModel(context: unknown): InvocationModel } | undefined;

  readonly setProgrammingModel = (model: Core['model']): void => {
    this.model = model;
  };
  readonly registerFunction = (metadata: Metadata, handler: unknown): { dispose(): void } => {
    this.functions.set(metadata.name, { metadata, handler });
    return { dispose: () => undefined };
  };
  readonly registerHook = (): { dispose(): void } => ({ dispose: () => undefined });
  readonly log = (): void => undefined;
}

let loaded: Promise<{ library: Library; core: Core }> | undefined;

async function load(): Promise<{ library: Library; core: Core }> {
  const folder = await cachedPackage({ name: '@azure/functions', version: '4.16.5' });
  const core = new Core();
  const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown };
  const original = loader._load;
  loader._load = (request, ...rest) =>
    request === '@azure/functions-core' ? core : original.call(loader, request, ...rest);
  const library = createRequire(path.join(folder, 'package.json'))('@azure/functions') as Library;
  return { library, core };
}

/** Serves a handler as the HTTP function of that name. */
export async function startAzureFunction(name: string, handler: AzureHandler): Promise<Served> {
  const { library, core } = await (loaded ??= load());
  library.app.http(name, { methods: ['POST', 'OPTIONS'], authLevel: 'function', handler });
  const registered = core.functions.get(name);
  if (registered === undefined || core.model === undefined) throw new Error('the library registered nothing');
  const { metadata, handler: callback } = registered;
  const [trigger = ''] =
    Object.entries(metadata.bindings).find(([, { type }]) => type === 'httpTrigger') ?? [];
  return serve((request, response) => {
    void (async () => {
      const body = await buffer(request);
      const data = {
        http: {
          url: `http://function.test${request.url}`,
          method: request.method,
          headers: request.headers,
          nullableHeaders: {},
          body: body.length === 0 ? undefined : { bytes: body },
        },
      };
      const invocation = core.model?.getInvocationModel({
        metadata,
        invocationId: randomUUID(),
        request: { inputData: [{ name: trigger, data }], triggerMetadata: {} },
        log: core.log,
        state: undefined,
      });
      if (invocation === undefined) throw new Error('no model');
      const { context, inputs } = await invocation.getArguments();
      const result = await invocation.invokeFunction(context, inputs, callback);
      const { http } = (await invocation.getResponse(context, result)).returnValue;
      response.writeHead(Number(http.statusCode), http.headers);
      response.end(http.body?.bytes ?? http.body?.string);
    })().catch((error: unknown) => response.writeHead(500).end(`the host failed: ${String(error)}`));
  });
}
