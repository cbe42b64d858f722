/** What deploys the examples to their hosts, as far as it can be checked without those: names, images' contents, pods. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { load, loadAll } from 'js-yaml';
import { cachedPackage } from '../support/cached-packages.ts';
import { TestProcess } from '../support/child-process.ts';
import { sharedLocalCluster } from '../support/cluster.ts';
import { binaryForm, functionEvent, widget } from '../support/function-events.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly target: {
      readonly openfaas?: { readonly name: string };
      readonly knative?: { readonly ref: { readonly kind: string; readonly name: string } };
    };
    readonly template: { readonly metadata?: object; readonly spec: Record<string, unknown> };
  };
}

const read = (file: string): Manifest[] => loadAll(readFileSync(file, 'utf8')) as Manifest[];
const targets = globSync('functions/*/trigger*.yaml')
  .flatMap(read)
  .map(({ spec }) => spec.target);

describe('deploy/openfaas/stack.yaml', () => {
  const { functions } = load(readFileSync('deploy/openfaas/stack.yaml', 'utf8')) as {
    functions: Record<string, { handler: string; environment: Record<string, string> }>;
  };

  it('has each function that a trigger names, and no other', () => {
    const named = targets.flatMap(({ openfaas }) => (openfaas === undefined ? [] : [openfaas.name]));
    assert.deepEqual(Object.keys(functions).toSorted(), named.toSorted());
  });

  for (const [name, { handler, environment }] of Object.entries(functions)) {
    it(`${name} is a handler of what was built`, () => {
      const program = `process.exit(typeof require('${handler}/handler.js') === 'function' ? 0 : 1)`;
      const { status, stderr } = spawnSync(process.execPath, ['-e', program], {
        env: { ...process.env, ...environment },
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      assert.equal(environment['STATEWIRE_FUNCTION'], name);
    });
  }
});

describe('deploy/knative', () => {
  const services = globSync('deploy/knative/*.yaml').flatMap(read);

  it('has each Service that a trigger refers to, and no other', () => {
    const named = targets.flatMap(({ knative }) => (knative === undefined ? [] : [knative.ref.name]));
    assert.deepEqual(
      services.map(({ metadata }) => metadata.name),
      named,
    );
  });

  for (const { metadata, spec } of services) {
    it(`${metadata.name} has pods that the API server takes`, async () => {
      const cluster = await sharedLocalCluster();
      const { containerConcurrency, timeoutSeconds, containers, ...rest } = spec.template.spec;
      assert.ok(Number(containerConcurrency) > 0 && Number(timeoutSeconds) > 30);
      const [container = {}] = containers as Record<string, unknown>[];
      // Knative gives a probe without a port the container's.
      const probe = { httpGet: { path: '/health/readiness', port: 8080 } };
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: metadata.name, namespace: 'default' },
        spec: { ...rest, containers: [{ ...container, readinessProbe: probe }] },
      };
      const args = ['apply', '--dry-run=server', '--validate=strict', '--output=name', '-f', '-'];
      assert.match(await cluster.kubectl(args, JSON.stringify(pod)), /^pod\//);
    });
  }
});

describe('dist/knative', () => {
  for (const file of globSync('functions/*/func.yaml')) {
    const name = path.basename(path.dirname(file));
    const folder = path.resolve('dist/knative', name);

    it(`has a project of ${name} that func build takes`, () => {
      // Without the date of its creation `func` finds no function there.
      const func = load(readFileSync(path.join(folder, 'func.yaml'), 'utf8')) as Record<string, unknown>;
      assert.deepEqual([func['name'], func['runtime']], [name, 'node']);
      assert.ok(func['created'] instanceof Date || !Number.isNaN(Date.parse(String(func['created']))));
      const { main, scripts } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
        main: string;
        scripts: { start: string };
      };
      assert.equal(scripts.start, `faas-js-runtime ./${main}`);
    });

    it(`has a bundle of ${name} that Knative's runtime serves`, async (t) => {
      const runtime = await cachedPackage({ name: 'faas-js-runtime', version: '4.0.1' });
      const script = path.resolve('test/support/knative-runtime.ts');
      const child = new TestProcess(process.execPath, [
        script,
        runtime,
        path.join(folder, 'index.js'),
        'handle',
      ]);
      t.after(() => child[Symbol.asyncDispose]());
      await child.printed('listening on ');
      const [, port = ''] = /listening on (\d+)/.exec(child.output) ?? [];
      const { headers, body } = binaryForm(functionEvent({ object: widget({}) }));
      const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body });
      assert.match(await response.text(), /this function takes .*, not/);
    });
  }
});

describe('the roles and Deployments of examples', () => {
  for (const file of globSync(['deploy/openfaas/*-rbac.yaml', 'functions/*/deployment.yaml'])) {
    it(`${file} is taken by the API server`, async () => {
      const cluster = await sharedLocalCluster();
      const text = readFileSync(file, 'utf8').replaceAll('namespace: openfaas-fn', 'namespace: default');
      await cluster.kubectl(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], text);
    });
  }
});
