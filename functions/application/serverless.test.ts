/** serverless.yml, by the Serverless framework itself: what is packaged, and what is served on this computer. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { functionEvent } from '../../test/support/function-events.ts';
import { reconcile } from './reconcile.ts';

const root = path.join(import.meta.dirname, '../..');
const out = mkdtempSync(path.join(tmpdir(), 'statewire-serverless-'));
after(() => rmSync(out, { recursive: true, force: true }));

/** What serverless.yml deploys, and the trigger that calls it there. */
const FUNCTIONS = [
  ['application', 'application/trigger.yaml'],
  ['my-resource', 'my-resource/trigger-lambda.yaml'],
] as const;

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** The Serverless framework on this Node: one process, its functions in threads. */
function serverless(...args: string[]): Child {
  return spawn(process.execPath, ['node_modules/serverless/bin/serverless.js', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, CI: '1' },
  });
}

/** Names and sizes of the files in a zip, from its central directory (PKWARE APPNOTE 4.3.12 and 4.3.16). */
function filesInZip(zip: Buffer): { name: string; bytes: number }[] {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = zip.readUInt32LE(end + 16);
  return Array.from({ length: zip.readUInt16LE(end + 10) }, () => {
    const nameBytes = zip.readUInt16LE(at + 28);
    const entry = {
      name: zip.toString('utf8', at + 46, at + 46 + nameBytes),
      bytes: zip.readUInt32LE(at + 24),
    };
    at += 46 + nameBytes + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    return entry;
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('serverless package', () => {
  before(async () => {
    const child = serverless('package', '--package', out);
    const said = Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = (await once(child, 'exit')) as [number];
    assert.equal(code, 0, (await said).join('\n'));
  });

  for (const [name, trigger] of FUNCTIONS) {
    it(`puts one file into the zip of ${name}: the bundle, at most 150 KB`, () => {
      const files = filesInZip(readFileSync(path.join(out, `${name}.zip`)));
      assert.deepEqual(
        files.map((file) => file.name),
        [`dist/functions/${name}.mjs`],
      );
      assert.ok((files[0]?.bytes ?? Infinity) <= 150_000, `${files[0]?.bytes} bytes`);
    });

    it(`is where ${trigger} calls ${name}`, () => {
      const text = readFileSync(path.join(root, 'functions', trigger), 'utf8');
      assert.match(text, new RegExp(`functionName: ${name},`));
    });
  }

  it("asks for Lambda's Node.js 24 on arm64, for every function", () => {
    const template = readFileSync(path.join(out, 'cloudformation-template-update-stack.json'), 'utf8');
    const { Resources } = JSON.parse(template) as {
      Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
    };
    const functions = Object.values(Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');
    assert.deepEqual(
      functions.map(({ Properties: { Runtime, Architectures, FunctionName, Handler } }) => {
        return { Runtime, Architectures, FunctionName, Handler };
      }),
      FUNCTIONS.map(([name]) => ({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        FunctionName: name,
        Handler: `dist/functions/${name}.handler`,
      })),
    );
  });
});

describe('serverless offline', () => {
  let child: Child;
  let client: LambdaClient;

  before(async () => {
    const [httpPort, lambdaPort] = [await freePort(), await freePort()];
    child = serverless(
      'offline',
      '--host',
      '127.0.0.1',
      '--httpPort',
      `${httpPort}`,
      '--lambdaPort',
      `${lambdaPort}`,
    );
    client = new LambdaClient({
      region: 'eu-central-1',
      endpoint: `http://127.0.0.1:${lambdaPort}`,
      credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
      maxAttempts: 1,
    });
    await new Promise<void>((resolve, reject) => {
      let said = '';
      const read = (chunk: Buffer): void => {
        said += chunk.toString();
        if (said.includes('Function names exposed')) resolve();
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', (code) => reject(new Error(`serverless offline ended with ${code}: ${said}`)));
    });
  });

  after(async () => {
    client.destroy();
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });

  const shop = {
    apiVersion: 'example.com/v1',
    kind: 'Application',
    metadata: { name: 'shop', namespace: 'demo', uid: 'uid-1', generation: 1 },
    spec: { image: 'registry.example.com/shop:1', replicas: 3, port: 8080 },
  };
  const children = { 'Deployment.apps/v1': {}, 'Service.v1': {} };

  async function invoke(
    event: unknown,
    clientContext?: object,
  ): Promise<{ error: unknown; answer: unknown }> {
    const { FunctionError, Payload } = await client.send(
      new InvokeCommand({
        FunctionName: 'application',
        Payload: JSON.stringify(event),
        ...(clientContext !== undefined && {
          ClientContext: Buffer.from(JSON.stringify(clientContext)).toString('base64'),
        }),
      }),
    );
    return { error: FunctionError, answer: JSON.parse(Buffer.from(Payload ?? []).toString()) };
  }

  it('serves the function to the AWS SDK', async () => {
    const answered = await invoke(functionEvent({ object: shop, data: { children } }));
    assert.deepEqual(answered, { error: undefined, answer: reconcile(shop, children) });
  });

  it('returns an error to a caller that waits', async () => {
    const bad = functionEvent({ object: { ...shop, kind: 'Shop' } });
    const { error, answer } = await invoke(bad, { custom: { idempotencyKey: 'k' } });
    assert.equal(error, undefined);
    assert.deepEqual((answer as { error: unknown }).error, {
      message: 'this function takes example.com/v1 Application, not example.com/v1 Shop',
      retryable: false,
    });
  });

  it('fails the invocation for a caller that does not say it waits', async () => {
    const { error } = await invoke(functionEvent({ object: { ...shop, kind: 'Shop' } }));
    assert.equal(error, 'Unhandled');
  });
});
