/** The process of one version of a function: loads the file, serves the function, tells what files it is made of. */
import { createServer, type RequestListener } from 'node:http';
import { createRequire, registerHooks } from 'node:module';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { FunctionKind, FunctionMessage } from './function-messages.ts';

/** What defineFunction returns, as far as it is looked at here: the package is the one installed beside the file. */
interface Definition {
  readonly resource: FunctionKind;
  readonly handlers: object;
}

/** Resolves when the one who started it is gone. */
export async function serveFunction(file: string, wanted: string | undefined): Promise<number> {
  // Ctrl-C is for the one who started it, who lets running calls end first.
  process.on('SIGINT', () => undefined);
  const gone = new Promise<void>((resolve) => process.once('disconnect', resolve));
  try {
    const definition = await load(file, wanted);
    const server = createServer(await listenerOf(file, definition));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { apiVersion, kind } = definition.resource;
    const { port } = server.address() as AddressInfo;
    tell({ type: 'serving', port, kind: { apiVersion, kind } });
  } catch (error) {
    tell({ type: 'failed', message: describe(error) });
  }
  await gone;
  // What the function has started may go on for ever.
  process.exit(0);
}

function tell(message: FunctionMessage): void {
  process.send?.(message);
}

async function load(file: string, wanted: string | undefined): Promise<Definition> {
  registerHooks({
    load: (url, context, next) => {
      if (url.startsWith('file:') && !url.includes('/node_modules/')) {
        tell({ type: 'file', path: fileURLToPath(url) });
      }
      return next(url, context);
    },
  });
  const exported = Object.entries((await import(pathToFileURL(file).href)) as Record<string, unknown>);
  const found = exported.filter(([name, value]) => isDefinition(value) && (wanted ?? name) === name);
  const [only, ...others] = found;
  if (only === undefined) {
    const what = wanted === undefined ? 'nothing made by defineFunction' : `no function "${wanted}"`;
    throw new LoadError(`${path.basename(file)} exports ${what}`);
  }
  if (others.length > 0) {
    const names = found.map(([name]) => name).join(', ');
    throw new LoadError(`${path.basename(file)} exports several functions, choose by --export: ${names}`);
  }
  return only[1] as Definition;
}

/** By its shape: the file may have another copy of the package than anybody else. */
function isDefinition(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { resource, handlers } = value as Partial<Definition>;
  return (
    typeof resource?.apiVersion === 'string' &&
    typeof resource.kind === 'string' &&
    typeof handlers === 'object'
  );
}

/** `toHttp` of the package that the file has. */
async function listenerOf(file: string, definition: Definition): Promise<RequestListener> {
  const adapter = createRequire(file).resolve('@statewire/functions/http');
  const { toHttp } = (await import(pathToFileURL(adapter).href)) as {
    readonly toHttp: (definition: Definition) => RequestListener;
  };
  return toHttp(definition);
}

/** Says all in its message. */
class LoadError extends Error {
  override readonly name = 'LoadError';
}

/** For a syntax error Node puts the place and the line into the stack, before the message. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof LoadError) return error.message;
  const lines = (error.stack ?? String(error)).split('\n');
  return lines.filter((line) => !/^\s+at .*\(?node:/.test(line)).join('\n');
}
