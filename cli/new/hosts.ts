/** What a project has more, or otherwise, on each host. A new host is one entry. */

export interface HostProject {
  /** The adapter's file, by its text. `fn` is what the function is called. */
  readonly file: string;
  readonly text: (fn: string, name: string) => string;
  /** Further files. */
  readonly files?: (name: string) => Readonly<Record<string, string>>;
  /** Packages that it needs to run, and to be built. */
  readonly dependencies?: readonly string[];
  readonly devDependencies?: readonly string[];
  readonly scripts: Readonly<Record<string, string>>;
  /** What the host loads, where it asks package.json. */
  readonly main?: string;
  /** `target` of the trigger. */
  readonly target: (name: string) => Readonly<Record<string, unknown>>;
  /** How it gets there, in Markdown. */
  readonly deploy: (name: string) => string;
}

export type HostName = keyof typeof HOSTS;

const bundle = (file: string, out: string, more = ''): string =>
  `esbuild ${file} --bundle --minify --keep-names --platform=node --target=node24 --format=${out.endsWith('.cjs') ? 'cjs' : 'esm'} --outfile=${out}${more}`;

/** An image with the bundle alone. */
const dockerfile = (file: string): Readonly<Record<string, string>> => ({
  Dockerfile: `# After npm run build: one file, and Node.
FROM node:24-slim
COPY dist/${file} /${file}
USER node
EXPOSE 8080
CMD ["node", "/${file}"]
`,
});

const inCluster = (name: string): Readonly<Record<string, unknown>> => ({
  http: { service: { name, port: 8080 } },
});
const deployImage = (name: string): string =>
  `\`npm run build && docker build -t ${name} .\`, then a Deployment of that image and a Service \`${name}\` with port 8080 in the
namespace of the trigger.`;

