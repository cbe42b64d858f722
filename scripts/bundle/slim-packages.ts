/** How third-party packages go into the bundle, so that an idle forwarder pays only for what it runs. */
import path from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { pack } from './pack.ts';

/**
 * Evaluated on first use only, and what of them is packed. In plain text V8 would read and keep them at start: 38 MB.
 * Of client-node the credentials alone: its clients of every API weigh 3 MB, and nobody uses them.
 */
const PACKED: Readonly<Record<string, string>> = {
  './lambda-sdk.ts': "export * from './lambda-sdk.ts';",
  './kafka-client.ts': "export * from './kafka-client.ts';",
  './nats-client.ts': "export * from './nats-client.ts';",
  './rabbitmq-client.ts': "export * from './rabbitmq-client.ts';",
  '@kubernetes/client-node': "export { KubeConfig } from '@kubernetes/client-node/dist/config.js';",
};

/** What express requires at start for what the admin server never does: read bodies, send files. 5 MB. */
const LEFT_OUT: readonly string[] = ['body-parser', 'mime-types', 'qs', 'send', 'serve-static'];

/** Packages that load by `import()` become compressed text that is evaluated by it. */
export function packHeavyPackages(options: BuildOptions): Plugin {
  return {
    name: 'pack heavy packages',
    setup(bundler) {
      bundler.onResolve({ filter: exactly(Object.keys(PACKED)) }, ({ path: name, kind, resolveDir }) => {
        if (kind !== 'dynamic-import') throw new Error(`${name} must be loaded by import()`);
        return { path: name, namespace: 'packed', pluginData: resolveDir };
      });
      bundler.onLoad({ filter: /./, namespace: 'packed' }, async ({ path: name, pluginData }) => {
        const { outputFiles } = await build({
          ...options,
          stdin: { contents: PACKED[name] ?? '', resolveDir: String(pluginData) },
          // The text is evaluated outside of any module, where import() does not work.
          supported: { 'dynamic-import': false },
          write: false,
        });
        return { contents: unpacking(name, outputFiles[0]?.text ?? '') };
      });
    },
  };
}

/** Parts of packages that the forwarder has no use for. */
export const leaveOutUnusedParts: Plugin = {
  name: 'leave out unused parts',
  setup(bundler) {
    bundler.onResolve({ filter: /^undici$/ }, () => ({
      path: path.join(import.meta.dirname, 'undici-core.cjs'),
    }));
    bundler.onResolve({ filter: exactly(LEFT_OUT) }, ({ path: name }) => ({
      path: name,
      namespace: 'left-out',
    }));
    bundler.onLoad({ filter: /./, namespace: 'left-out' }, () => ({ contents: 'module.exports = {};' }));
  },
};

function exactly(names: readonly string[]): RegExp {
  return new RegExp(`^(?:${names.join('|')})$`);
}

/** A CommonJS module that evaluates the packed one. */
function unpacking(name: string, text: string): string {
  return `
    const { compileFunction } = require('node:vm');
    const { brotliDecompressSync } = require('node:zlib');
    const text = brotliDecompressSync(Buffer.from(${JSON.stringify(pack(text))}, 'base64')).toString();
    compileFunction(text, ['module', 'exports', 'require'], { filename: ${JSON.stringify(name)} })(module, exports, require);
  `;
}
