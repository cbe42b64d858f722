import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { urlProblem } from '../../../forwarder/lib/http-url.ts';

describe('urlProblem', () => {
  const good = [
    'http://a',
    'https://a.b:8443/c?d=e',
    'HTTP://A/',
    'http://[::1]:80/',
    'http://10.0.0.1',
    'http://a?b=@',
  ];
  for (const url of good) {
    it(`takes ${url}`, () => assert.equal(urlProblem(url), undefined));
  }

  const bad: readonly (readonly [reason: string, url: string])[] = [
    ['nothing', ''],
    ['a path', '/a'],
    ['no slashes', 'http:a'],
    ['an empty host', 'http:///a'],
    ['another scheme', 'ftp://a'],
    ['a script', 'javascript:alert(1)'],
    ['credentials', 'http://user:secret@a'],
    ['a user', 'http://user@a'],
    ['an empty user', 'http://@a'],
    ['a fragment', 'http://a/#b'],
    ['an empty fragment', 'http://a/#'],
    ['spaces around', ' http://a '],
    ['a line break', 'http://a/\nb'],
    ['a port out of range', 'http://a:65536'],
  ];
  for (const [reason, url] of bad) {
    it(`refuses ${reason} without repeating it`, () => {
      const problem = urlProblem(url);
      assert.equal(typeof problem, 'string');
      assert.ok(!problem?.includes('secret'));
    });
  }
});