export const HOSTS: {
  readonly lambda: HostProject;
  readonly http: HostProject;
  readonly express: HostProject;
  readonly openfaas: HostProject;
  readonly knative: HostProject;
  readonly 'cloud-function': HostProject;
  readonly azure: HostProject;
  readonly fetch: HostProject;
} = {
  lambda: {
    file: 'lambda.ts',
    text: (fn) => `import { toLambda } from '@statewire/functions/lambda';
import { ${fn} } from './function.ts';

export const handler = toLambda(${fn});
`,
    files: (name) => ({
      'serverless.yml': `# After npm run build: npx serverless deploy, or osls without an account.
service: ${name}
frameworkVersion: '4'

provider:
  name: aws
  runtime: nodejs24.x
  architecture: arm64
  region: eu-central-1
  memorySize: 256
  timeout: 30

package:
  patterns: ['!**', 'dist/lambda.mjs']

functions:
  ${name}:
    # The name that trigger.yaml calls.
    name: ${name}
    handler: dist/lambda.handler
`,
    }),
    scripts: { build: bundle('lambda.ts', 'dist/lambda.mjs') },
    target: (name) => ({ lambda: { functionName: name, region: 'eu-central-1' } }),
    deploy: (name) =>
      `\`npm run build && npx serverless deploy\`: a Lambda function \`${name}\` on Node.js 24. The forwarder needs the right
\`lambda:InvokeFunction\` for it.`,
  },
  http: {
    file: 'server.ts',
    text: (fn) => `import { createServer } from 'node:http';
import { toHttp } from '@statewire/functions/http';
import { ${fn} } from './function.ts';

createServer(toHttp(${fn})).listen(Number(process.env['PORT'] ?? 8080));
`,
    files: () => dockerfile('server.mjs'),
    scripts: { start: 'node server.ts', build: bundle('server.ts', 'dist/server.mjs') },
    target: inCluster,
    deploy: deployImage,
  },
  express: {
    file: 'server.ts',
    text: (fn) => `import express from 'express';
import { toExpress } from '@statewire/functions/express';
import { ${fn} } from './function.ts';

const app = express();
app.use('/', toExpress(${fn}));
app.listen(Number(process.env['PORT'] ?? 8080));
`,
    files: () => dockerfile('server.cjs'),
    dependencies: ['express'],
    devDependencies: ['@types/express'],
    // express is CommonJS, and so is its bundle.
    scripts: { start: 'node server.ts', build: bundle('server.ts', 'dist/server.cjs') },
    target: inCluster,
    deploy: deployImage,
  },
  openfaas: {
    file: 'openfaas.ts',
    text: (fn) => `import { toOpenFaaS } from '@statewire/functions/openfaas';
import { ${fn} } from './function.ts';

export const handle = toOpenFaaS(${fn});
`,
    files: (name) => ({
      'stack.yaml': `# After npm run build: faas-cli up
version: 1.0
provider:
  name: openfaas
  gateway: http://127.0.0.1:8080
functions:
  ${name}:
    lang: node22
    handler: ./handler
    image: ${name}:latest
    environment:
      # Events are larger than the 100 kB that the template takes else.
      MAX_JSON_SIZE: 5mb
      exec_timeout: 60s
      read_timeout: 60s
      write_timeout: 60s
`,
      'handler/package.json': `${JSON.stringify({ name, private: true, type: 'commonjs' }, null, 2)}\n`,
    }),
    scripts: {
      // The template takes what module.exports is.
      build: `${bundle('openfaas.ts', 'handler/handler.js').replace('=esm', '=cjs')} --footer:js=module.exports=module.exports.handle`,
    },
    target: (name) => ({ openfaas: { name } }),
    deploy: () => '`npm run build && faas-cli template store pull node22 && faas-cli up`.',
  },
  knative: {
    file: 'knative.ts',
    text: (fn) => `import { toKnative } from '@statewire/functions/knative';
import { ${fn} } from './function.ts';

export const handle = toKnative(${fn});
`,
    files: (name) => ({
      Dockerfile: `# After npm run build: the bundle, and Knative's runtime for Node.js functions.
FROM node:24-slim
WORKDIR /app
RUN npm install --no-save faas-js-runtime@4.0.1
COPY dist/knative.mjs ./
USER node
EXPOSE 8080
CMD ["npx", "faas-js-runtime", "./knative.mjs"]
`,
      'service.yaml': `# Put the name of your image here.
apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: ${name}
  labels:
    networking.knative.dev/visibility: cluster-local
spec:
  template:
    spec:
      timeoutSeconds: 60
      containers:
        - image: ${name}:1
          ports: [{ name: http1, containerPort: 8080 }]
`,
    }),
    scripts: { build: bundle('knative.ts', 'dist/knative.mjs') },
    target: (name) => ({ knative: { ref: { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name } } }),
    deploy: (name) =>
      `\`npm run build && docker build -t ${name}:1 .\`, then \`kubectl apply -f service.yaml\` in the namespace of the trigger.`,
  },
  'cloud-function': {
    file: 'cloud-function.ts',
    text: (fn) => `import { toCloudFunction } from '@statewire/functions/cloud-function';
import { ${fn} } from './function.ts';

export const handle = toCloudFunction(${fn});
`,
    scripts: { build: bundle('cloud-function.ts', 'dist/cloud-function.mjs') },
    main: 'dist/cloud-function.mjs',
    target: (name) => {
      const url = `https://europe-west3-my-project.cloudfunctions.net/${name}`;
      return { http: { url, auth: { googleIdToken: { audience: url } } } };
    },
    deploy: (name) =>
      `\`npm run build && gcloud functions deploy ${name} --gen2 --runtime=nodejs24 --entry-point=handle --trigger-http\`, then its
URL into \`trigger.yaml\`.`,
  },
  azure: {
    file: 'azure.ts',
    text: (fn, name) => `import { app } from '@azure/functions';
import { toAzure } from '@statewire/functions/azure';
import { ${fn} } from './function.ts';

app.http('${name}', { methods: ['POST', 'OPTIONS'], authLevel: 'function', handler: toAzure(${fn}) });
`,
    files: () => ({
      'host.json': `${JSON.stringify({ version: '2.0', functionTimeout: '00:01:00' }, null, 2)}\n`,
    }),
    dependencies: ['@azure/functions'],
    scripts: { build: bundle('azure.ts', 'dist/azure.cjs', ' --external:@azure/functions-core') },
    main: 'dist/azure.cjs',
    target: (name) => ({
      http: {
        url: `https://${name}.azurewebsites.net/api/${name}`,
        auth: { azureFunctionKey: { secretRef: { name, key: 'function-key' } } },
      },
    }),
    deploy: (name) =>
      `\`npm run build && func azure functionapp publish ${name}\`, then its URL into \`trigger.yaml\` and its key into the Secret \`${name}\`.`,
  },
  fetch: {
    file: 'fetch.ts',
    text: (fn) => `import { toFetch } from '@statewire/functions/fetch';
import { ${fn} } from './function.ts';

export default { fetch: toFetch(${fn}) };
`,
    scripts: { build: bundle('fetch.ts', 'dist/fetch.mjs') },
    target: (name) => ({ http: { url: `https://${name}.example.com/` } }),
    deploy: () => '`npm run build`, then `dist/fetch.mjs` to your host, and its URL into `trigger.yaml`.',
  },
};
